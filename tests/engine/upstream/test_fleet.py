"""Which upstream is asked, who is met, and how one comes back."""

import asyncio
from typing import Any

import httpx
import pytest

from server.engine.upstream.client import UpstreamClient
from server.engine.upstream.fleet import NoUpstream
from server.errors import StartError
from tests.engine.upstream.rig import WHOLE, Rig, network, rigged
from tests.engine.upstream.scripted import Upstream, broken

GONE = httpx.ReadError("gone")


def made(base: UpstreamClient, **changes: Any) -> Rig:
    upstream = Upstream()
    rig = network(base, a=upstream)
    for name, value in changes.items():
        setattr(upstream, name, value)
    return rig


@pytest.mark.parametrize(
    ("changes", "remedy"),
    [
        ({"model": "other"}, "it serves other, not unsay-mini: start it with --served-model-name unsay-mini"),
        ({"length": 512}, "say --max-model-len 512 here"),
        ({"tokenize": lambda text: [1, 2]}, "its tokenizer is not that of unsay-mini"),
    ],
)
async def test_another_model_is_refused_at_the_start_in_one_line(
    base: UpstreamClient, changes: dict[str, Any], remedy: str
) -> None:
    rig = made(base, **changes)
    with pytest.raises(StartError, match=remedy) as refused:
        await rig.client.fleet.begin()
    assert str(refused.value).startswith("--upstream http://a: ")


@pytest.mark.parametrize(
    ("status", "remedy"),
    [(401, "UNSAY_UPSTREAM_KEY"), (403, "--enable-scale-out"), (404, "--enable-scale-out"), (307, "leads to")],
)
async def test_an_upstream_that_cannot_be_asked_is_refused_with_the_remedy(
    base: UpstreamClient, status: int, remedy: str
) -> None:
    rig = made(base)
    rig.network.upstreams["a"].faults.append(status)
    with pytest.raises(StartError, match=f"http://a: /inference/v1/generate answered {status}: .*{remedy}"):
        await rig.client.fleet.begin()


async def test_one_that_does_not_answer_may_come_later(base: UpstreamClient) -> None:
    rig = made(base, is_well=False)
    fleet, upstream = rig.client.fleet, rig.network.upstreams["a"]
    await fleet.begin()
    assert fleet.up == [] and rig.told.up == {"http://a": False}
    upstream.is_well = True
    (link,) = fleet.all
    await fleet.look(link)
    assert fleet.up == [link] and rig.told.up == {"http://a": True}
    await fleet.aclose()


async def test_one_that_is_down_is_met_again_less_and_less_often_until_an_answer_of_its_finishes(
    base: UpstreamClient,
) -> None:
    rig = made(base, is_well=False)
    fleet, upstream = rig.client.fleet, rig.network.upstreams["a"]
    await fleet.begin()
    (link,) = fleet.all
    met = []
    for at in range(40):
        before = upstream.tried
        await fleet.look(link)
        if upstream.tried > before:
            met.append(at)
    assert met == [0, 2, 6, 14, 30]
    upstream.is_well = True
    while not fleet.up:
        await fleet.look(link)
    assert await rig.drawn() == WHOLE
    upstream.faults.append(broken(0))
    with pytest.raises(NoUpstream):
        await rig.drawn()
    assert fleet.up == []
    await fleet.look(link)
    assert fleet.up == [link], "one failure after an answer is met again at once"
    await fleet.aclose()


async def test_one_that_turns_into_another_is_left_alone_until_it_is_put_right(base: UpstreamClient) -> None:
    async with rigged(base) as rig:
        fleet, link, upstream = rig.client.fleet, rig.client.fleet.choose("r", ()), rig.first
        upstream.is_well = False
        await fleet.look(link)
        upstream.is_well, upstream.model = True, "other"
        await fleet.look(link)
        assert link not in fleet.up
        upstream.model = "unsay-mini"
        for _ in range(4):
            await fleet.look(link)
        assert link in fleet.up


async def test_a_request_stays_with_its_upstream_and_requests_spread(base: UpstreamClient) -> None:
    async with rigged(base) as rig:
        fleet = rig.client.fleet
        chosen = {name: fleet.choose(name, ()) for name in map(str, range(200))}
        assert all(fleet.choose(name, ()) is link for name, link in chosen.items())
        assert 70 < sum(link is fleet.up[0] for link in chosen.values()) < 130
        assert all(fleet.choose(name, [link]) is not link for name, link in chosen.items())


async def test_it_looks_after_all_until_it_is_closed(base: UpstreamClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.engine.upstream.fleet.ROUND_SECONDS", 0.0)
    async with rigged(base) as rig:
        rig.first.is_well = False
        while len(rig.client.fleet.up) == 2:  # noqa: ASYNC110 (that is what is tried)
            await asyncio.sleep(0)
