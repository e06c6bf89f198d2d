"""Released pieces as vLLM's outputs."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from vllm.entrypoints.openai.completion.protocol import CompletionResponseStreamChoice
from vllm.logprobs import Logprob
from vllm.sampling_params import RequestOutputKind, SamplingParams

from server.engine.outputs import ChoiceOutput, EmptyText, request_output
from server.generation.outlet import Piece


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
