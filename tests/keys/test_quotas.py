"""Limits of keys: who is let in, what is told, and that whatever is taken is given back once."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from limits.errors import StorageError

from server.errors import RateLimited, StartError, TokensLimited, Unavailable, http_error
from server.keys import quotas as module
from server.keys.key import Key, Quota
from server.keys.quotas import MEMORY, Quotas, Share, storage_at
from tests.keys.counting import Refused, quotas
from tests.properties import examples

REQUESTS = Key("app", quota=Quota(requests_per_minute=2))
TOKENS = Key("app", quota=Quota(tokens_per_minute=10))
AT_ONCE = Key("app", quota=Quota(concurrency=2))
USERS = Key("app", quota=Quota(requests_per_minute=99), each_user=Quota(requests_per_minute=1, concurrency=1))


async def asked(counts: Quotas, key: Key, *, tokens: int = 0, user: object = None) -> dict[str, str]:
    """One request, from its admission to its end, when its tokens are counted; what its head says."""
    with counts.share(key) as share:
        await share.enter()
        await share.enter_for(user)
        share.tokens = tokens
    await counts.aclose()
    return {name.decode(): value.decode() for name, value in share.headers()}


async def test_a_key_without_limits_is_asked_nothing_and_told_nothing() -> None:
    counts: Any = quotas()
    counts._limiter = None
    assert await asked(counts, Key("app"), tokens=9, user="u") == {}
    assert counts.under_way(("app",)) == 0


async def test_requests_of_a_minute_are_counted_and_told_in_openais_words() -> None:
    refused = Refused()
    counts = quotas(refused)
    first = await asked(counts, REQUESTS)
    assert first["x-ratelimit-limit-requests"] == "2" and first["x-ratelimit-remaining-requests"] == "1"
    assert first["x-ratelimit-reset-requests"].removesuffix("s").isdigit() and len(first) == 3
    assert (await asked(counts, REQUESTS))["x-ratelimit-remaining-requests"] == "0"
    with pytest.raises(RateLimited, match=r"^rate limit of key 'app' reached: 2 requests a minute; try again in \d+ s"):
        await asked(counts, REQUESTS)
    assert await asked(counts, Key("other", quota=REQUESTS.quota))
    assert refused.limited == [("app", "requests")]


@pytest.mark.parametrize("key", [REQUESTS, TOKENS], ids=["requests", "tokens"])
async def test_a_clock_that_is_set_back_locks_no_key_out(key: Key, monkeypatch: pytest.MonkeyPatch) -> None:
    counts = quotas()
    for _ in range(2):
        await asked(counts, key, tokens=5)
    with pytest.raises(RateLimited):
        await asked(counts, key)
    now = time.time()
    monkeypatch.setattr("time.time", lambda: now - 3600)
    assert await asked(counts, key, tokens=5) and await asked(counts, key, tokens=5)
    with pytest.raises(RateLimited):
        await asked(counts, key)


async def test_a_refusal_has_openais_shape_and_says_when_to_come_back() -> None:
    counts = quotas()
    await asked(counts, TOKENS, tokens=10)
    with pytest.raises(TokensLimited) as caught:
        await asked(counts, TOKENS)
    status, body, headers = http_error(caught.value)
    error: Any = body["error"]
    assert (status, error["type"], error["code"]) == (429, "tokens", "rate_limit_exceeded")
    assert 1 <= int(headers["Retry-After"]) <= 60
    anthropic: Any = http_error(caught.value, "/v1/messages")[1]
    assert anthropic["error"]["type"] == "rate_limit_error"


async def test_tokens_are_counted_at_the_end_and_asked_for_at_the_beginning() -> None:
    counts = quotas()
    assert (await asked(counts, TOKENS, tokens=9))["x-ratelimit-remaining-tokens"] == "10"
    assert (await asked(counts, TOKENS, tokens=500))["x-ratelimit-remaining-tokens"] == "1"
    with counts.share(TOKENS) as share:
        with pytest.raises(TokensLimited):
            await share.enter()
    assert dict(share.headers())[b"x-ratelimit-remaining-tokens"] == b"0"


async def test_who_has_no_tokens_left_has_made_no_request() -> None:
    counts = quotas()
    key = Key("app", quota=Quota(tokens_per_minute=1, requests_per_minute=1))
    with pytest.raises(TokensLimited):
        for _ in range(2):
            with counts.share(Key("app", quota=Quota(tokens_per_minute=1))) as share:
                await share.enter()
                share.tokens = 1
            await counts.aclose()
    with pytest.raises(TokensLimited):
        await asked(counts, key)
    assert (await counts._look(("app",), "requests", 1))[0]


async def test_more_at_once_than_may_be_are_refused_until_one_has_ended() -> None:
    refused = Refused()
    counts = quotas(refused)
    with counts.share(AT_ONCE) as first, counts.share(AT_ONCE) as second:
        await first.enter()
        await second.enter()
        with pytest.raises(RateLimited, match="2 requests at once"):
            await asked(counts, AT_ONCE)
    await asked(counts, AT_ONCE)
    assert refused.limited == [("app", "concurrency")] and counts.under_way(("app",)) == 0


async def test_what_goes_on_in_the_background_keeps_its_slot_and_counts_when_it_ends() -> None:
    counts = quotas()
    key = Key("app", quota=Quota(concurrency=1, tokens_per_minute=10))
    with counts.share(key) as share:
        await share.enter()
        share.keep()
    assert counts.under_way(("app",)) == 1
    share.tokens = 10
    share.end()
    share.end()
    assert counts.under_way(("app",)) == 0
    await counts.aclose()
    with pytest.raises(TokensLimited):
        await asked(counts, key)


async def test_each_user_has_limits_of_their_own() -> None:
    counts = quotas()
    told = await asked(counts, USERS, user="ann")
    assert told["x-ratelimit-limit-requests"] == "1", "of the two the one that has less left"
    with pytest.raises(RateLimited, match=r"key 'app' for one user"):
        await asked(counts, USERS, user="ann")
    await asked(counts, USERS, user="bob")
    for nobody in (None, "", 3, ["ann"]):
        await asked(counts, USERS, user=nobody)
    assert not [bucket for bucket in counts._limiter.storage.storage if "ann" in bucket]  # type: ignore[attr-defined]


async def test_a_request_that_its_user_may_not_make_gives_back_what_its_key_had() -> None:
    counts = quotas()
    key = Key("app", quota=Quota(concurrency=2, requests_per_minute=9), each_user=Quota(concurrency=1))
    with counts.share(key) as share:
        await share.enter()
        await share.enter_for("ann")
        with pytest.raises(RateLimited):
            await asked(counts, key, user="ann")
        assert counts.under_way(("app",)) == 1
    assert not counts._under_way


@given(st.lists(st.tuples(st.sampled_from(["ann", "bob", None]), st.booleans(), st.integers(0, 3)), max_size=12))
@examples(50)
async def test_however_requests_end_nothing_stays_taken(steps: list[tuple[str | None, bool, int]]) -> None:
    """Each step begins a request, or ends one that is open, or cancels it."""
    counts, opened = quotas(), list[Share]()
    key = Key("app", quota=Quota(concurrency=3, requests_per_minute=8), each_user=Quota(concurrency=1))
    for user, kept, tokens in steps:
        try:
            with counts.share(key) as share:
                await share.enter()
                await share.enter_for(user)
                if kept:
                    share.keep()
                    opened.append(share)
                elif tokens:
                    raise asyncio.CancelledError
        except (RateLimited, asyncio.CancelledError):
            pass
        assert counts.under_way(("app",)) == len(opened) <= 3
        if opened and not kept:
            opened.pop().end()
    for share in opened:
        share.end()
    assert not counts._under_way


class Broken:
    """A place for counts that fails, or never answers."""

    def __init__(self, *, hangs: bool) -> None:
        self.hangs = hangs

    def __getattr__(self, name: str) -> Any:
        async def call(*args: Any, **options: Any) -> Any:
            if self.hangs:
                await asyncio.Event().wait()
            raise StorageError(OSError("redis://:password@host"))

        return call


@pytest.fixture(params=[False, True], ids=["fails", "hangs"])
async def broken(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Any]:
    monkeypatch.setattr(module, "STORAGE_SECONDS", 0)
    yield Broken(hangs=request.param)


async def test_where_nothing_can_be_looked_up_nobody_with_limits_is_let_in(
    broken: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    refused = Refused()
    counts: Any = quotas(refused)
    sound, counts._limiter = counts._limiter, broken
    for _ in range(2):
        with pytest.raises(Unavailable, match="cannot be looked up"):
            await asked(counts, REQUESTS)
    assert await asked(counts, AT_ONCE) == {}
    counts._limiter = sound
    await asked(counts, REQUESTS)
    assert refused.failures == 2 and counts.under_way(("app",)) == 0
    assert [record.levelname for record in caplog.records] == ["ERROR", "INFO"] and "password" not in caplog.text


async def test_tokens_that_cannot_be_counted_are_told_and_stop_nobody(broken: Any) -> None:
    refused = Refused()
    counts: Any = quotas(refused)
    with counts.share(TOKENS) as share:
        await share.enter()
        share.tokens = 3
        counts._limiter = broken
    await counts.aclose()
    assert refused.failures == 1


@pytest.mark.parametrize("url", ["", "memory", "memory://x", "file:///x", "redsi://:secret@host", "redis://h:x/secret"])
def test_a_place_that_is_none_is_refused_without_its_words(url: str) -> None:
    with pytest.raises(StartError) as caught:
        storage_at(url)
    assert "rate_limits_url" in str(caught.value) and "secret" not in str(caught.value)


def test_redis_needs_its_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "redis", None)
    with pytest.raises(StartError, match=r"pip install 'unsay\[redis\]'"):
        storage_at("redis://:secret@localhost:1/0")
    assert storage_at(MEMORY)
