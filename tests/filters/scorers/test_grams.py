import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.scorers.grams import LONGEST, Grams, grams, readable

PLAIN = st.text("abcXYZ 019.,!-'*@#\n\t\u2019\u00e9", min_size=1, max_size=60).filter(lambda text: bool(text.strip()))


def one(grams_: Grams, index: int) -> list[list[int]]:
    """The rows of one of the texts: words, stretches, and where its tokens begin."""
    ends = [*grams_.texts[1:], len(grams_.tokens)]
    first, last = grams_.texts[index], ends[index]
    begin = grams_.tokens[first]
    end = grams_.tokens[last] if last < len(grams_.tokens) else len(grams_.stretches)
    tokens = (grams_.tokens[first:last] - begin).tolist()
    return [grams_.words[first:last].ravel().tolist(), grams_.stretches[begin:end].ravel().tolist(), tokens]


def same(first: str, second: str) -> bool:
    """Whether two texts have the same rows."""
    return one(grams([first], 12, 10), 0) == one(grams([second], 12, 10), 0)


@given(st.lists(PLAIN, min_size=2, max_size=5))
def test_what_else_is_in_the_batch_changes_nothing(texts: list[str]) -> None:
    together = grams(texts, 12, 10)
    for index, text in enumerate(texts):
        alone = grams([text], 12, 10)
        assert one(together, index) == one(alone, 0)
        assert together.disguised[index] == alone.disguised[0]


@given(PLAIN)
def test_rows_lie_in_their_tables(text: str) -> None:
    found = grams([text], 12, 10)
    assert found.stretches.min() >= 0 and found.stretches.max() < 1 << 12
    assert found.words.min() >= 0 and found.words.max() < 1 << 10
    assert len(found.words) == len(found.tokens)


@pytest.mark.parametrize(
    ("first", "second"),
    [("Good Day", "good day"), ("caf\u00e9", "cafe"), ("it\u2019s", "it's"), ("a \n\t b", "a b"), ("a\u2026", "a...")],
)
def test_case_accents_quotes_and_white_space_make_no_difference(first: str, second: str) -> None:
    assert same(first, second)


def test_another_order_makes_a_difference() -> None:
    assert not same("the dog bit the man", "the man bit the dog")


def test_a_word_is_the_same_wherever_it_stands() -> None:
    """By its first row: the second is for the pair."""
    found = grams(["a lamp, (lamp) lamp"], 12, 10)
    assert len(found.tokens) == 7
    assert found.words[1, 0] == found.words[4, 0] == found.words[6, 0]


@pytest.mark.parametrize(
    "text", ["Hello.", "na\u00efve \u201cquotes\u201d \u2013 fine\u2026", "a\tb\r\nc", "x" * LONGEST]
)
def test_ordinary_text_is_readable(text: str) -> None:
    assert readable(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  \n",
        "x" * (LONGEST + 1),
        "a\u200bb",
        "\u043f",
        "e\u0301",
        "\x00",
        "a\x1f",
        "\U0001d41a",
        "\ud800",
        "\uff41",
    ],
    ids=ascii,
)
def test_anything_else_is_not(text: str) -> None:
    assert not readable(text)


@pytest.mark.parametrize(
    "text", ["you f*ol", "an idi0t", "sooo bad", "f o o l", "f.o.o.l", "f-o-o-l", "F0Ol", "so@@on"]
)
def test_what_may_be_a_disguise_is_told(text: str) -> None:
    assert grams(["fine", text, "fine"], 12, 10).disguised.tolist() == [False, True, False]


@pytest.mark.parametrize(
    "text", ["well-known facts", "3.5% of 200", "the U.S.A. and I", "see p. 4", "good!!!", "it's 10 am"]
)
def test_ordinary_text_is_no_disguise(text: str) -> None:
    assert not grams([text], 12, 10).disguised.any()


def test_without_a_text_there_is_nothing_to_hash() -> None:
    with pytest.raises(ValueError, match="at least one"):
        grams([], 12, 10)


def test_the_tables_of_a_screen_stay_valid() -> None:
    """A change of the hash makes every trained screen worthless."""
    found = grams(["The same rows for ever."], 17, 16)
    assert found.words.dtype == np.int32
    assert (int(found.words.sum()), int(found.stretches.sum())) == (461301, 3385683)
