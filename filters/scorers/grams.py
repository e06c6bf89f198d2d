"""Texts as the rows of a hashed table, by the stretches of letters and the words that occur in them. Pure arithmetic.

The rules:
1. Case, accents and the kind of white space make no difference, as they make none to the classifier; curly quotes,
   dashes and the like are read as their plain forms.
2. A token is a run of letters, digits and the signs that mask letters, or a run of other signs; the space before it
   belongs to it. It has two rows: for itself, and with the token before it in its text.
3. Every character has two rows, for the 3 and the 5 characters that begin with it, spaces included and not beyond the
   end of its text: a word that is bent a little still has some of its rows. The end of a text has row 0, a few times.
4. Texts are hashed together, since numpy is fast only with much at once; what else is in the batch changes nothing.
5. A text with any other character is not `readable`, and one with signs or digits within a word, a letter three times
   in a row, or four letters standing apart is `disguised`: nothing should be said of either here.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LONGEST = 2_400  # characters: the closing window, of 512 tokens, has about 2,200

Rows = NDArray[np.int32]
_Places = NDArray[np.int64]
_Bytes = NDArray[np.uint8]
_Words = NDArray[np.uint32]

# Curly quotes, dashes and dots, and the Latin letters of Western and Central Europe as single characters: those that
# are built up with combining marks are not readable.
_PLAIN = {
    **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u00b4", "'"),
    **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb", '"'),
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"),
    **dict.fromkeys("\u2022\u00b7", "*"),
    **{"\u2026": "...", "\u00a0": " ", "\u00df": "ss", "\u00e6": "ae", "\u00c6": "ae", "\u0153": "oe", "\u0152": "oe"},
    **dict.fromkeys("\u00f8\u00d8", "o"),
    **dict.fromkeys("\u0111\u0110\u00f0\u00d0", "d"),
    **dict.fromkeys("\u0142\u0141", "l"),
}
for _letter in map(chr, [*range(0xC0, 0xD7), *range(0xD8, 0xF7), *range(0xF8, 0x17F)]):
    _base = unicodedata.normalize("NFKD", _letter)[0]
    if _base.isascii():
        _PLAIN.setdefault(_letter, _base)
_READABLE = re.compile(f"[\t\n\r -~{''.join(_PLAIN)}]*")
_BEYOND_ASCII = re.compile("[^\0-\x7f]")
_LOWERED = bytes(32 if code in b"\t\n\r" else code for code in bytes(range(256)).lower())

_SIZES = (3, 5)
_PAD = bytes(max(_SIZES))  # after every text, so that no stretch reaches from one into the next
_SPACE, _SIGN, _LETTER = 0, 1, 2
_KINDS = np.full(256, _SIGN, np.uint8)
_KINDS[[0, 32]] = _SPACE
_KINDS[list(b"abcdefghijklmnopqrstuvwxyz0123456789'*@#$%&~_^+")] = _LETTER
# Never to be changed: they address the tables of a screen.
_CODES = np.random.default_rng(20).integers(1, 1 << 32, 256, dtype=np.uint32)
_CODES[0] = _CODES[32]  # the end of a text reads as a space
_POWERS = np.random.default_rng(21).integers(1, 1 << 32, 64, dtype=np.uint32) | np.uint32(1)
_IS_LETTER, _IS_MASK, _IS_GAP = (np.zeros(256, np.bool_) for _ in range(3))
_IS_LETTER[97:123] = True
_IS_MASK[list(b"0123456789*@#$&%~_+|^!?")] = True
_IS_GAP[list(b" .-*_")] = True
_LETTER_CODES = _CODES.copy()
_LETTER_CODES[[0, 32]] = 0
_MIX, _FINISH = np.uint32(0x9E3779B1), np.uint32(0x85EBCA6B)


@dataclass(frozen=True, slots=True)
class Grams:
    """The rows of some texts, tokens one after another, texts one after another.

    `stretches` is (characters and what ends each text, 2), `words` (tokens, 2); `tokens` holds at which stretch each
    token begins, `texts` at which token each text does. `disguised` says of each text whether a word in it may be.
    """

    stretches: Rows
    words: Rows
    tokens: Rows
    texts: Rows
    disguised: NDArray[np.bool_]


def readable(text: str) -> bool:
    """Return whether the text has 1 to LONGEST characters, all of them known here, and not only white space."""
    return len(text) <= LONGEST and not text.isspace() and bool(text) and _READABLE.fullmatch(text) is not None


def is_plain(text: str) -> bool:
    """Return whether the text is readable, and no word in it may be disguised."""
    return readable(text) and not grams([text], 1, 1).disguised[0]


def grams(texts: Sequence[str], stretch_bits: int, word_bits: int) -> Grams:
    """Return the rows of readable texts, 0 <= row < 2**bits. ValueError if there is no text."""
    if not texts:
        raise ValueError("expected at least one text")
    plain = [b" " + _plain(text) + _PAD for text in texts]
    data = np.frombuffer(b"".join(plain), np.uint8)
    begins = np.cumsum([0, *map(len, plain[:-1])])
    starts = _token_starts(data)
    texts_at = np.searchsorted(starts, begins)
    disguised = np.zeros(len(texts), np.bool_)
    disguised[np.searchsorted(begins, _disguises(data), side="right") - 1] = True
    return Grams(
        _stretches(data, stretch_bits),
        _words(data, starts, texts_at, word_bits),
        starts.astype(np.int32),
        texts_at.astype(np.int32),
        disguised,
    )


def _plain(text: str) -> bytes:
    """Return the text in lower-case ASCII with single spaces."""
    if not text.isascii():
        text = _BEYOND_ASCII.sub(lambda found: _PLAIN[found[0]], text)
    data = text.encode().translate(_LOWERED).strip()
    return b" ".join(data.split()) if b"  " in data else data


def _token_starts(data: _Bytes) -> _Places:
    """Return where tokens begin: at a space, and where letters and signs meet."""
    kinds = _KINDS[data]
    is_start = data == 32
    is_start[1:] |= (kinds[1:] != kinds[:-1]) & (kinds[:-1] != _SPACE) & (kinds[1:] != _SPACE)
    return np.flatnonzero(is_start)


def _disguises(data: _Bytes) -> _Places:
    """Return where in the padded bytes something stands that looks like a disguise."""
    letter, mask, gap = _IS_LETTER[data], _IS_MASK[data], _IS_GAP[data]
    thrice = letter[:-2] & (data[1:-1] == data[:-2]) & (data[2:] == data[:-2])
    masked = letter[:-3] & mask[1:-2] & (letter[2:-1] | (mask[2:-1] & letter[3:]))
    single = letter[1:-1] & ~letter[:-2] & ~letter[2:]
    pairs = single[:-2] & gap[2:-2] & single[2:]
    apart = pairs[:-4] & pairs[2:-2] & pairs[4:]
    return np.concatenate([np.flatnonzero(each) for each in (thrice, masked, apart)])


def _stretches(data: _Bytes, bits: int) -> Rows:
    """Return the rows of the stretches that begin at every byte, row 0 where it is padding."""
    codes = np.concatenate([_CODES[data], np.zeros(len(_PAD), np.uint32)])
    rows = np.empty((len(data), len(_SIZES)), np.int32)
    value = codes[: len(data)]
    for size in range(2, max(_SIZES) + 1):
        value = value * _MIX + codes[size - 1 : size - 1 + len(data)]
        if size in _SIZES:
            rows[:, _SIZES.index(size)] = _row(value, bits)
    rows[np.flatnonzero(data == 0)] = 0
    return rows


def _words(data: _Bytes, starts: _Places, texts_at: _Places, bits: int) -> Rows:
    """Return the rows of every token: alone, and after the one before it."""
    firsts = starts + (data[starts] == 32)
    places = np.arange(len(data)) - np.repeat(firsts, np.diff(starts, append=len(data)))
    powers = _POWERS[np.minimum(places, len(_POWERS) - 1)]
    own = np.add.reduceat(_LETTER_CODES[data] * powers, starts, dtype=np.uint32)
    before = np.roll(own, 1)
    before[texts_at] = 0
    return np.stack([_row(own, bits), _row(own + before * _MIX, bits)], axis=1)


def _row(value: _Words, bits: int) -> Rows:
    mixed = (value ^ (value >> np.uint32(15))) * _FINISH
    return (mixed >> np.uint32(32 - bits)).view(np.int32)
