"""Every choice is told of once to whoever keeps records, before its end is handed out, however it ends."""

from contextlib import aclosing
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from vllm.sampling_params import RequestOutputKind, SamplingParams

from filters.scorers.scripted import ScriptedScorer
from server.engine.client import GuardedEngineClient
from server.engine.recording import join, response_id
from server.errors import Unavailable
from server.generation.answered import Answered
from server.generation.request import GuardedRequest, current
from server.generation.tracing import UNTRACED, Untraced
from server.policy.policy import Policy
from tests.engine.drafting.recording import RecordingEngine
from tests.engine.drafting.test_detokenize import ids, tokenizer
from tests.engine.test_client import END, PROMPT, guarding
from tests.generation.stage import until

WORDS = "one two three four five six seven eight nine ten"


class Kept(list[Answered]):
    """Keeps records, or cannot."""

    def __init__(self, *, failing: bool = False, down: bool = False) -> None:
        super().__init__()
        self.failing = failing
        self.down = down

    def check(self) -> None:
        if self.down:
            raise Unavailable("no record can be kept", 1.0)

    async def keep(self, answered: Answered) -> None:
        if self.failing:
            raise Unavailable("no record can be kept", 1.0)
        self.append(answered)

    def keep_rest(self, answered: Answered) -> None:
        self.append(answered)


async def asked(
    kept: Kept, policy: Policy | None = None, *, most: int = 99, call: str = "chatcmpl-a", **params: Any
) -> GuardedRequest:
    """One request, of which at most so many outputs are read."""
    request = GuardedRequest(policy or Policy())
    inner = RecordingEngine([*ids(WORDS), END], tokenizer=tokenizer())
    async with guarding(inner, ScriptedScorer({})) as made:
        client = GuardedEngineClient(inner, _with(made.services, kept), Policy)
        current.set(request)
        wanted = SamplingParams(**{"max_tokens": 99, "output_kind": RequestOutputKind.DELTA, **params})
        async with aclosing(client.generate(PROMPT, wanted, call)) as outputs:
            async for _ in outputs:
                most -= 1
                if not most:
                    break
    return request


def _with(services: Any, kept: Kept) -> Any:
    return replace(services, records=kept)


async def test_each_choice_has_a_record_with_the_id_of_its_answer() -> None:
    kept = Kept()
    await asked(kept, n=3, call="cmpl-b-0")
    assert sorted(each.choice for each in kept) == [0, 1, 2]
    assert {(each.response, each.finish_reason, each.report.action, each.text) for each in kept} == {
        ("cmpl-b", "stop", "clean", None)
    }


@pytest.mark.parametrize("kind", [RequestOutputKind.DELTA, RequestOutputKind.FINAL_ONLY])
async def test_text_is_told_where_the_policy_has_it_kept(kind: RequestOutputKind) -> None:
    kept = Kept()
    await asked(kept, Policy(audit_text="full"), output_kind=kind)
    assert [each.text for each in kept] == [WORDS]


async def test_in_monitor_mode_a_record_has_the_verdicts_that_came_after_the_answer() -> None:
    kept, request = Kept(), GuardedRequest(Policy(mode="monitor"))
    inner = RecordingEngine([*ids(WORDS), END], tokenizer=tokenizer())
    scorer = ScriptedScorer({"four": 0.9})
    scorer.hang()
    async with guarding(inner, scorer) as made:
        client = GuardedEngineClient(inner, _with(made.services, kept), Policy)
        current.set(request)
        wanted = SamplingParams(max_tokens=99, output_kind=RequestOutputKind.DELTA)
        assert [output async for output in client.generate(PROMPT, wanted, "r")][-1].finished
        assert not kept, "the answer is out, and nothing of it judged"
        scorer.release()
        await until(lambda: bool(kept))
    assert [(each.report.action, each.finish_reason) for each in kept] == [("flagged", "stop")]
    assert kept[0].report.spans_flagged >= 1 and kept[0].report.flagged


@pytest.mark.parametrize("mode", ["enforce", "off"])
async def test_a_client_that_leaves_leaves_a_record_behind(mode: Any) -> None:
    kept = Kept()
    await asked(kept, Policy(mode=mode), most=1)
    assert [each.finish_reason for each in kept] == [None]


@pytest.mark.parametrize("mode", ["enforce", "off"])
async def test_where_no_record_can_be_kept_nothing_is_asked_of_the_engine(mode: Any) -> None:
    with pytest.raises(Unavailable):
        await asked(Kept(down=True), Policy(mode=mode))


@pytest.mark.parametrize("mode", ["enforce", "off"])
@pytest.mark.parametrize("kind", [RequestOutputKind.DELTA, RequestOutputKind.FINAL_ONLY])
async def test_an_end_without_a_record_is_not_handed_out(mode: Any, kind: RequestOutputKind) -> None:
    request = GuardedRequest(Policy(mode=mode))
    inner = RecordingEngine([*ids(WORDS), END], tokenizer=tokenizer())
    ends = []
    async with guarding(inner, ScriptedScorer({})) as made:
        client = GuardedEngineClient(inner, _with(made.services, Kept(failing=True)), Policy)
        current.set(request)
        with pytest.raises(Unavailable):
            async for output in client.generate(PROMPT, SamplingParams(max_tokens=99, output_kind=kind), "r"):
                ends += [choice.finish_reason for choice in output.outputs]
    assert not any(ends) and isinstance(request.unusable, Unavailable)
    assert request.started == bool(ends), "a 503 where nothing was handed out"


@pytest.mark.parametrize(
    ("call", "answer"),
    [
        ("chatcmpl-7-1", "chatcmpl-7-1"),
        ("cmpl-my-id-1-0", "cmpl-my-id-1"),
        ("resp_ab_12", "resp_ab"),
        ("r", "r"),
    ],
)
def test_the_id_is_that_of_the_answer(call: str, answer: str) -> None:
    assert response_id(call) == answer


class Joined(Untraced):
    """A trace that others can join."""

    def headers(self) -> dict[str, str]:
        return {"traceparent": "ours"}


@pytest.mark.parametrize(
    ("trace", "endpoint", "then"),
    [(Joined(), "http://c", "ours"), (Joined(), None, "theirs"), (UNTRACED, "http://c", "theirs")],
)
def test_an_engine_that_traces_joins_the_trace_of_the_request(trace: Untraced, endpoint: str | None, then: str) -> None:
    config = SimpleNamespace(observability_config=SimpleNamespace(otlp_traces_endpoint=endpoint))
    options: dict[str, Any] = {"trace_headers": {"traceparent": "theirs"}}
    join(GuardedRequest(Policy(), trace=trace), SimpleNamespace(vllm_config=config), options)
    assert options["trace_headers"] == {"traceparent": then}
