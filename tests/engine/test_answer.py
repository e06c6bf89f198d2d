"""Released pieces become vLLM's outputs, and those of several choices the outputs of one request."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from vllm.entrypoints.openai.completion.protocol import CompletionResponseStreamChoice
from vllm.logprobs import Logprob
from vllm.outputs import RequestOutput
from vllm.sampling_params import RequestOutputKind, SamplingParams

from filters.batcher import Batcher
from filters.judge import Judge
from filters.scorers.scripted import ScriptedScorer
from server.engine.alternatives import Alternatives, AlternativeScores
from server.engine.answer import Answer, Choice, ChoiceOutput, EmptyText, GenerateCall, request_output
from server.generation.outlet import Piece
from server.generation.report import Report
from server.generation.request import GuardedRequest
from server.policy.policy import Policy
from tests.api.requests import report

PROMPT = {"type": "token", "prompt_token_ids": [1, 2]}


class Guard:
    """As much of a guard as an answer asks for."""

    report = report("rewound", rewinds=1)


class LearningGuard:
    """A guard whose first report says less than those after it."""

    def __init__(self) -> None:
        self._reports = [report("rewound"), report("clean")]

    @property
    def report(self) -> Report:
        return self._reports.pop() if len(self._reports) > 1 else self._reports[0]


class Engine:
    """As much of an engine as an answer asks for; its prompt logprobs say whose they are."""

    def __init__(self, index: int) -> None:
        own: Any = [None, {2: Logprob(-float(index), 1, "b"), 9: Logprob(-5.0, 2, "x")}]
        self.first: RequestOutput | None = RequestOutput("inner", "ab", [1, 2], own, [], False)


async def answering(
    kind: RequestOutputKind, *said: tuple[int, Piece], cut: bool = False, drafted: bool = True, guarded: Any = None
) -> tuple[Any, GuardedRequest]:
    """The outputs for pieces of a request for two choices, the third and fourth of its HTTP request."""
    request = GuardedRequest(Policy())
    params = SamplingParams(n=2, output_kind=kind, prompt_logprobs=1, temperature=1)
    call = GenerateCall(PROMPT, params, "r", request, {}, 2)
    batcher = Batcher(ScriptedScorer({"x": 0.9}))
    await batcher.start()
    scores = AlternativeScores(Judge(batcher))
    engines: list[Any] = [Engine(0), Engine(1)]
    for engine in () if drafted else engines:
        engine.first = None
    guard: Any = guarded or Guard()
    choices = [
        Choice(engine, guard, ChoiceOutput(at, params), Alternatives(scores, Policy(), str))
        for at, engine in enumerate(engines)
    ]
    answer = Answer(call, choices)
    outputs = [await answer.add(index, piece) for index, piece in said]
    outputs += [output async for output in answer.cut_short(lambda made: made.refused({}, "deadline"))] if cut else []
    await batcher.aclose()
    return [output for output in outputs if output], request


def piece(text: str, reason: str | None = None) -> Piece:
    return Piece([5], [None], text, reason)


async def test_each_delta_is_one_output_and_the_last_one_is_finished() -> None:
    deltas, request = await answering(
        RequestOutputKind.DELTA, (1, piece("a")), (0, piece("b", "stop")), (1, piece("c", "length"))
    )
    assert [(out.outputs[0].index, out.outputs[0].text, out.finished) for out in deltas] == [
        (1, "a", False),
        (0, "b", False),
        (1, "c", True),
    ]
    assert sorted(request.reports) == [2, 3] and request.started


async def test_the_first_delta_of_each_choice_carries_its_own_prompt_logprobs() -> None:
    deltas, _ = await answering(RequestOutputKind.DELTA, (1, piece("a")), (0, piece("b")), (1, piece("c")))
    assert [out.prompt_logprobs and out.prompt_logprobs[1][2].logprob for out in deltas] == [-1.0, 0.0, None]
    assert all(9 not in out.prompt_logprobs[1] for out in deltas[:2]), "flagged alternatives are not shown"


async def test_a_whole_answer_waits_for_its_last_choice_and_is_in_order() -> None:
    ((only,), request) = await answering(
        RequestOutputKind.FINAL_ONLY, (1, piece("a", "stop")), (0, piece("b")), (0, piece("c", "stop"))
    )
    assert [(choice.index, choice.text) for choice in only.outputs] == [(0, "bc"), (1, "a")]
    assert only.finished and only.prompt_logprobs[1][2].logprob == 0.0
    assert request.reports[2].action == "rewound"


async def test_nothing_has_started_before_something_is_sent() -> None:
    outputs, request = await answering(RequestOutputKind.FINAL_ONLY, (1, piece("a", "stop")))
    assert outputs == [] and not request.started


async def test_an_answer_that_is_cut_short_ends_every_choice_that_has_not_ended() -> None:
    outputs, request = await answering(RequestOutputKind.DELTA, (1, piece("a", "stop")), (0, piece("b")), cut=True)
    last = outputs[-1]
    assert (last.outputs[0].index, last.outputs[0].finish_reason, last.finished) == (0, "content_filter", True)
    assert {at: made.action for at, made in request.reports.items()} == {2: "refused", 3: "rewound"}
    assert request.reports[2].scorer_failure == "deadline"


async def test_a_choice_that_is_cut_short_before_it_began_carries_its_prompt_logprobs() -> None:
    """vLLM's server reads them with the first output of each choice, where it echoes a prompt."""
    outputs, _ = await answering(RequestOutputKind.DELTA, (1, piece("a")), cut=True)
    assert [out.outputs[0].index for out in outputs] == [1, 0, 1]
    assert [out.prompt_logprobs is not None for out in outputs] == [True, True, False]


