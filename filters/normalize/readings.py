"""The texts that a reader could make of a text.

The rules:
1. The first reading is the text as written. Ordinary text has no other, so it costs one scoring.
2. A text that hides something has one more, and another where it can be guessed in two ways (`spelling.py`,
   `encodings.py`).
3. What a disguise hid may be a disguise again: it is taken off in rounds, until nothing changes or `ROUNDS` are over.
"""

from filters.normalize.characters import plain_characters
from filters.normalize.encodings import spelled_out
from filters.normalize.spelling import respelled

ROUNDS = 4


def readings(text: str) -> tuple[str, ...]:
    """Return the text, and the one or two copies in which it is spelt as a reader takes it; no copy is blank.

    Pure, in time linear in the text: some ten microseconds for a passage of prose, some hundred for a disguised one.
    """
    first = _as_read(text, second=False)
    if first == text or not first.strip():
        return (text,)
    return tuple(dict.fromkeys((text, first, _as_read(text, second=True))))


def _as_read(text: str, *, second: bool) -> str:
    for _ in range(ROUNDS):
        before, text = text, respelled(plain_characters(spelled_out(text, second=second)), second=second)
        if text == before:
            break
    return text
