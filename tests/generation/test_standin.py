"""What stands in: the least toxic of the flagged continuations, or a mask."""

import pytest

from server.engine.drafting.scripted import Vocabulary, WordDetokenizer
from server.generation.draft import Draft
from server.generation.standin import StandIn
from server.generation.transcript import Transcript
from server.policy.policy import Mode, OnExhausted, Policy

VOCABULARY = Vocabulary(longest=9)


def _said(text: str, finish_reason: str | None = None) -> Transcript:
    transcript = Transcript(lambda: WordDetokenizer(VOCABULARY))
    tokens = VOCABULARY.encode(text)
    transcript.append(Draft(tokens, [f"p{i}" for i in range(len(tokens))], finish_reason))
    return transcript


def _none(on_exhausted: OnExhausted = "flag", mode: Mode = "enforce") -> StandIn:
    return StandIn(Policy(on_exhausted=on_exhausted, mode=mode), VOCABULARY.encode)


def _offered(*offers: tuple[str, float]) -> StandIn:
    candidates = _none()
    for text, worst in offers:
        candidates.offer(_said(text), 1, 3, {"insult": worst, "threat": 0.1})
    return candidates


def test_the_one_with_the_lowest_of_highest_scores_is_put_back_behind_the_frontier() -> None:
    candidates = _offered(("you bad fox goes", 0.9), ("you odd fox goes", 0.6), ("you big fox goes", 0.7))
    transcript = _said("you")
    assert candidates.put("candidate", transcript) == {"insult": 0.6, "threat": 0.1}
    assert transcript.text == "you odd fox"
    assert transcript.logprobs == ["p0", "p1", "p2"]


def test_of_equals_the_first_stays() -> None:
    transcript = _said("you")
    _offered(("you bad fox", 0.6), ("you odd fox", 0.6)).put("candidate", transcript)
    assert transcript.text == "you bad fox"


def test_a_candidate_that_ended_the_text_ends_it_again() -> None:
    candidates, transcript = _none(), _said("you")
    candidates.offer(_said("you odd fox", "length"), 1, 3, {"insult": 0.6})
    candidates.put("candidate", transcript)
    assert transcript.ending == ("length", None)


def test_a_candidate_cut_out_of_the_middle_ends_nothing() -> None:
    candidates, transcript = _none(), _said("you")
    candidates.offer(_said("you odd fox goes home", "length"), 1, 3, {"insult": 0.6})
    candidates.put("candidate", transcript)
    assert (transcript.text, transcript.ending) == ("you odd fox", None)


def test_what_is_forgotten_cannot_be_put_back() -> None:
    candidates = _offered(("you bad fox", 0.6))
    candidates.forget()
    with pytest.raises(RuntimeError, match="before any"):
        candidates.put("candidate", _said("you"))


@pytest.mark.parametrize(("on_exhausted", "mode"), [("refuse", "enforce"), ("mask", "enforce"), ("flag", "monitor")])
def test_none_is_kept_where_none_is_ever_released(on_exhausted: OnExhausted, mode: Mode) -> None:
    candidates = _none(on_exhausted, mode)
    candidates.offer(_said("you bad fox"), 1, 3, {"insult": 0.9})
    with pytest.raises(RuntimeError, match="before any"):
        candidates.put("candidate", _said("you"))


def test_a_mask_is_written_in_its_tokens_and_has_no_scores() -> None:
    transcript = _said("you")
    assert _none("mask").put("mask", transcript) == {}
    assert transcript.text == f"you{Policy().mask_text}"


def test_what_is_unread_is_put_back_only_if_all_is() -> None:
    candidates, transcript = _offered(("you bad fox", 0.9)), _said("you")
    candidates.offer(_said("you odd fox"), 1, 3, {"insult": 0.1}, unread=True)
    candidates.put("candidate", transcript)
    assert transcript.text == "you bad fox"