async def test_a_prompt_that_the_engine_has_never_seen_has_no_logprobs_at_any_position() -> None:
    """vLLM's server reads one entry a token where it echoes a prompt."""
    refused = Piece([], [], "", "content_filter")
    for kind in (RequestOutputKind.DELTA, RequestOutputKind.FINAL_ONLY):
        outputs, _ = await answering(kind, (0, refused), (1, refused), drafted=False)
        assert [out.prompt_logprobs for out in outputs] == [[None, None]] * len(outputs)


async def test_the_reports_of_a_whole_answer_are_those_at_its_end() -> None:
    """What is known of the prompt may be more than when the first choice ended."""
    said = (0, piece("a", "stop")), (1, piece("b", "stop"))
    _, request = await answering(RequestOutputKind.FINAL_ONLY, *said, guarded=LearningGuard())
    assert [made.action for made in request.reports.values()] == ["rewound", "rewound"]


def output(kind: RequestOutputKind, **params: Any) -> ChoiceOutput:
    return ChoiceOutput(2, SamplingParams(output_kind=kind, **params))


def sampled(token: int, logprob: float = -0.5) -> dict[int, Logprob]:
    return {token: Logprob(logprob, 1, "x"), 99: Logprob(-3.0, 2, "y")}


PIECES = st.lists(st.tuples(st.lists(st.integers(0, 50), max_size=4), st.text(max_size=5)), min_size=1, max_size=6)


@given(PIECES)
def test_deltas_put_together_are_the_cumulative_and_the_final_output(pieces: list[tuple[list[int], str]]) -> None:
    parts = [Piece(tokens, [None] * len(tokens), text) for tokens, text in pieces]
    parts[-1] = Piece(*pieces[-1][:1], [None] * len(pieces[-1][0]), pieces[-1][1], "stop", 7)
    kinds = {kind: output(kind) for kind in RequestOutputKind}
    said = {kind: [one.add(part) for part in parts] for kind, one in kinds.items()}
    deltas = [part for part in said[RequestOutputKind.DELTA] if part]
    (final,) = [part for part in said[RequestOutputKind.FINAL_ONLY] if part]
    last = said[RequestOutputKind.CUMULATIVE][-1]
    assert last is not None and (last.text, last.token_ids) == (final.text, final.token_ids)
    assert "".join(part.text for part in deltas) == final.text
    assert [token for part in deltas for token in part.token_ids] == final.token_ids
    assert (final.finish_reason, final.stop_reason, final.index) == ("stop", 7, 2)


def test_an_end_without_text_and_tokens_is_not_skipped_by_vllm_and_is_empty_in_json() -> None:
    end = output(RequestOutputKind.DELTA).add(Piece([], [], "", "content_filter"))
    assert end is not None and end.text == "" and end.text
    choice = CompletionResponseStreamChoice(index=0, text=end.text, finish_reason=end.finish_reason)
    assert json.loads(choice.model_dump_json())["text"] == ""
    assert EmptyText() + "a" == "a" and len(EmptyText()) == 0


@pytest.mark.parametrize(
    ("kind", "piece"),
    [
        (RequestOutputKind.FINAL_ONLY, Piece([], [], "", "content_filter")),
        (RequestOutputKind.DELTA, Piece([0], [None], "", "stop")),
        (RequestOutputKind.DELTA, Piece([4], [None], "")),
    ],
)
def test_every_other_empty_text_is_an_ordinary_one(kind: RequestOutputKind, piece: Piece) -> None:
    made = output(kind).add(piece)
    assert made is not None and made.text == "" and not made.text


def test_a_request_for_tokens_only_gets_no_text() -> None:
    made = output(RequestOutputKind.DELTA, detokenize=False).add(Piece([4], [None], "word"))
    assert made is not None and (made.text, made.token_ids) == ("", [4])


@pytest.mark.parametrize("params", [{"logprobs": 1}, {"logprob_token_ids": [4]}])
def test_logprobs_add_up(params: dict[str, Any]) -> None:
    choice = output(RequestOutputKind.CUMULATIVE, **params)
    choice.add(Piece([4], [sampled(4, -0.5)], "a", spelled=["a"]))
    made = choice.add(Piece([5], [sampled(5, -0.25)], "b", "length", spelled=["b"]))
    assert made is not None and made.cumulative_logprob == pytest.approx(-0.75)
    assert [set(entry) for entry in made.logprobs or ()] == [{4, 99}, {5, 99}]


def test_logprobs_that_were_not_asked_for_are_not_there() -> None:
    made = output(RequestOutputKind.DELTA).add(Piece([4], [sampled(4)], "a"))
    assert made is not None and made.logprobs is None and made.cumulative_logprob is None


def test_the_tokens_of_a_mask_say_what_they_write_and_were_certain() -> None:
    choice = output(RequestOutputKind.CUMULATIVE, logprobs=1)
    made = choice.add(Piece([4, 5, 6], [None, None, sampled(6, -0.25)], "[日]a", spelled=["[", "日]", "a"]))
    assert made is not None and made.logprobs is not None
    assert [made.logprobs[0][4], made.logprobs[1][5]] == [Logprob(0.0, None, "["), Logprob(0.0, None, "日]")]
    assert made.cumulative_logprob == -0.25


def test_what_the_engine_never_said_is_taken_from_the_prompt() -> None:
    made = request_output("r", {"prompt_token_ids": [1, 2], "prompt": "ab"}, None, [], None, finished=True)
    assert (made.request_id, made.prompt, made.prompt_token_ids, made.finished) == ("r", "ab", [1, 2], True)
