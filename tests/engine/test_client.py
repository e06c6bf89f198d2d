"""The guarded client: all members passed on, what cannot be guarded refused, every choice with its report."""

import asyncio
from collections.abc import Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from vllm.exceptions import VLLMValidationError
from vllm.outputs import RequestOutput
from vllm.sampling_params import RequestOutputKind, SamplingParams

from filters.batcher import Batcher
from filters.judge import Judge
from filters.scorers.scripted import ScriptedScorer
from server.engine.client import GuardedEngineClient
from server.generation.guarded import ScorerDown, Setting
from server.generation.request import GuardedRequest, current
from server.policy.policy import Policy
from server.telemetry.metrics import Metrics
from tests.engine.inner import RecordingEngine
from tests.engine.test_detokenize import ids, tokenizer

END = 0
PROMPT = {"type": "token", "prompt_token_ids": [1, 2, 3]}


@asynccontextmanager
async def guarding(inner: Any, scorer: ScriptedScorer) -> Any:
    batcher = Batcher(scorer)
    await batcher.start()
    setting = Setting(Judge(batcher), Metrics(CollectorRegistry()), "m", ids)
    try:
        yield GuardedEngineClient(inner, setting, Policy())
    finally:
        await batcher.aclose()


def generated(
    text: str, scorer: ScriptedScorer | None = None, policy: Policy | None = None, **params: Any
) -> tuple[list[RequestOutput], GuardedRequest, RecordingEngine]:
    """Outputs and reports of one request over an engine that writes `text`."""
    inner = RecordingEngine([*ids(text), END], tokenizer=tokenizer())
    request = GuardedRequest(policy or Policy())

    async def run() -> list[RequestOutput]:
        async with guarding(inner, scorer or ScriptedScorer({})) as client:
            current.set(request)
            wanted = SamplingParams(**{"max_tokens": 99, "output_kind": RequestOutputKind.DELTA, **params})
            return [output async for output in client.generate(PROMPT, wanted, "r", prompt_text="abc", priority=1)]

    return asyncio.run(run()), request, inner


def test_members_are_passed_on_with_their_arguments() -> None:
    class Inner:
        errored = True

        def abort(self, *ids: str, internal: bool) -> tuple[object, ...]:
            return (*ids, internal)

    async def run() -> None:
        async with guarding(Inner(), ScriptedScorer({})) as client:
            assert client.abort("a", internal=True) == ("a", True)
            assert client.errored is True
            with pytest.raises(AttributeError):
                _ = client.no_such_member

    asyncio.run(run())


@pytest.mark.parametrize(
    ("prompt", "params", "word"),
    [
        (PROMPT, object(), "beam search"),
        ({"type": "embeds"}, SamplingParams(), "embeddings"),
        ("raw text", SamplingParams(), "cannot be guarded"),
        ({"prompt_token_ids": [1]}, SamplingParams(), "cannot be guarded"),
        ({"type": "enc_dec"}, SamplingParams(), "cannot be guarded"),
    ],
)
def test_what_cannot_be_guarded_is_refused_before_anything_begins(prompt: Any, params: Any, word: str) -> None:
    async def run() -> None:
        async with guarding(RecordingEngine([1]), ScriptedScorer({})) as client:
            with pytest.raises(VLLMValidationError, match=word):
                client.generate(prompt, params, "r")

    asyncio.run(run())


def test_outside_any_request_the_default_policy_holds() -> None:
    async def run() -> str:
        inner = RecordingEngine(ids("you idiot"), tokenizer=tokenizer())
        async with guarding(inner, ScriptedScorer({"idiot": 0.9})) as client:
            outputs = client.generate(PROMPT, SamplingParams(max_tokens=9, output_kind=RequestOutputKind.DELTA), "r")
            return "".join([output.outputs[0].text async for output in outputs])

    assert "idiot" not in asyncio.run(run())


def test_every_choice_has_a_report_and_its_own_seed() -> None:
    outputs, request, inner = generated("a fine day", n=3, seed=5)
    assert sorted(request.reports) == [0, 1, 2]
    assert sorted(params.seed or 0 for _, params, _ in inner.asked) == [5, 6, 7]
    assert all(options == {"priority": 1} for _, _, options in inner.asked)
    assert [output.finished for output in outputs] == [False] * (len(outputs) - 1) + [True]


def test_a_second_call_of_one_request_numbers_its_choices_on() -> None:
    async def run() -> list[int]:
        inner = RecordingEngine(ids("a fine day"), tokenizer=tokenizer())
        async with guarding(inner, ScriptedScorer({})) as client:
            request = GuardedRequest(Policy())
            current.set(request)
            calls = [client.generate(PROMPT, SamplingParams(n=2, max_tokens=9), "r") for _ in range(2)]
            for outputs in reversed(calls):  # the numbers are those of the calls, whichever is read first
                async for _ in outputs:
                    assert sorted(request.reports)[0] == (2 if outputs is calls[1] else 0)
            return sorted(request.reports)

    assert asyncio.run(run()) == [0, 1, 2, 3]


def test_a_whole_answer_is_one_output_with_all_choices_in_order() -> None:
    ((only,), _, _) = generated("a fine day", n=3, output_kind=RequestOutputKind.FINAL_ONLY)
    assert [choice.index for choice in only.outputs] == [0, 1, 2] and only.finished
    assert {choice.text for choice in only.outputs} == {"a fine day"}


def down(scorer: ScriptedScorer) -> None:
    scorer.fail(99)


@pytest.mark.parametrize("break_it", [down])
def test_a_scorer_that_fails_before_anything_is_out_is_told_by_an_error(
    break_it: Callable[[ScriptedScorer], None],
) -> None:
    scorer = ScriptedScorer({})
    break_it(scorer)
    with pytest.raises(ScorerDown):
        generated("a fine day", scorer)


def test_an_unguarded_request_is_marked_and_not_scored() -> None:
    scorer = ScriptedScorer({})
    outputs, request, inner = generated("you idiot", scorer, Policy(name="off", mode="off"))
    assert scorer.passes == 0 and request.started
    assert [report.action for report in request.reports.values()] == ["unguarded"]
    assert inner.asked[0][2] == {"prompt_text": "abc", "priority": 1} and outputs
