import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.clauses import REACH, clause_start, previous_sentence_start, sentence_start

TEXT = 'It rained. "Go home!" she said, and (as ever) he went; nobody saw it — not even I. Then it stopped'


def _from(start: int) -> str:
    return TEXT[start:]


@pytest.mark.parametrize(
    ("word", "clause", "sentence", "previous"),
    [
        ("rained", "It rained", "It rained", "It rained"),
        ("home", '"Go home!" she', '"Go home!" she', "It rained"),
        ("said", "she said", "she said", '"Go home!" she'),
        ("and", "and (as", "she said", '"Go home!" she'),
        ("ever", "as ever", "she said", '"Go home!" she'),
        ("nobody", "nobody saw", "she said", '"Go home!" she'),
        ("even", "not even", "she said", '"Go home!" she'),
        ("stopped", "Then it", "Then it", "she said"),
    ],
)
def test_clauses_and_sentences_begin_behind_punctuation(word: str, clause: str, sentence: str, previous: str) -> None:
    index = TEXT.index(word)
    assert _from(clause_start(TEXT, index)).startswith(clause)
    assert _from(sentence_start(TEXT, index)).startswith(sentence)
    assert _from(previous_sentence_start(TEXT, index)).startswith(previous)


@pytest.mark.parametrize("text", ["3.5 percent of x", "see a.b.c for x", "half-way x", "e.g.x", "12,5 x"])
def test_signs_within_words_and_numbers_end_nothing(text: str) -> None:
    assert sentence_start(text, text.index("x")) == 0
    assert clause_start(text, text.index("x")) == 0


def test_lines_and_full_width_marks_end_sentences() -> None:
    assert sentence_start("one\n\ntwo", 6) == 5
    assert sentence_start("\u4f60\u597d\u3002\u518d\u89c1", 4) == 3
    assert clause_start("\u4f60\u597d\uff0c\u518d\u89c1", 4) == 3


@given(st.text(alphabet="ab .,!?\n\"'()-\u2014\u3002\ud7ff", max_size=60), st.integers(0, 60))
def test_the_three_places_lie_in_order(text: str, index: int) -> None:
    index = min(index, len(text))
    clause, sentence = clause_start(text, index), sentence_start(text, index)
    assert 0 <= previous_sentence_start(text, index) <= sentence <= clause <= index


def test_a_text_without_punctuation_is_looked_through_for_no_longer_than_the_reach() -> None:
    text = "word " * 100_000
    assert sentence_start(text, len(text)) == len(text) - REACH
