"""Keys at the gateway: what counts against their limits, and what is theirs."""

import asyncio
import json
from typing import Any

import pytest

from server.api.gateway import Gateway
from server.generation.request import GuardedRequest, current
from server.keys.key import ANYBODY, Key, Quota
from server.keys.quotas import Quotas
from server.policy.catalog import Catalog, builtin
from server.policy.policy import Policy
from server.reloading import Current
from tests.api.asgi_app import JSON_HEAD, Called, app, body, called_at
from tests.api.store import FakeStore
from tests.api.test_gateway import RESPONSES, Counted, gateway_to
from tests.keys.counting import quotas

BOUND = Key("app", quota=Quota(requests_per_minute=2, tokens_per_minute=10, concurrency=1))
LOOSE = Key("loose", rights=frozenset({"loosen"}))


def by(key: Key) -> dict[str, Any]:
    """What the wall adds to the scope of a request."""
    return {"unsay.key": key}


async def asked_by(
    key: Key, counts: Quotas, asked: object = None, *, first: Any = None, options: Any = None, **scope: Any
) -> Called:
    """One request of a key, of which the wall has told whose it is."""
    called = Called()
    gateway = gateway_to(app(called, JSON_HEAD, body(b"{}"), first=first), Counted(), quotas=counts, **(options or {}))
    whole = [json.dumps({} if asked is None else asked).encode()]
    answer = await called_at(gateway, called, whole, **by(key), **scope)
    await counts.aclose()
    return answer


def spending(tokens: int) -> Any:
    async def spend() -> None:
        if (request := current.get()) is not None:
            request.tokens += tokens

    return spend


async def test_what_may_be_new_work_counts_and_says_what_is_left() -> None:
    counts = quotas()
    first = await asked_by(BOUND, counts, first=spending(4))
    assert (first.status, first.headers["x-ratelimit-remaining-requests"]) == (200, "1")
    assert first.headers["x-ratelimit-remaining-tokens"] == "10"
    second = await asked_by(BOUND, counts, path="/v1/moderations")
    assert second.headers["x-ratelimit-remaining-tokens"] == "6"
    refused = await asked_by(BOUND, counts, path="/tokenize")
    assert (refused.status, refused.json["error"]["code"], refused.heard) == (429, "rate_limit_exceeded", [])
    assert refused.headers["x-ratelimit-remaining-requests"] == "0" and int(refused.headers["retry-after"]) > 0
    assert (await asked_by(BOUND, counts, path="/v1/messages")).json["error"]["type"] == "rate_limit_error"
    fetched = await asked_by(BOUND, counts, method="GET")
    assert fetched.status == 200 and "x-ratelimit-limit-requests" not in fetched.headers


async def test_tokens_are_those_of_the_answer_however_it_ended() -> None:
    counts = quotas()

    async def fail() -> None:
        await spending(10)()
        raise OSError

    assert isinstance((await asked_by(BOUND, counts, first=fail)).error, OSError)
    refused = await asked_by(BOUND, counts)
    assert (refused.status, refused.json["error"]["type"]) == (429, "tokens")


@pytest.mark.parametrize("asked", [{"detox": 3}, {"use_beam_search": True}, [], {"safety_identifier": "x"}])
async def test_a_slot_is_given_back_whatever_is_said_of_the_request(asked: Any) -> None:
    counts = quotas()
    key = Key("app", quota=Quota(concurrency=1), each_user=Quota(concurrency=1))
    await asked_by(key, counts, asked)
    assert counts.under_way(("app",)) == 0 and (await asked_by(key, counts)).status == 200


async def test_a_client_that_leaves_within_its_request_gives_its_slot_back() -> None:
    counts, called = quotas(), Called()
    gateway = gateway_to(app(called, JSON_HEAD), Counted(), quotas=counts)
    await called_at(gateway, called, [b"{", b"x"], disconnect=True, **by(BOUND))
    assert called.messages == [] and counts.under_way(("app",)) == 0


@pytest.mark.parametrize("word", ["safety_identifier", "user"])
async def test_users_of_a_key_have_limits_of_their_own(word: str) -> None:
    counts = quotas()
    key = Key("app", quota=Quota(requests_per_minute=9), each_user=Quota(requests_per_minute=1))
    told = [await asked_by(key, counts, {word: name}) for name in ("ann", "ann", "bob")]
    assert [each.status for each in told] == [200, 429, 200]
    assert (await asked_by(key, counts, {"safety_identifier": "eve", "user": "ann"})).status == 200


