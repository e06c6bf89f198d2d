from collections import Counter

import pytest

from benchmarks.onset import CONTEXT, STRIDE, Post, first_span, place, table, windows

TEXT = "one two three four five six seven"
POST = Post(TEXT, TEXT.index("five"), TEXT.index(" six"))


@pytest.mark.parametrize(
    ("word", "where"),
    [("one", "early"), ("two", "near"), ("four", "near"), ("five", "inside"), ("six", "late"), ("seven", "late")],
)
def test_an_onset_is_right_inside_the_span_and_up_to_three_words_before_it(word: str, where: str) -> None:
    assert place(POST, TEXT.index(word)) == where


def test_the_first_span_is_the_first_run_of_characters() -> None:
    assert first_span([9, 4, 5, 6, 12]) == (4, 7)
    assert first_span([3]) == (3, 4)


@pytest.mark.parametrize("words", [0, 1, STRIDE, STRIDE + 1, 10 * STRIDE + 3])
def test_windows_take_every_word_once_as_fresh_with_bounded_context(words: int) -> None:
    text = "  ".join(f"w{number}" for number in range(words))
    fresh = [passage.text[passage.fresh :].split() for _, passage in windows(text)]
    assert [word for window in fresh for word in window] == text.split()
    for begin, passage in windows(text):
        assert text[begin:].startswith(passage.text)
        assert len(passage.text[: passage.fresh].split()) <= CONTEXT


def test_shares_are_of_the_flagged_posts() -> None:
    text = table(Counter(inside=3, near=1, late=1, cleared=5))
    assert "10 posts, 5 flagged; right: 80.0%" in text
    assert "| inside | 3 | 60.0% |" in text
