import base64
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.normalize.encodings import LAYERS, encoded_spans, spelled_out
from filters.span import TextSpan
from tests.properties import examples


def in_base64(text: str, times: int = 1) -> str:
    for _ in range(times):
        text = base64.b64encode(text.encode()).decode()
    return text


def in_tags(text: str) -> str:
    return "".join(chr(0xE0000 + ord(char)) for char in text)


def in_selectors(text: str) -> str:
    return "".join(chr((0xFE00 if byte < 16 else 0xE0100 - 16) + byte) for byte in text.encode())


LINES = "\n".join(in_base64("plain words " * 12)[at : at + 76] for at in (0, 76, 152))


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("you &#105;&#x64;&#X69;ot", "you idiot"),
        ("&#0000105;diot", "idiot"),
        ("&amp;#105;diot &amp;amp;#105;diot", "idiot idiot"),
        ("na&iuml;ve, id&shy;iot, a&nbsp;b, &commat;dd", "naïve, id\u00adiot, a\u00a0b, @dd"),
        ("%69diot, i%64iot, %69%64%69%6f%74", "idiot, idiot, idiot"),
        ("%2569diot, %252569diot", "idiot, idiot"),
        ('id<b></b>i<span class="x">ot, a<!-- b -->b, one<br/>two<b>three', "idiot, ab, one twothree"),
        ("you%20silly one, na%C3%AFve", "you silly one, naïve"),
        (r"\u0069diot \u{69}diot \U00000069diot \x69diot \\u0069diot", "idiot idiot idiot idiot idiot"),
        (r"\ud835\udd26", "\U0001d526"),
        ("see 73 69 6c 6c 79 and 73696c6c79, 0x73 0x69 0x6c 0x6c 0x79", "see silly and silly, silly"),
        ("say c2lsbHk=", "say silly"),
        (in_base64("you silly one"), "you silly one"),
        (in_base64("you silly one").rstrip("="), "you silly one"),
        (in_base64("ein närrischer Kerl").replace("+", "-").replace("/", "_"), "ein närrischer Kerl"),
        (in_base64("you silly one")[3:], " silly one"),
        (in_base64("such a närrischer one")[:17], "such a närr"),
        (in_base64("you silly one", LAYERS), "you silly one"),
        (LINES, "plain words " * 12),
        (f"Hello.{in_tags('you silly')}", "Hello. you silly "),
        (f"Hello.{in_selectors('you silly')}", "Hello. you silly "),
    ],
)
def test_what_stands_for_characters_becomes_them(text: str, meant: str) -> None:
    assert spelled_out(text, second=False).rstrip(" ") == meant.rstrip(" ")


@pytest.mark.parametrize(
    "text",
    [
        "<p>Plain <b>words</b>, a < b > c, x<y && y>z, List<int> it</p>",
        "AT&T, R&D &amp; more; &lt;b&gt; &quot;so&quot; &mdash; &#8217; &#39; &#xffffff; &nosuch; &copy",
        "https://example.com/a%2Fb?q=%3D 100% of 50%25, %4d items, printf('%5.2f %6f', x), 5%e9",
        r"C:\users\new, \n\t\u2014, \u{ffffff}, \U99999999, \xe2\x80",
        "e3b0c44298fc1c149afbf4c8996fb924 550e8400-e29b-41d4-a716-446655440000 2024-05-01 10:30:45, 12 30 45",
        "getElementById InternationalBusiness kTransform_OpenAI/gpt-oss-120b well-known/path/To/some_file99",
        "sha512-Kx0mF4a9bW1lUO3pHyM2ZgQd8tVwXeRzN5jBkCsAqLE= AAAAB3NzaC1yc2EAAAADAQABAAABAQ==",
        "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f ❤\ufe0f \U000e0041 \ufe01\ufe02\U000e01ef",
        "",
    ],
)
@pytest.mark.parametrize("second", [False, True])
def test_ordinary_text_stays(text: str, second: bool) -> None:
    assert spelled_out(text, second=second) == text


def test_what_nobody_sees_is_nothing_by_the_second_guess() -> None:
    text = f"id{in_tags('hello')}iot"
    assert spelled_out(text, second=False) == "id hello iot"
    assert spelled_out(text, second=True) == text, "which leaves it to the rule on invisible characters"


def test_what_was_encoded_too_often_stays_encoded() -> None:
    assert spelled_out(in_base64("you silly one", LAYERS + 1), second=False) == in_base64("you silly one")


@pytest.mark.parametrize(
    ("text", "encoded"),
    [
        ("you &#105;&#100;iot there", ["&#105;&#100;"]),
        ("you %69d%69ot there", ["%69d%69"]),
        ("&#105; &#100; and &#105;", ["&#105; &#100;", "&#105;"]),
        ("an c2lsbHk= or 73 69 6c 6c 79", ["c2lsbHk=", "73 69 6c 6c 79"]),
        ("Plain words &amp; R&D at 100%.", []),
    ],
)
def test_a_row_of_what_is_encoded_is_one_span(text: str, encoded: list[str]) -> None:
    assert [text[span.start : span.end] for span in encoded_spans(text)] == encoded
    assert all(isinstance(span, TextSpan) for span in encoded_spans(text))


PIECES = st.sampled_from(
    [
        *"&#;%\\x0aZ= \n/+-_<>",
        "<b>",
        "&#105;",
        "&amp;",
        "%69",
        "\\u0069",
        "69",
        "c2lsbHk=",
        "\U000e0041",
        "\ufe00",
        "\ud83d",
        "é",
    ]
)


@examples(500)
@given(st.lists(PIECES, max_size=40).map("".join) | st.text(), st.booleans())
def test_it_never_raises_and_at_most_doubles(text: str, second: bool) -> None:
    assert len(spelled_out(text, second=second)) <= 2 * len(text)
    spans = list(encoded_spans(text))
    assert all(0 <= span.start < span.end <= len(text) for span in spans)
    assert spans == sorted(spans, key=lambda span: span.start)


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=60).filter(lambda text: not text.isspace()))
def test_letters_in_base64_are_read_whole(text: str) -> None:
    words = "".join(char for char in text if char.isalpha()) + " plain words"
    assert spelled_out(f"x {in_base64(words)}", second=True).removeprefix("x ").startswith(words)


@pytest.mark.parametrize(
    "unit",
    [
        *("&#105;", "%69", "\\u0069", "69 ", "69", "aWRpb3Q=", "aB", " aB3dE5gH", "a" * 70 + "\n"),
        *("\U000e0041", "&amp;", "0x", "<a", "a<b>"),
    ],
)
def test_a_long_text_takes_little_time(unit: str) -> None:
    text = unit * (100_000 // len(unit))
    begun = time.process_time()
    spelled_out(text, second=False)
    list(encoded_spans(text))
    assert time.process_time() - begun < 1
