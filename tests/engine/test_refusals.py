"""What the engine client refuses, and that it is told by the status while nothing of the answer is out."""

from typing import Any

import pytest
from vllm.exceptions import RetryableRequestError, VLLMValidationError
from vllm.sampling_params import RequestOutputKind, SamplingParams

from server.engine import refusals
from server.engine.core.changes import UNUSABLE_GRAMMAR
from server.errors import BadRequest, Unavailable
from server.generation.request import GuardedRequest
from server.policy.policy import Policy

DELTA = SamplingParams(output_kind=RequestOutputKind.DELTA)


def asked(*, started: bool = False) -> GuardedRequest:
    made = GuardedRequest(Policy())
    made.started = started
    return made


def test_a_grammar_that_failed_is_the_clients_mistake() -> None:
    request = asked()
    with pytest.raises(VLLMValidationError, match="structured_outputs"):
        refusals.check_grammar(request, UNUSABLE_GRAMMAR)
    assert request.unusable and request.unusable.param == "structured_outputs"


@pytest.mark.parametrize("reason", [None, 7, "stop", ""])
def test_whatever_else_ends_a_text_is_not(reason: Any) -> None:
    refusals.check_grammar(asked(), reason)


def test_once_text_is_out_nothing_is_refused() -> None:
    request = asked(started=True)
    refusals.check_grammar(request, UNUSABLE_GRAMMAR)
    assert request.unusable is None


def test_what_vllm_refuses_of_a_stream_is_noted_with_its_words() -> None:
    request = asked()
    refusals.note(request, DELTA, VLLMValidationError("no such grammar", parameter="grammar"))
    assert request.unusable and request.unusable.param == "grammar" and "no such grammar" in request.unusable.message


@pytest.mark.parametrize("params", [SamplingParams(output_kind=RequestOutputKind.FINAL_ONLY), object()])
def test_of_a_whole_answer_vllm_says_it_itself(params: Any) -> None:
    request = asked()
    refusals.note(request, params, VLLMValidationError("no such grammar"))
    assert request.unusable is None


def test_what_we_refused_is_not_said_in_vllms_words() -> None:
    request = asked()
    request.unusable = ours = BadRequest("structured_outputs", "ours")
    refusals.note(request, DELTA, VLLMValidationError("ours again"))
    assert request.unusable is ours


@pytest.mark.parametrize(
    ("prompt", "params", "word"),
    [
        ({"type": "token"}, object(), "beam search"),
        ({"type": "embeds"}, SamplingParams(), "embeddings"),
        ("raw text", SamplingParams(), "cannot be guarded"),
    ],
)
def test_what_has_no_text_to_judge_is_refused(prompt: Any, params: Any, word: str) -> None:
    with pytest.raises(VLLMValidationError, match=word):
        refusals.check_guardable(prompt, params)


@pytest.mark.parametrize("kind", refusals.GUARDABLE)
def test_tokens_and_images_are_guarded(kind: str) -> None:
    refusals.check_guardable({"type": kind}, SamplingParams())


def test_that_nobody_can_answer_is_a_503_unless_something_else_was_wrong() -> None:
    request = GuardedRequest(Policy())
    refusals.note(request, DELTA, RetryableRequestError("try again"))
    assert isinstance(request.unusable, Unavailable) and request.unusable.message == "try again"
    request.unusable = wrong = BadRequest("n", "too many")
    refusals.note(request, DELTA, RetryableRequestError("try again"))
    assert request.unusable is wrong


def test_without_a_guard_an_engine_has_to_give_text() -> None:
    refusals.check_unguarded(spells=True)
    with pytest.raises(VLLMValidationError, match="monitor"):
        refusals.check_unguarded(spells=False)
