"""How clients' texts reach the scorer: in portions, with the guard's turn in between."""

from collections.abc import Iterator, Sequence

from filters.parts import overlapping
from filters.span import TextSpan

MOST_CHARACTERS = 50_000
"""Of one text. A longer one would take the scorer seconds."""
PORTION_INPUTS, PORTION_CHARACTERS = 16, 20_000
"""What is given to the scorer in one go: between the portions of a long list the guard has its turn."""
PIECE_CHARACTERS, OVERLAP_CHARACTERS = 400, 100
"""A piece is about as long as the guard's own windows: in a longer one a single hostile sentence is drowned out (with
the bundled classifier one that scores 0.8 among 100 clean characters scores 0.7 among 500 and 0.3 to 0.5 among
2,000)."""


def portions(texts: Sequence[str], inputs: int = PORTION_INPUTS) -> Iterator[list[str]]:
    """Yield the texts in order, at most `inputs` at a time, in portions that leave room for the guard."""
    portion: list[str] = []
    for text in texts:
        if portion and (len(portion) == inputs or sum(map(len, portion)) + len(text) > PORTION_CHARACTERS):
            yield portion
            portion = []
        portion.append(text)
    if portion:
        yield portion


def pieces(text: str) -> list[str]:
    """Return a text cut at words into overlapping pieces; one that is short is its only piece."""
    found = overlapping(text, TextSpan(0, len(text)), PIECE_CHARACTERS, OVERLAP_CHARACTERS)
    return [text[piece.start : piece.end] for piece in found]
