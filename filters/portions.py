"""How clients' texts are cut for the scorer, and how many of them are with it at once."""

from collections.abc import Iterator, Sequence

from filters.parts import overlapping, with_parts
from filters.span import TextSpan

MOST_CHARACTERS = 50_000
"""Of one text. A longer one would take the scorer seconds."""
PORTION = 16
"""Texts of a client that wait at once: enough for the next passes, and little to throw away if it leaves."""
PIECE_CHARACTERS, OVERLAP_CHARACTERS = 400, 100
"""A piece is about as long as the guard's own windows: in a longer one a single hostile sentence is drowned out (with
the bundled classifier one that scores 0.8 among 100 clean characters scores 0.7 among 500 and 0.3 to 0.5 among
2,000)."""


def portions(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield the texts in order, `PORTION` at a time."""
    for start in range(0, len(texts), PORTION):
        yield texts[start : start + PORTION]


def pieces(text: str) -> list[str]:
    """Return a text cut at words into overlapping pieces; one that is short is its only piece."""
    found = overlapping(text, TextSpan(0, len(text)), PIECE_CHARACTERS, OVERLAP_CHARACTERS)
    return [text[piece.start : piece.end] for piece in found]


def pieces_and_parts(text: str) -> list[str]:
    """Return all that is judged of a client's text: its pieces, and its sentences by themselves."""
    return [*pieces(text), *with_parts(text)[1:]]
