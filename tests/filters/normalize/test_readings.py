import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.normalize.readings import ROUNDS, readings
from tests.properties import examples

PIECES = st.sampled_from(
    [
        *"abcsioAI  .-_01345$@!+'",
        *("\u200b", "\u0301", "\u0336", "\u202e", "\u202c", "\u200d", "\ud83d", "é", "\ufb01", "\uff49", "\u24d8"),
        *("&#105;", "&amp;", "%69", "\\u0069", "69", "c2lsbHk=", "\U000e0041"),
        *("\U0001d521", "\U0001f1ee", "\u043e", "\u0456", "👩", "idiot", "www.", "https://", " i d i o t "),
    ]
)
TEXTS = st.one_of(st.lists(PIECES, max_size=25).map("".join), st.text())
WORDS = st.sampled_from(
    "The weather is nice today, and I see a good book on Dr. Smith's (old) table; 12 of them.".split()
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Nice weather today.", ("Nice weather today.",)),
        ("an i\u200bd\u200biot", ("an i\u200bd\u200biot", "an idiot")),
        ("an \uff11d\uff11ot", ("an \uff11d\uff11ot",)),
        ("a \uff53 \uff49 \uff4c \uff4c \uff59", ("a \uff53 \uff49 \uff4c \uff4c \uff59", "asilly", "a silly")),
        ("an &#105;d&#105;ot", ("an &#105;d&#105;ot", "an idiot")),
        ("id\U000e0061\U000e0062\U000e0063iot", ("id\U000e0061\U000e0062\U000e0063iot", "id abc iot", "idiot")),
        ("s\u200b1\u200blly", ("s\u200b1\u200blly", "silly", "slly")),
        ("\u202e\u202c", ("\u202e\u202c",)),
        ("", ("",)),
    ],
)
def test_a_text_is_read_as_written_and_as_meant(text: str, expected: tuple[str, ...]) -> None:
    assert readings(text) == expected


def test_a_disguise_below_a_disguise_is_taken_off_in_a_bounded_number_of_rounds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("filters.normalize.readings.respelled", lambda text, second: text.removeprefix("x"))
    text = "x" * 9 + "idiot"
    assert readings(text) == (text, text[ROUNDS:])


@given(TEXTS)
def test_the_text_comes_first_and_at_most_two_copies_follow(text: str) -> None:
    found = readings(text)
    assert found[0] == text
    assert len(found) == len(set(found)) <= 3
    assert all(copy.strip() for copy in found[1:])


@examples(500)
@given(TEXTS)
def test_reading_a_copy_again_finds_nothing_new(text: str) -> None:
    assert all(readings(copy) == (copy,) for copy in readings(text)[1:])


@given(st.lists(WORDS, max_size=40).map(" ".join))
def test_ordinary_prose_has_one_reading(text: str) -> None:
    assert readings(text) == (text,)
