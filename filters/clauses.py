"""Where the clause and the sentence begin that a place in a text belongs to.

Told by punctuation alone, since drafts are cut anywhere and no parser is asked: a sentence ends with a full stop, a
question or exclamation mark (with quotes or brackets closed after it) before white space, or with a line; a clause
also with a comma, semicolon, colon, dash or bracket. Full-width marks need no white space.
"""

import re
from collections.abc import Iterator

REACH = 2_000
"""Characters that are looked through backwards; what is longer begins there."""

_CLOSED = "[\"'\u201d\u2019)\\]]*"
_SENTENCE_END = re.compile(rf"[.!?\u2026]+{_CLOSED}\s+|[\u3002\uff01\uff1f]{_CLOSED}\s*|\n\s*")
_CLAUSE_END = re.compile(
    rf"[.!?\u2026,;:]+{_CLOSED}\s+|\s[-\u2013]\s+|\s*\u2014\s*|\s[(\[]|[\u3002\uff01\uff1f\uff0c\uff1b\u3001]{_CLOSED}\s*|\n\s*"
)


def sentence_start(text: str, index: int) -> int:
    """Return where the sentence that holds character `index` begins: an index in 0..index."""
    return _last_end(_SENTENCE_END, text, index)


def clause_start(text: str, index: int) -> int:
    """Return where the clause that holds character `index` begins: an index in 0..index, not before the sentence."""
    return _last_end(_CLAUSE_END, text, index)


def previous_sentence_start(text: str, index: int) -> int:
    """Return where the sentence before the one that holds character `index` begins: 0 if there is none."""
    return sentence_start(text, max(0, sentence_start(text, index) - 1))


def sentence_starts(text: str) -> Iterator[int]:
    """Yield where every sentence of a text begins, ascending; the first at 0. None of a text without characters."""
    if text:
        yield 0
    yield from (match.end() for match in _SENTENCE_END.finditer(text) if match.end() < len(text))


def _last_end(ends: re.Pattern[str], text: str, index: int) -> int:
    since = max(0, index - REACH)
    found = [match.end() for match in ends.finditer(text, since, index)]
    return found[-1] if found else since
