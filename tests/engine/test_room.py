"""Room at the guarded engine: what fits it, what is refused, and what is not refused any more."""

from contextlib import aclosing
from types import SimpleNamespace
from typing import Any

import pytest
from vllm.engine.protocol import EngineClient
from vllm.exceptions import RetryableRequestError
from vllm.sampling_params import RequestOutputKind, SamplingParams

from filters.scorers.scripted import ScriptedScorer
from server.engine.room import AN_UPSTREAM_RUNS, check_room, fitting, taken_in
from server.engine.upstream.client import UpstreamClient
from server.errors import Unavailable
from server.generation.capacity import Bounds, Capacity, NullObserver
from server.generation.request import GuardedRequest, current
from server.policy.policy import Policy
from tests.engine.drafting.recording import RecordingEngine
from tests.engine.drafting.test_detokenize import ids, tokenizer
from tests.engine.test_client import PROMPT, guarding

OFF = Policy(name="off", mode="off")
DELTA = RequestOutputKind.DELTA


def capacity(choices: float = 4, backlog: float = 0.0) -> Capacity:
    return Capacity(Bounds(choices=choices, backlog_seconds=1.0), lambda: backlog, NullObserver())


def test_as_many_wait_as_run_on_every_rank() -> None:
    config = SimpleNamespace(
        scheduler_config=SimpleNamespace(max_num_seqs=128), parallel_config=SimpleNamespace(data_parallel_size=2)
    )
    engine: Any = SimpleNamespace(vllm_config=config)
    assert fitting(engine) == 512


def test_of_upstreams_it_is_what_they_run_as_a_rule() -> None:
    client = UpstreamClient.__new__(UpstreamClient)
    fleet: Any = SimpleNamespace(all=["a", "b", "c"])
    client.fleet = fleet
    assert fitting(client) == 3 * 2 * AN_UPSTREAM_RUNS


def test_vllm_asks_whether_there_is_room_before_it_prepares_a_request() -> None:
    assert callable(EngineClient.check_admission)


def test_a_request_is_refused_for_now_and_told_when_to_come_again() -> None:
    request, full = GuardedRequest(Policy()), capacity(4)
    with full.during(4), pytest.raises(RetryableRequestError):
        check_room(request, 1, full)
    assert isinstance(request.unusable, Unavailable) and request.unusable.retry_after_seconds > 0


def test_what_is_not_judged_does_not_mind_the_scorer() -> None:
    behind = capacity(backlog=2.0)
    with behind.during(1):
        check_room(GuardedRequest(OFF), 1, behind)
        with pytest.raises(RetryableRequestError):
            check_room(GuardedRequest(Policy()), 1, behind)


def test_all_that_a_request_asks_for_has_to_fit_and_what_is_in_stays_in() -> None:
    request, nearly = GuardedRequest(Policy()), capacity(4)
    request.reserve(2)
    with nearly.during(3):
        with pytest.raises(RetryableRequestError), taken_in(request, 1, nearly):
            raise AssertionError
        assert not request.admitted and nearly.under_way == 3
    with taken_in(request, 1, nearly), nearly.during(3):
        assert request.admitted and nearly.under_way == 4
        with taken_in(request, 1, nearly):
            check_room(request, 1, nearly)
            assert nearly.under_way == 5
    assert nearly.under_way == 0


@pytest.mark.parametrize("policy", [Policy(), OFF])
async def test_a_full_server_generates_nothing_more_and_goes_on_with_what_it_has(policy: Policy) -> None:
    inner = RecordingEngine(ids("a fine day"), tokenizer=tokenizer())
    async with guarding(inner, ScriptedScorer({})) as client:
        full = client.services.capacity
        full.bounds = Bounds(choices=1, backlog_seconds=1.0)
        params = SamplingParams(max_tokens=9, output_kind=DELTA)
        current.set(GuardedRequest(policy))
        async with aclosing(client.generate(PROMPT, params, "first")) as first:
            outputs = [await anext(first)]
            assert full.under_way == 1
            current.set(GuardedRequest(policy))
            with pytest.raises(RetryableRequestError):
                client.check_admission(1)
            with pytest.raises(RetryableRequestError):
                await anext(client.generate(PROMPT, params, "second"))
            outputs += [output async for output in first]
            assert outputs[-1].finished
        assert len(inner.asked) == 1 and full.under_way == 0
        current.set(GuardedRequest(policy))
        client.check_admission(1)
        assert [output async for output in client.generate(PROMPT, params, "third")][-1].finished


async def test_a_call_that_is_never_begun_takes_no_room() -> None:
    async with guarding(RecordingEngine(ids("a day"), tokenizer=tokenizer()), ScriptedScorer({})) as client:
        current.set(GuardedRequest(Policy()))
        generating = client.generate(PROMPT, SamplingParams(max_tokens=9, n=3), "r")
        assert client.services.capacity.under_way == 0
        await generating.aclose()
        assert client.services.capacity.under_way == 0
