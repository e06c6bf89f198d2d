"""Where text can be cut without splitting a word.

The rules:
1. A word is a run of anything but white space and sentence punctuation. Apostrophes, hyphens and the signs that mask
   letters (`'`, `-`, `*`, `@`, `#`, `$`, `&`, `%`, `~`, `_`) belong to words: a masked word is rewound whole.
2. In scripts written without spaces every character is a word by itself.
3. Nothing is cut inside a grapheme: before a combining mark, around a joiner or another format character (so a
   zero-width character cannot split a word), within a surrogate pair, within CR LF.
4. A word longer than `MAX_WORD` may be cut every `MAX_WORD` characters: text without any space must not wait forever.
5. At the end of a text, where the next character is unknown, there is a boundary after white space, sentence
   punctuation and a character of rule 2, and nowhere else.
So a boundary stays one as the text grows, unless what follows is a combining mark or a joiner.

Unicode: general categories, and UAX #29 for graphemes, of which these rules are a coarser version.
"""

import re
import unicodedata
from collections.abc import Iterator
from enum import Enum
from functools import lru_cache

MAX_WORD = 64

_JOINERS = frozenset("'-*@#$&%~_\u2019\u2010\u2011")  # the last three: a curly apostrophe and two hyphens
_VIRAMA = 9  # canonical combining class: binds the consonant after it
_UNSPACED = re.compile(
    "["
    "\u0e00-\u0eff"  # Thai, Lao
    "\u0f00-\u109f"  # Tibetan, Myanmar
    "\u1780-\u17ff"  # Khmer
    "\u1950-\u19df"  # Tai Le, New Tai Lue
    "\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029"  # radicals, ideographic marks
    "\u3041-\u3096\u309b-\u30ff\u3105-\u312f\u31a0-\u31bf\u31f0-\u31ff"  # kana, Bopomofo
    "\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\uf900-\ufaff"  # Han, Yi
    "\uff66-\uff9d"  # half-width kana
    "\U0001b000-\U0001b16f\U00020000-\U0003ffff"  # historic kana, Han extensions
    "]"
)
# What is written onto the character before it without being a mark by category: the vowels Thai and Lao am, half-width
# voicing marks, skin tones, low surrogates.
_MODIFIER = re.compile("[\u0e33\u0eb3\uff9e\uff9f\U0001f3fb-\U0001f3ff\udc00-\udfff]")


class _Kind(Enum):
    SPACE = 1
    PUNCTUATION = 2
    ALONE = 3  # a word by itself
    WORD = 4
    MARK = 5  # belongs to what stands before it


@lru_cache(maxsize=4096)
def _kind(char: str) -> _Kind:
    """Return what part a character plays in the rules above."""
    category = unicodedata.category(char)
    if category[0] == "M" or category == "Cf" or _MODIFIER.match(char):
        return _Kind.MARK
    if char.isspace():
        return _Kind.SPACE
    if char in _JOINERS:
        return _Kind.WORD
    if category[0] == "P" or category in ("Sm", "Sc"):
        return _Kind.PUNCTUATION
    return _Kind.ALONE if _UNSPACED.match(char) else _Kind.WORD


def _binds_next(char: str) -> bool:
    """Return whether a character holds on to whatever comes after it."""
    return char == "\r" or unicodedata.category(char) == "Cf" or unicodedata.combining(char) == _VIRAMA


def _base_kind(text: str, index: int) -> _Kind:
    """Return the kind of the character at `index`, or of the one that it is a mark on."""
    while index >= 0 and _kind(text[index]) is _Kind.MARK:
        index -= 1
    return _kind(text[index]) if index >= 0 else _Kind.WORD


def _can_cut(text: str, index: int) -> bool:
    """Return whether rule 3 allows a cut at 0 < index < len(text)."""
    before, after = text[index - 1], text[index]
    if _kind(after) is _Kind.MARK:
        return False
    return after != "\n" if before == "\r" else not _binds_next(before)


def _is_natural(text: str, index: int) -> bool:
    """Return whether rules 1, 2, 3 and 5 put a boundary at `index`."""
    if index == 0:
        return True
    if index == len(text):
        return not _binds_next(text[-1]) and _base_kind(text, index - 1) is not _Kind.WORD
    if not _can_cut(text, index):
        return False
    return _kind(text[index]) is not _Kind.WORD or _base_kind(text, index - 1) is not _Kind.WORD


def ends_at_boundary(text: str) -> bool:
    """Return whether all of the text can be judged now, whatever comes next. True for the empty text."""
    return last_boundary(text) == len(text)


def last_boundary(text: str, since: int = 0) -> int:
    """Return the largest index at which the text can be cut, in characters: what stands before it can be judged now."""
    return word_start(text, len(text), since)


def word_start(text: str, index: int, since: int = 0) -> int:
    """Return the largest boundary up to `index`, in characters. IndexError unless since <= index <= len(text).

    `since` is taken for a boundary: a caller that knows one need not have a long word without spaces read again.
    """
    if not 0 <= since <= index <= len(text):
        raise IndexError(f"index {index} is not in {since}..{len(text)}")
    start = index
    while start > since and not _is_natural(text, start):
        start -= 1
    return _forced(text, start, index)


def _forced(text: str, start: int, index: int) -> int:
    """Return the last cut of rule 4 in the word that begins at `start`, not after `index`; `start` if there is none."""
    for cut in range(start + (index - start) // MAX_WORD * MAX_WORD, start, -MAX_WORD):
        if cut < len(text) and _can_cut(text, cut):
            return cut
    return start


def word_starts(text: str, start: int = 0) -> Iterator[int]:
    """Yield the indices, ascending and not before `start`, at which a word begins."""
    begun = word_start(text, min(start, len(text)))
    for index in range(begun, len(text)):
        if _is_natural(text, index):
            begun = index
        elif (index - begun) % MAX_WORD or not _can_cut(text, index):
            continue
        if index >= start and _kind(text[index]) in (_Kind.WORD, _Kind.ALONE, _Kind.MARK):
            yield index
