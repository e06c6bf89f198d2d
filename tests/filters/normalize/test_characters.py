# ruff: noqa: RUF001 - characters that are easily confused are what this file is about
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.normalize.characters import plain_characters


@pytest.mark.parametrize(
    "text",
    [
        "id\u200biot",
        "id\u00adi\u2060ot",
        "i\ufe0fdiot",
        "i\x07diot",
        "id\U000e0041iot",
        "id\u200e\u200fiot",
        "\u202etoidi\u202c",
        "ｉｄｉｏｔ",
        "𝔦𝔡𝔦𝔬𝔱",
        "𝗶𝗱𝗶𝗼𝘁",
        "ⓘⓓⓘⓞⓣ",
        "⒤⒟⒤⒪⒯",
        "i̶d̶i̶o̶t̶",
        "i\u0300\u0301\u0302\u0303diot",
        "idіоt",
        "іdiоt",
        "idιοt",
        "idiօt",
        "ɪᴅɪᴏᴛ",
    ],
)
def test_a_disguised_letter_is_made_plain(text: str) -> None:
    assert plain_characters(f"you {text} there") == "you idiot there"


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("🅸🅳🅸🅾🆃", "IDIOT"),
        ("🇮 🇩 🇮 🇴 🇹", "I D I O T"),
        ("i \u200bd \u200bi", "i d i"),
        ("ﬁne", "fine"),
        ("the сосо", "the coco"),
        ("ᎥᎠᎥot", "iDiot"),
    ],
)
def test_what_stands_for_letters_becomes_letters(text: str, plain: str) -> None:
    assert plain_characters(text) == plain


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Plain words, as they are written; 3.5% of them.\n\tOr so.",
        "Zürich, café, naïve, e\u0301, Việt Nam",
        "он сказал: сосо и хор",
        "Νέα και παλιά",
        "μg of αβ-crystallin, ΔH, 𝑥 + 𝑦",
        "👩\u200d💻 👍🏽 ❤\ufe0f 1\ufe0f\u20e3 🇩🇪🇫🇷",
        "می\u200cخواهم क्\u200dष",
        "漢字、かな！（ｉ）",
        "№ 5 ™ ½ ℃ x² 1º",
        "\ud83d alone",
    ],
)
def test_ordinary_characters_stay(text: str) -> None:
    assert plain_characters(text) is text or plain_characters(text) == text


@given(st.text())
def test_it_never_raises_and_grows_at_most_threefold(text: str) -> None:
    assert len(plain_characters(text)) <= 3 * len(text)


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126)))
def test_printable_ascii_stays(text: str) -> None:
    assert plain_characters(text) == text


@pytest.mark.parametrize("unit", ["\u200b", "a\u200b", "\u0301\u0323", "𝔡", "🇮", "аb", "\u202e", "\ufdfa"])
def test_a_long_text_takes_little_time(unit: str) -> None:
    begun = time.process_time()
    plain_characters("a" + unit * (100_000 // len(unit)))
    assert time.process_time() - begun < 1