async def test_the_right_to_loosen_is_a_keys() -> None:
    asked = {"detox": {"mode": "off"}}
    assert (await asked_by(LOOSE, quotas(), asked)).status == 200
    for key in (BOUND, ANYBODY):
        assert (await asked_by(key, quotas(), asked)).status == 403


async def test_the_right_to_trace_is_a_keys() -> None:
    asked = {"stream": True, "detox": {"trace": True}}
    assert (await asked_by(Key("watcher", rights=frozenset({"trace"})), quotas(), asked)).status == 200
    refused = await asked_by(BOUND, quotas(), asked)
    assert (refused.status, refused.json["error"]["param"]) == (403, "detox.trace")
    assert (await asked_by(LOOSE, quotas(), {"detox": {"trace": True}})).status == 400


async def test_where_everybody_may_trace_no_key_needs_the_right() -> None:
    asked, seen = {"stream": True, "detox": {"trace": True}}, list[GuardedRequest | None]()

    async def look() -> None:
        seen.append(current.get())

    called = Called()
    gateway = gateway_to(app(called, JSON_HEAD, body(b"{}"), first=look), Counted(), allow_trace=True)
    await called_at(gateway, called, [json.dumps(asked).encode()], **by(BOUND))
    assert called.status == 200 and seen[0] is not None and seen[0].trace is not None
    assert not seen[0].trace.texts, "what is flagged is for a key with that right"


async def test_a_key_has_its_own_policies() -> None:
    key = Key("app", policies=("strict",))
    seen: list[GuardedRequest | None] = []

    async def see() -> None:
        seen.append(current.get())

    assert (await asked_by(key, quotas(), first=see)).status == 200
    assert seen[0] is not None and (seen[0].policy.name, seen[0].key) == ("strict", key)
    refused = await asked_by(key, quotas(), {"detox": {"policy": "default"}})
    assert (refused.status, refused.json["error"]["param"]) == (403, "detox.policy")


async def test_policies_are_those_of_now() -> None:
    catalog = Current(builtin())
    counts, options = quotas(), {"catalog": catalog}
    asked = {"detox": {"policy": "new"}}
    assert (await asked_by(ANYBODY, counts, asked, options=options)).status == 400
    new = Policy(name="new")
    catalog.value = Catalog(default=new, policies={"new": new})
    assert (await asked_by(ANYBODY, counts, asked, options=options)).status == 200


def background(counts: Quotas) -> tuple[Gateway, "asyncio.Future[Any]", FakeStore]:
    """A gateway to responses that are made in the background, and what they are made by."""
    store, work = FakeStore("made", held=["made"]), asyncio.get_running_loop().create_future()
    store.works["made"] = work
    inner = app(Called(), JSON_HEAD, body(b'{"object":"response"}'), first=spending(10))
    return gateway_to(inner, Counted(), quotas=counts, store=store), work, store


async def test_a_response_in_the_background_is_under_way_until_it_is_over() -> None:
    counts = quotas()
    gateway, work, _ = background(counts)
    mine = by(BOUND)
    assert (await called_at(gateway, Called(), path=RESPONSES, **mine)).status == 200
    assert counts.under_way(("app",)) == 1
    assert (await called_at(gateway, Called(), path=RESPONSES, **mine)).status == 429
    assert (await called_at(gateway, Called(), path=f"{RESPONSES}/made/cancel", **mine)).status == 200
    work.set_result(None)
    await asyncio.sleep(0)
    await counts.aclose()
    assert counts.under_way(("app",)) == 0
    refused = await called_at(gateway, Called(), path=RESPONSES, **mine)
    assert (refused.status, refused.json["error"]["type"]) == (429, "tokens")


async def test_a_response_is_not_there_for_another_key() -> None:
    gateway, _, _ = background(quotas())
    await called_at(gateway, Called(), path=RESPONSES, **by(BOUND))
    for method, path in (("GET", f"{RESPONSES}/made"), ("POST", f"{RESPONSES}/made/cancel")):
        for key, status in ((BOUND, 200), (LOOSE, 404), (ANYBODY, 404)):
            told = await called_at(gateway, Called(), path=path, method=method, **by(key))
            assert told.status == status
    follow = [b'{"previous_response_id": "made"}']
    told = await called_at(gateway, Called(), follow, path=RESPONSES, **by(LOOSE))
    assert (told.status, told.json["error"]["code"]) == (404, "not_found")
