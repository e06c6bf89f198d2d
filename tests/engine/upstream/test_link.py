"""One upstream over HTTP: statuses, silence, and connections that are left."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from server.engine.upstream.client import UpstreamClient
from server.engine.upstream.faults import Fault
from server.engine.upstream.link import MOST_BYTES, Link, http_client
from tests.engine.upstream.rig import WHOLE, rigged
from tests.engine.upstream.scripted import Network, Upstream, event, frame, hanging

GONE = httpx.ReadError("gone")


@pytest.mark.parametrize("status", [500, 502, 429, 503, 401, 403, 404, 307])
async def test_no_answer_is_asked_for_elsewhere(base: UpstreamClient, status: int) -> None:
    async with rigged(base) as rig:
        rig.first.faults.append(status)
        assert await rig.drawn() == WHOLE
        is_busy = status in (429, 503)
        assert len(rig.client.fleet.up) == (2 if is_busy else 1), "one that is busy is asked on"


async def test_an_upstream_that_hangs_is_left(base: UpstreamClient) -> None:
    async with rigged(base, silence_seconds=0.05) as rig:
        first = rig.first
        first.faults.append(hanging(2))
        assert await rig.drawn() == WHOLE
        assert first.closed == 1 and [outcome for _, outcome in rig.told.outcomes] == ["lost", "finished"]


async def test_leaving_an_answer_closes_its_connection(base: UpstreamClient) -> None:
    async with rigged(base) as rig:
        outputs = rig.outputs()
        await anext(outputs)
        await outputs.aclose()
        assert rig.first.closed == 1 and rig.told.outcomes[-1][1] == "left"


async def test_what_is_no_stream_is_no_answer(base: UpstreamClient) -> None:
    async with rigged(base) as rig:
        rig.first.kind = "application/json"
        assert await rig.drawn() == WHOLE
        assert [outcome for _, outcome in rig.told.outcomes] == ["wrong", "finished"]


@pytest.mark.parametrize(
    ("said", "what"),
    [(b"<html>", "something else than JSON"), (b"[" * 100_000, "JSON"), (b" " * (MOST_BYTES + 1), "more than")],
)
async def test_what_it_says_in_json_is_bounded(said: bytes, what: str) -> None:
    (link,) = Network(a=(upstream := Upstream())).links()
    upstream.said = said
    with pytest.raises(Fault, match=what) as wrong:
        await link.fetch("GET", "/v1/models")
    assert wrong.value.trouble == "wrong"


async def test_one_that_is_slow_with_everything_is_down_and_one_that_is_slow_with_one_answer_is_not() -> None:
    now = [0.0]
    network = Network(a=Upstream())
    link = Link("http://a", http_client(None, network), 60.0, lambda: now[0])
    assert not link.silent()
    now[0] = 60.0
    assert link.silent()


async def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "http://proxy:1")
    async with http_client(None) as http:
        assert not http.trust_env and not http.follow_redirects and "authorization" not in http.headers


async def test_what_follows_the_end_does_not_count_and_is_not_waited_for(
    base: UpstreamClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.engine.upstream.link._LAST_SECONDS", 0.01)

    async def going_on(events: list[Any]) -> AsyncIterator[bytes]:
        for each in events:
            yield frame(each)
        yield frame(event([5], {}))
        await asyncio.Event().wait()

    async with rigged(base) as rig:
        rig.first.faults.append(going_on)
        assert await rig.drawn() == WHOLE
        assert rig.told.outcomes[-1][1] == "finished"
