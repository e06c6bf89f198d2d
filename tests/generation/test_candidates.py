"""The least toxic of the flagged continuations."""

import pytest

from server.engine.scripted import Vocabulary, WordDetokenizer
from server.generation.candidates import Candidates
from server.generation.draft import Draft
from server.generation.transcript import Transcript

VOCABULARY = Vocabulary(longest=9)


def _said(text: str, finish_reason: str | None = None) -> Transcript:
    transcript = Transcript(lambda: WordDetokenizer(VOCABULARY))
    tokens = VOCABULARY.encode(text)
    transcript.append(Draft(tokens, [f"p{i}" for i in range(len(tokens))], finish_reason))
    return transcript


def _offered(*offers: tuple[str, float]) -> Candidates:
    candidates = Candidates()
    for text, worst in offers:
        candidates.offer(_said(text), 1, 3, {"insult": worst, "threat": 0.1})
    return candidates


def test_the_one_with_the_lowest_of_highest_scores_is_put_back_behind_the_frontier() -> None:
    candidates = _offered(("you bad fox goes", 0.9), ("you odd fox goes", 0.6), ("you big fox goes", 0.7))
    transcript = _said("you")
    assert candidates.put_best(transcript) == {"insult": 0.6, "threat": 0.1}
    assert transcript.text == "you odd fox"
    assert transcript.logprobs == ["p0", "p1", "p2"]


def test_of_equals_the_first_stays() -> None:
    transcript = _said("you")
    _offered(("you bad fox", 0.6), ("you odd fox", 0.6)).put_best(transcript)
    assert transcript.text == "you bad fox"


def test_a_candidate_that_ended_the_text_ends_it_again() -> None:
    candidates, transcript = Candidates(), _said("you")
    candidates.offer(_said("you odd fox", "length"), 1, 3, {"insult": 0.6})
    candidates.put_best(transcript)
    assert transcript.ending == ("length", None)


def test_a_candidate_cut_out_of_the_middle_ends_nothing() -> None:
    candidates, transcript = Candidates(), _said("you")
    candidates.offer(_said("you odd fox goes home", "length"), 1, 3, {"insult": 0.6})
    candidates.put_best(transcript)
    assert (transcript.text, transcript.ending) == ("you odd fox", None)


def test_what_is_forgotten_cannot_be_put_back() -> None:
    candidates = _offered(("you bad fox", 0.6))
    candidates.forget()
    with pytest.raises(RuntimeError, match="before any"):
        candidates.put_best(_said("you"))
