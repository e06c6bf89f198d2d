"""Responses that are stored and fetched later: what they say of their end, and that each is counted once."""

import re
from typing import Any

import httpx
import pytest

from tests.journeys.test_failures import ready, until
from tests.journeys.test_routes import metric
from tests.live.servers import Servers
from tests.live.wire import JSON, asking, events, lines, post

ROUTE = 'route="/v1/responses"'


def asked(servers: Servers, **more: Any) -> httpx.Response:
    body = asking("responses", servers.model, temperature=0, detox={"policy": "no-rewinds"}, **more)
    return post(servers.guarded, "responses", body)


@pytest.fixture(scope="module")
def word(servers: Servers) -> str:
    """A word that the answer to `asked` holds where nothing is flagged."""
    body = asking("responses", servers.model, temperature=0)
    (item,) = post(servers.plain, "responses", body).json()["output"]
    return str(max(re.findall(r"[a-z]+", item["content"][0]["text"]), key=len))


def finished(servers: Servers, response: str) -> JSON:
    """The response once the work on it has ended; fails by the test's own limit if it never does."""
    while True:
        fetched: JSON = httpx.get(f"{servers.guarded}/v1/responses/{response}").json()
        if fetched["status"] not in ("queued", "in_progress"):
            return fetched
        assert "detox" not in fetched and fetched["output"] == []


def withheld(response: JSON, word: str) -> bool:
    details = response["incomplete_details"] or {}
    assert word not in str(response["output"])
    return response["status"] == "incomplete" and details.get("reason") == "content_filter"


@pytest.mark.parametrize("background", [False, True])
def test_a_stored_response_says_that_its_text_was_withheld(servers: Servers, word: str, background: bool) -> None:
    before = metric(servers, "unsay_requests_total", ROUTE, 'action="refused"')
    with servers.scorer.flagging(word):
        given = asked(servers, background=background).json()
        fetched = finished(servers, given["id"])
    assert (given["status"] == "queued") if background else withheld(given, word)
    assert (
        withheld(fetched, word) and fetched["detox"]["action"] == "refused" and fetched["detox"]["spans_flagged"] == 1
    )
    assert metric(servers, "unsay_requests_total", ROUTE, 'action="refused"') == before + 1


def test_a_clean_response_in_the_background_completes_and_is_counted_once(servers: Servers) -> None:
    before = metric(servers, "unsay_requests_total", ROUTE, 'policy="no-rewinds"')
    with servers.scorer.flagging():
        fetched = finished(servers, asked(servers, background=True).json()["id"])
    assert fetched["status"] == "completed" and fetched["detox"]["action"] == "clean" and fetched["output"]
    assert metric(servers, "unsay_requests_total", ROUTE, 'policy="no-rewinds"') == before + 1


@pytest.mark.parametrize("background", [False, True])
def test_a_stream_of_stored_events_ends_as_the_first_one_did(servers: Servers, word: str, background: bool) -> None:
    with servers.scorer.flagging(word):
        first = events(asked(servers, background=background, stream=True).text)
        response = first[-1]["response"]["id"]
        fetched = finished(servers, response)
        assert (
            withheld(first[-1]["response"], word)
            and first[-1]["type"] == "response.incomplete"
            and withheld(fetched, word)
        )
        if background:
            again = events(httpx.get(f"{servers.guarded}/v1/responses/{response}?stream=true").text)
            assert again == first and word not in str(again)


@pytest.mark.parametrize("background", [False, True])
def test_a_response_of_an_id_that_the_client_chose_says_it_too(servers: Servers, word: str, background: bool) -> None:
    before = metric(servers, "unsay_requests_total", ROUTE, 'action="refused"')
    chosen = f"chosen-{background}"
    with servers.scorer.flagging(word):
        asked(servers, background=background, request_id=chosen)
        fetched = finished(servers, chosen)
        assert withheld(fetched, word) and fetched["detox"]["action"] == "refused"
        taken = asked(servers, request_id=chosen)
    assert taken.status_code == 400 and taken.json()["error"]["param"] == "request_id"
    assert metric(servers, "unsay_requests_total", ROUTE, 'action="refused"') == before + 1


def test_no_other_request_speaks_for_a_stored_response(servers: Servers, word: str) -> None:
    with servers.scorer.flagging(word):
        response = asked(servers).json()["id"]
    with servers.scorer.flagging():
        asked(servers, request_id="another", metadata={"id": response})
    assert withheld(finished(servers, response), word)


def test_a_response_in_the_background_fails_with_the_scorer(servers: Servers) -> None:
    with servers.scorer.flagging() as scorer:
        scorer.fail(100)
        response = asked(servers, background=True).json()["id"]
        fetched = finished(servers, response)
        scorer.fail(0)
        until(lambda: ready(servers))
    assert fetched["status"] == "failed" and fetched["output"] == [] and fetched["error"]["code"] == "server_error"


def test_a_stream_in_the_background_ends_when_the_scorer_fails(servers: Servers) -> None:
    """The second one fails before its head: the server knows by then that the scorer is down."""
    with servers.scorer.flagging() as scorer:
        scorer.fail(100)
        for chosen in ("failing", "failing-at-once"):
            assert asked(servers, background=True, stream=True, request_id=chosen).status_code == 503
            assert finished(servers, chosen)["status"] == "failed"
            again = events(httpx.get(f"{servers.guarded}/v1/responses/{chosen}?stream=true").text)
            assert again[-1]["type"] == "response.failed" and again[-1]["response"]["error"]["code"] == "server_error"
        scorer.fail(0)
        until(lambda: ready(servers))


def test_a_stream_of_a_cancelled_response_ends(servers: Servers) -> None:
    body = asking("responses", servers.model, tokens=900, background=True, stream=True, request_id="cancelled")
    url = f"{servers.guarded}/v1/responses"
    with (
        servers.scorer.flagging(seconds=0.1),
        httpx.stream("POST", url, json=body | {"ignore_eos": True}) as answer,
    ):
        read = lines(answer)
        assert "response.created" in next(read)
        told = httpx.post(f"{url}/cancelled/cancel").json()
        first = events("\n".join(read))
    assert told["status"] == "cancelled" and told["output"] == [] == finished(servers, "cancelled")["output"]
    assert (first[-1]["type"], first[-1]["response"]["status"]) == ("response.failed", "cancelled")
    assert events(httpx.get(f"{url}/cancelled?stream=true").text)[-1] == first[-1]


def test_a_response_that_is_not_stored_is_not_found(servers: Servers) -> None:
    with servers.scorer.flagging():
        given = asked(servers, store=False).json()
    assert httpx.get(f"{servers.guarded}/v1/responses/{given['id']}").status_code == 404
