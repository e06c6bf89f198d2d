"""The engine client whose engine is elsewhere: answers, faults, and what becomes of an answer that is lost."""

from typing import Any

import httpx
import pytest
from vllm.exceptions import VLLMValidationError
from vllm.sampling_params import StructuredOutputsParams

from server.engine.upstream.client import UpstreamClient
from server.engine.upstream.fleet import NoUpstream
from tests.engine.upstream.rig import WHOLE, rigged
from tests.engine.upstream.scripted import broken

GONE = httpx.ReadError("gone")


async def test_tokens_come_as_they_are_drawn_and_the_answer_ends(base: UpstreamClient) -> None:
    async with rigged(base) as rig:
        rig.first.tokens_an_event = 3
        outputs = [output async for output in rig.outputs()]
        assert [output.outputs[0].token_ids for output in outputs] == [WHOLE[:3], WHOLE[3:6], WHOLE[6:]]
        assert [output.outputs[0].finish_reason for output in outputs] == [None, None, "length"]
        assert all(output.prompt_token_ids == [1, 2, 3] and not output.outputs[0].text for output in outputs)
        assert rig.told.outcomes == [(rig.client.fleet.choose("r", ()).url, "finished")]
        assert rig.first.closed == 1 and not rig.second.asked


@pytest.mark.parametrize("after", [0, 3, 7])
@pytest.mark.parametrize("fault", [None, GONE, httpx.RemoteProtocolError("peer closed")])
async def test_a_lost_answer_is_gone_on_with_elsewhere(base: UpstreamClient, after: int, fault: Any) -> None:
    async with rigged(base) as rig:
        first, second = rig.first, rig.second
        first.faults.append(broken(after, fault))
        assert await rig.drawn(seed=5, min_tokens=4) == WHOLE
        asked = second.asked[-1]
        assert asked["token_ids"] == [1, 2, 3, *WHOLE[:after]]
        assert asked["sampling_params"]["max_tokens"] == 8 - after
        assert asked["sampling_params"]["min_tokens"] == max(0, 4 - after)
        assert (asked["sampling_params"]["seed"] == 5) is (after == 0), "else the same chance would be drawn again"
        assert [outcome for _, outcome in rig.told.outcomes] == ["lost", "finished"]
        assert len(rig.told.resumed) == (after > 0) and first.closed == 1
        assert rig.first is second, "the one that was lost is asked no more"


async def test_when_all_are_tried_it_is_told_to_try_again_later(base: UpstreamClient) -> None:
    async with rigged(base) as rig:
        rig.second.faults.append(503)
        rig.first.faults.append(broken(2, GONE))
        with pytest.raises(NoUpstream):
            await rig.drawn()


@pytest.mark.parametrize(
    "params",
    [
        {"structured_outputs": StructuredOutputsParams(regex="[a-z]+")},
        {"presence_penalty": 0.5},
        {"bad_words": ["no"]},
    ],
)
@pytest.mark.parametrize("after", [0, 2])
async def test_where_more_than_the_text_counts_a_begun_answer_is_not_gone_on_with(
    base: UpstreamClient, params: dict[str, Any], after: int
) -> None:
    async with rigged(base) as rig:
        second = rig.second
        rig.first.faults.append(broken(after, GONE))
        if not after:
            assert await rig.drawn(**params) == WHOLE
            return
        with pytest.raises(NoUpstream):
            await rig.drawn(**params)
        assert not second.asked


async def test_vllm_checks_a_request_before_any_upstream_hears_of_it(base: UpstreamClient) -> None:
    async with rigged(base) as rig:
        with pytest.raises(VLLMValidationError):
            await rig.drawn(structured_outputs=StructuredOutputsParams(regex="("))
        with pytest.raises(VLLMValidationError):
            await rig.drawn(logit_bias={10_000_000: 1.0})
        assert not rig.first.asked and not rig.second.asked


async def test_without_an_upstream_it_is_not_running_and_lets_nobody_in(base: UpstreamClient) -> None:
    async with rigged(base) as rig:
        client = rig.client
        client.check_admission()
        assert client.is_running and not await client.is_paused()
        for upstream in rig.network.upstreams.values():
            upstream.is_well = False
        for link in client.fleet.up:
            await client.fleet.look(link)
        assert not client.is_running and not client.errored and isinstance(client.dead_error, NoUpstream)
        for refused in (client.check_admission, lambda: client.fleet.choose("r", ())):
            with pytest.raises(NoUpstream):
                refused()
        await client.check_health()  # a restart would bring nobody back


async def test_what_only_an_engine_can_do_is_not_done(base: UpstreamClient) -> None:
    async with rigged(base) as rig:
        with pytest.raises(NotImplementedError, match="sleep: ask the upstreams"):
            await rig.client.sleep()
        assert await rig.client.get_supported_tasks() == ("generate",) and await rig.client.is_tracing_enabled()
        await rig.client.do_log_stats()
        await rig.client.abort("r")
        rig.client.shutdown(timeout=1)
