from itertools import pairwise

import pytest
import regex  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from filters.boundaries import MAX_WORD, ends_at_boundary, last_boundary, word_start, word_starts

# Letters, joiners, punctuation and white space; marks and format characters; emoji and flags; scripts with and without
# spaces; half a surrogate pair.
PIECES = st.sampled_from(
    [
        *"ab3Z_'*@-.,!?()\"… \n\t\r",
        *("\r\n", "é", "e\u0301", "\u0301", "\u200d", "\u200b", "\ufe0f", "#\ufe0f\u20e3", "\ud83d"),
        *("👍", "👍🏽", "👩\u200d💻", "🇩🇪"),
        *("안녕", "\u1112\u1161\u11ab", "ภา", "กำ", "你", "好", "か\u3099", "ｶﾞ", "ー", "क्ष", "ខ្មែ"),
    ]
)
TEXTS = st.lists(PIECES, max_size=30).map("".join)


def boundaries(text: str) -> list[int]:
    """Every boundary of a text, its end left out."""
    return [index for index in range(len(text)) if word_start(text, index) == index]


@pytest.mark.parametrize(
    ("text", "boundary"),
    [
        ("", 0),
        ("Hel", 0),
        ("Hello", 0),
        ("Hello ", 6),
        ("Hello wor", 6),
        ("Hello, wor", 7),
        ("Hello.", 6),
        ("(Hello)", 7),
        ("He said: you", 9),
        ("don't", 0),
        ("you f**", 4),
        ("well-kno", 0),
        ("a_name", 0),
        ("你好", 2),
        ("你好wor", 2),
        ("ok你", 3),
        ("か\u3099", 2),
        ("안녕", 0),
        ("good 👍", 5),
        ("id\u200biot", 0),
        ("Hello.\u200b", 5),
        ("line\r", 4),
        ("line\r\n", 6),
        ("half \ud83d", 5),
        ("what\ufffd", 0),
    ],
)
def test_the_last_boundary_splits_no_word(text: str, boundary: int) -> None:
    assert last_boundary(text) == boundary
    assert ends_at_boundary(text) == (boundary == len(text))


@pytest.mark.parametrize(
    ("text", "index", "start"),
    [
        ("you idiot", 6, 4),
        ("you idiot", 4, 4),
        ("you idiot", 3, 3),
        ("you idiot", 9, 4),
        ("you f**l, ok", 7, 4),
        ("你好", 1, 1),
    ],
)
def test_an_index_moves_back_to_the_start_of_its_word(text: str, index: int, start: int) -> None:
    assert word_start(text, index) == start


@pytest.mark.parametrize("index", [-1, 6])
def test_an_index_outside_the_text_is_refused(index: int) -> None:
    with pytest.raises(IndexError):
        word_start("Hello", index)


def test_words_begin_after_spaces_and_punctuation_and_at_every_character_of_unspaced_scripts() -> None:
    text = "«Hello,  don't» — 你好 ok"
    assert [text[start:][:2].strip() for start in word_starts(text)] == ["He", "do", "你好", "好", "ok"]
    assert list(word_starts(text, 3)) == list(word_starts(text))[1:]
    assert list(word_starts(text, len(text))) == []


@given(TEXTS)
def test_a_boundary_never_lies_inside_a_grapheme(text: str) -> None:
    assert set(boundaries(text)) <= {0, *(match.start() for match in regex.finditer(r"\X", text))}


@pytest.mark.parametrize("text", ["ខ្មែ", "你\u200b好", "你\u200d.", "กำ", "ｶﾞ", "id\u2060iot"])
def test_what_is_bound_together_is_one_word(text: str) -> None:
    assert boundaries(text) == [0]


@given(TEXTS)
def test_a_boundary_never_splits_letters_of_a_spaced_script(text: str) -> None:
    for index in boundaries(text)[1:]:
        assert not (text[index - 1] in "ab3Z_'*@-é" and text[index] in "ab3Z_'*@-é")


@given(TEXTS, TEXTS)
def test_a_boundary_stays_one_as_the_text_grows(text: str, more: str) -> None:
    found = last_boundary(text)
    if not (found == len(text) and regex.match(r"[\p{M}\p{Cf}\u0e33\uff9e\U0001f3fb-\U0001f3ff]", more)):
        assert word_start(text + more, found) == found
        assert last_boundary(text + more) >= found


@given(TEXTS, st.integers(0, 60))
def test_moving_back_is_idempotent_and_never_moves_on(text: str, index: int) -> None:
    index = min(index, len(text))
    start = word_start(text, index)
    assert 0 <= start <= index
    assert word_start(text, start) == start
    assert not any(start < each < index for each in boundaries(text))


@given(TEXTS, st.integers(0, 60))
def test_word_starts_are_the_boundaries_before_words(text: str, start: int) -> None:
    starts = list(word_starts(text, start))
    assert starts == [each for each in word_starts(text) if each >= start]
    assert set(starts) <= set(boundaries(text))
    between = set(boundaries(text)) - set(word_starts(text))
    assert not any(text[index].isalnum() for index in between)


@given(st.integers(1, 5 * MAX_WORD), st.sampled_from(["a", "e\u0301", "_", "👍🏽"]))
def test_a_word_without_an_end_is_cut_now_and_then(length: int, unit: str) -> None:
    text = "so " + unit * length
    assert len(text) - last_boundary(text) <= MAX_WORD + len(unit)
    assert all(after - before <= MAX_WORD + len(unit) for before, after in pairwise([*word_starts(text, 3), len(text)]))


@given(st.text(max_size=200), st.data())
def test_a_known_boundary_changes_no_later_one(text: str, data: st.DataObject) -> None:
    known = word_start(text, data.draw(st.integers(0, len(text))))
    index = data.draw(st.integers(known, len(text)))
    assert word_start(text, index, known) == max(known, word_start(text, index))
