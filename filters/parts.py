"""The parts of a text that are judged by themselves too: plain text around an insult must not hide it.

A classifier reads a text as a whole, and one sentence is drowned out by ten others. The rules:
1. A part is a sentence. One of a single word is read with its neighbour: a name by itself may be a rude word.
2. What is longer than `LONGEST` is cut at words into parts that overlap: an insult need not begin with a sentence.
3. A text that is no more than one part has none: it is judged anyway.
"""

from collections.abc import Iterator
from itertools import islice, pairwise

from filters.boundaries import MAX_WORD, word_start, word_starts
from filters.clauses import sentence_starts
from filters.span import TextSpan

LONGEST, OVERLAP = 160, 60
"""Characters. An insult of the length of the overlap is whole in one part at least."""


def parts(text: str, fresh: int = 0) -> list[TextSpan]:
    """Return the parts that reach past the character `fresh`, in order: what stands before it has been judged.

    There is at most one for every `LONGEST - OVERLAP` characters and one for every sentence.
    """
    found = [part for sentence in _sentences(text) for part in overlapping(text, sentence, LONGEST, OVERLAP)]
    return [part for part in found if part.end > fresh] if len(found) > 1 else []


def with_parts(text: str) -> list[str]:
    """Return the text and its parts, as texts to be judged."""
    return [text, *(text[part.start : part.end] for part in parts(text))]


def _sentences(text: str) -> list[TextSpan]:
    found: list[TextSpan] = []
    for start, end in pairwise([*sentence_starts(text), len(text)]):
        alone = found and _says_something(text[start:end]) and _says_something(text[found[-1].start : found[-1].end])
        begin = start if alone or not found else found.pop().start
        found.append(TextSpan(begin, end))
    return found


def _says_something(sentence: str) -> bool:
    """Return whether it has two words."""
    return len(list(islice(word_starts(sentence), 2))) == 2


def overlapping(text: str, within: TextSpan, longest: int, overlap: int) -> Iterator[TextSpan]:
    """Cut a stretch of a text at words into pieces of about `longest` characters, which overlap by about `overlap`."""
    for at in range(within.start, max(within.start + 1, within.end - overlap), longest - overlap):
        end = at + longest
        begin = _word(text, at) if at > within.start else at
        yield TextSpan(begin, _word(text, end) if end < within.end else within.end)


def _word(text: str, index: int) -> int:
    """Return the start of the word at `index`."""
    return word_start(text, index, max(0, index - MAX_WORD))
