"""Answers of requests whose policy is off."""

from collections.abc import AsyncGenerator
from typing import Any, cast

import pytest
from vllm.outputs import CompletionOutput, RequestOutput
from vllm.sampling_params import RequestOutputKind, SamplingParams

from server.engine.unguarded import Unguarded
from server.generation.capacity import Bounds, Capacity, NullObserver
from server.generation.ending import Ending
from server.generation.request import GuardedRequest
from tests.engine.drafting.recording import RecordingEngine
from tests.engine.drafting.test_detokenize import ids, tokenizer
from tests.engine.test_client import PROMPT
from tests.engine.test_client_ending import DELTA, OFF, TEXT, asking
from tests.engine.test_recording import Kept

ROOM = Capacity(Bounds(), lambda: 0.0, NullObserver())


async def test_it_is_what_the_engine_said_and_reported_as_judged_by_nobody() -> None:
    engine, ending, request = RecordingEngine(ids(TEXT), tokenizer=tokenizer()), Ending(), GuardedRequest(OFF)
    params = SamplingParams(max_tokens=99, output_kind=RequestOutputKind.DELTA)
    outputs = [output async for output in Unguarded(engine, ending, ROOM).generate(PROMPT, params, "r", request, {})]
    assert [token for output in outputs for token in output.outputs[0].token_ids] == ids(TEXT)
    assert (request.reports[0].action, request.reports[0].policy) == ("unguarded", "off")
    assert request.started and ending.under_way == 0


async def test_an_unguarded_answer_is_ended_by_vllm_and_marked() -> None:
    async with asking(OFF, DELTA) as (client, inner, request, reading, outputs):
        client.services.ending.close()
        await reading
        assert inner.aborted == ["r"] and outputs[-1].finished
        report = request.reports[0]
        assert (report.action, report.cut_short, report.withheld) == ("unguarded", "shutdown", True)
        assert client.services.ending.under_way == 0


class Words:
    """An engine that writes two choices, the first of them to its end."""

    async def generate(self, *args: Any, **options: Any) -> AsyncGenerator[RequestOutput, None]:
        for first, second, reason in (("a", "x", None), ("b", "y", "stop")):
            made = [
                CompletionOutput(0, first, [1], None, None, finish_reason=reason),
                CompletionOutput(1, second, [1], None, None),
            ]
            yield RequestOutput("r", None, [], None, made, False)


async def test_its_choices_have_records_with_all_that_was_said_of_each() -> None:
    kept = Kept()
    unguarded = Unguarded(cast(Any, Words()), Ending(), ROOM, kept)
    request, params = GuardedRequest(OFF), SamplingParams(n=2, output_kind=DELTA)
    assert [output async for output in unguarded.generate(PROMPT, params, "cmpl-a-0", request, {})]
    assert [(each.response, each.choice, each.text, each.finish_reason) for each in kept] == [
        ("cmpl-a", 0, "ab", "stop"),
        ("cmpl-a", 1, "xy", None),
    ]
    assert {each.report.action for each in kept} == {"unguarded"}


class Outputs:
    """An engine that says what it is given."""

    def __init__(self, *said: list[list[int]]) -> None:
        self.said = said

    async def generate(self, *args: Any, **options: Any) -> AsyncGenerator[RequestOutput, None]:
        for tokens in self.said:
            made = [CompletionOutput(index, "", own, None, None) for index, own in enumerate(tokens)]
            yield RequestOutput("r", None, [], None, made, False)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (DELTA, ([[1], [1, 2]], [[3], []], [[4, 5], [6]])),
        (RequestOutputKind.CUMULATIVE, ([[1], [1, 2]], [[1, 3], [1, 2]], [[1, 3, 4, 5], [1, 2, 6]])),
        (RequestOutputKind.FINAL_ONLY, ([[1, 3, 4, 5], [1, 2, 6]],)),
    ],
)
async def test_its_tokens_are_counted_once_with_those_of_its_prompt(kind: Any, said: Any) -> None:
    request, engine = GuardedRequest(OFF), Outputs(*said)
    params = SamplingParams(n=2, output_kind=kind)
    unguarded = Unguarded(cast(Any, engine), Ending(), ROOM)
    async for _ in unguarded.generate(PROMPT, params, "r", request, {}):
        pass
    assert request.tokens == len(PROMPT["prompt_token_ids"]) + 4 + 3
    request.tokens = 0
    async for _ in unguarded.generate({"type": "embeds"}, params, "r", request, {}):
        pass
    assert request.tokens == 7
