"""One upstream over HTTP: statuses, silence, and connections that are left."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast

import httpx
import pytest

from server.engine.upstream.client import UpstreamClient
from server.engine.upstream.faults import Fault
from server.engine.upstream.link import MOST_BYTES, Link, http_client
from server.engine.upstream.reading import Reading
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


@pytest.mark.parametrize("cancelled", [1, 2, 3])
async def test_an_answer_is_let_go_of_however_often_its_reader_is_cancelled(
    base: UpstreamClient, cancelled: int
) -> None:
    """httpx keeps the connection of one whose reader is cancelled again while it closes it."""
    async with rigged(base) as rig:
        upstream = rig.first
        upstream.faults.append(hanging(2))
        upstream.closing_takes = 5

        async def read() -> None:
            async for _ in rig.outputs():
                pass

        reader = asyncio.create_task(read())
        while not upstream.said_parts:  # noqa: ASYNC110 (the script has no event for it)
            await asyncio.sleep(0)
        for _ in range(cancelled):
            reader.cancel()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        await asyncio.gather(reader, return_exceptions=True)
        while not upstream.closed:  # noqa: ASYNC110
            await asyncio.sleep(0)
        assert rig.told.outcomes[-1][1] == "left"


async def test_bytes_that_bring_no_news_are_not_waited_for(base: UpstreamClient) -> None:
    """Comments, as a proxy sends them to keep a connection alive."""
    now = [0.0]

    async def keeping_alive(events: list[Any]) -> AsyncIterator[bytes]:
        while True:
            now[0] += 20.0
            yield b": still here\n\n"

    network = Network(a=(upstream := Upstream()))
    link = Link("http://a", http_client(None, network), 60.0, lambda: now[0])
    upstream.faults.append(keeping_alive)
    params = {"max_tokens": 1}
    with pytest.raises(Fault, match="nothing new") as slow:
        await anext(link.generate({"token_ids": [1], "sampling_params": params}, {}, cast(Reading, None)))
    assert slow.value.slow and upstream.closed == 1


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
