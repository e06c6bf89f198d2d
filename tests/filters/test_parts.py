"""The parts of a text: all of it, whole sentences where they are short, and no phrase in pieces only."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.boundaries import MAX_WORD
from filters.parts import LONGEST, OVERLAP, parts, with_parts

_WORD = st.sampled_from(["a", "river", "ran.", "Dr.", "no!", "why?", "then,", "word", "他那个人很好。", "long" * 30])
TEXTS = st.lists(_WORD, max_size=120).map(" ".join)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", []),
        ("One sentence.", []),
        ("It rained. You left!", ["It rained. ", "You left!"]),
        ("He came. Dick", []),
        ("By Mr. Dick. It rained. So?", ["By Mr. Dick. ", "It rained. So?"]),
        ("Well. You fool. Bye.", []),
        ("这是书。他好。", ["这是书。", "他好。"]),
        ("one line\nthe other", ["one line\n", "the other"]),
    ],
)
def test_a_part_is_a_sentence_of_two_words(text: str, said: list[str]) -> None:
    assert [text[part.start : part.end] for part in parts(text)] == said
    assert with_parts(text) == [text, *said]


@given(TEXTS)
def test_together_they_are_the_text_in_order(text: str) -> None:
    found = parts(text)
    assert found == sorted(found, key=lambda part: part.start)
    ends = [0]
    for part in found:
        assert part.start <= ends[-1] < part.end
        ends.append(part.end)
    assert not found or ends[-1] == len(text)


@given(TEXTS, st.integers(0, 400))
def test_those_before_the_fresh_text_are_left_out_and_no_other(text: str, fresh: int) -> None:
    every = parts(text)
    assert parts(text, fresh) == [part for part in every if part.end > fresh]
    if every and fresh < len(text):
        assert parts(text, fresh)[-1].end == len(text)


@given(TEXTS)
def test_they_are_short_and_not_many(text: str) -> None:
    found = parts(text)
    assert all(part.end - part.start <= LONGEST + MAX_WORD for part in found)
    assert len(found) <= 1 + len(text.split(" ")) + len(text) // (LONGEST - OVERLAP)


@given(st.integers(0, 600), st.integers(0, 600))
def test_a_phrase_that_is_shorter_than_the_overlap_is_whole_in_a_part(before: int, behind: int) -> None:
    phrase = "you are such a silly, silly goose"
    text = f"{'far and ' * (before // 8)}{phrase}{' and wide' * (behind // 9)}"
    assert any(phrase in each and len(each) <= LONGEST + MAX_WORD for each in with_parts(text)[1:] or [text])
