import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.normalize.spelling import disguised_spans, respelled
from filters.span import TextSpan


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("you are an i d i o t now", "you are an idiot now"),
        ("an i.d.i.o.t!", "an idiot!"),
        ("an i-d-i-o-t", "an idiot"),
        ("an i_d_i_o_t here", "an idiot here"),
        ("*s i l l y*, _s i l l y_", "*silly*, _silly_"),
        ("y o u  a r e  s i l l y", "you  are  silly"),
        ("s\ni\nl\nl\ny", "silly"),
        ("s i 1 l y", "siily"),
        ("F O O L", "FOOL"),
        ("it's o d d", "it's odd"),
        ("1diot, idi0t, st00pid", "idiot, idiot, stoopid"),
        ("$tupid g3rm5 sh0t", "stupid germs shot"),
        ("s!lly b@d d@ft stup1d!!", "silly bad daft stupid!!"),
        ("5illy", "silly"),
        ("Ke$ha", "Kesha"),
        ("stuuupid", "stupid"),
        ("sooo o0o0odd", "so odd"),
    ],
)
def test_a_word_is_respelled_as_it_is_meant(text: str, meant: str) -> None:
    assert respelled(text, second=False) == meant


@pytest.mark.parametrize(
    ("text", "first", "second"),
    [
        ("such a f o o l", "such afool", "such a fool"),
        ("I h a t e it", "Ihate it", "I hate it"),
        ("a p p l e", "apple", "a pple"),
        ("be m e a n a lot", "be meana lot", "be mean a lot"),
        ("s1ow", "siow", "slow"),
        ("si11y", "silly", "silly"),
        ("killll", "kil", "kill"),
    ],
)
def test_where_it_can_be_guessed_in_two_ways_there_are_two_guesses(text: str, first: str, second: str) -> None:
    assert (respelled(text, second=False), respelled(text, second=True)) == (first, second)


@pytest.mark.parametrize(
    "text",
    [
        "mp3 mp3s A4 covid19 the 4th x86_64 b2b 3.5% 1990s 5pm 10km 3D 4K 1080p B12 H1N1 1080ti 70Kbps",
        "A.B.C. and U.S.A., J. R. R. Tolkien, e.g. this, i.e. that, a.k.a. it, 10:30 a.m.",
        "H2SO4 and CH3COOH and C6H12O6 and NaCl",
        "| a | b | c |\n|---|---|---|\n| 1 | 2 | 3 |",
        "+49 (0) 30 1234-567, 555-0100, 2024-05-01T10:00:00Z, 1,000,000",
        "https://example.com/w4tch?v=d0g1aaab and www.example.com/sooo",
        "jo3e@example.com, @user, #MeToo2024, AT&T, R&B",
        '{"a": 1, "b": [1, 2, 3]}; for i in range(3): x[i] += 1; def f(a, b, c): return a*b+c; foo!=bar',
        "getElementById2(camelCase) $x = $y + 1; echo $HOME; $this->name; $x$ and $$ab$$",
        "US$5 and $100 and A$ 7, C++ and C#, LGBTQ+ people, 50+",
        "IEEE, World War III, XVIII, www, 0xfff, #ffffff, aaa!",
        "sha256 e3b0c44298fc1c149afbf4c8996fb924 550e8400-e29b-41d4-a716-446655440000",
        "a, b, c and d; x^2 + y^2 = z^2; P(A|B); 2 x 4 x 6",
        "w*rd, wrod, wordswithoutspaces",
    ],
)
def test_ordinary_text_stays(text: str) -> None:
    assert respelled(text, second=False) == text
    assert respelled(text, second=True) == text


@given(st.text(), st.booleans())
def test_it_never_raises_and_no_text_grows(text: str, second: bool) -> None:
    assert len(respelled(text, second=second)) <= len(text)


@pytest.mark.parametrize("unit", ["a ", "a", "a1", "a@", "a.", "!", "$", "a!", "_a", "www.", "a b1c ", "a*", " "])
def test_a_long_text_takes_little_time(unit: str) -> None:
    text = unit * (100_000 // len(unit))
    begun = time.process_time()
    respelled(text, second=True)
    list(disguised_spans(text))
    assert time.process_time() - begun < 1


@pytest.mark.parametrize(
    ("text", "disguised"),
    [
        ("an i d i o t now", ["i d i o t"]),
        ("an i.d.i.o.t!", ["i.d.i.o.t"]),
        ("an i \u200bd \u200bi ! o t", ["i \u200bd \u200bi ! o t"]),
        ("an ⓘ ⓓ ⓘ ⓞ ⓣ", ["ⓘ ⓓ ⓘ ⓞ ⓣ"]),
        ("you s!lly one", ["s!lly"]),
        ("Plain words! And a few more.", []),
        ("你好吗", []),
    ],
)
def test_a_disguised_word_is_one_span(text: str, disguised: list[str]) -> None:
    assert [text[span.start : span.end] for span in disguised_spans(text)] == disguised
    assert all(isinstance(span, TextSpan) for span in disguised_spans(text))
