"""A hostile client: drawn requests, odd token streams and scorers, and a reader of everything on the wire.

case.py    draws a request, a way of writing and a scorer from a seed
writer.py  what the scripted engine writes: flagged words in odd pieces, special tokens, halves of characters
arena.py   vLLM's own server over the scripted engine, in this process, driven by raw bytes
oracle.py  reads the bytes of an answer in every way and looks for what was flagged
faults.py  seeded faults, to show that the oracle finds them
"""

FLAGGED = ("river", "zorpish", "blickmoth", "cold garden")
"""What every scorer here flags, in any case, inside words too: a known word, two without sense, a phrase."""


def flagged_in(text: str) -> str | None:
    """The first of them that the text holds."""
    folded = text.casefold()
    return next((word for word in FLAGGED if word in folded), None)
