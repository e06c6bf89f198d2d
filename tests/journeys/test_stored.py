"""Responses that are stored and fetched later: what they say of their end, and that each is counted once."""

import re
from typing import Any

import httpx
import pytest

from tests.journeys.test_routes import metric
from tests.live.servers import Servers
from tests.live.wire import JSON, asking, events, post

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


def test_a_response_that_is_not_stored_is_not_found(servers: Servers) -> None:
    with servers.scorer.flagging():
        given = asked(servers, store=False).json()
    assert httpx.get(f"{servers.guarded}/v1/responses/{given['id']}").status_code == 404
