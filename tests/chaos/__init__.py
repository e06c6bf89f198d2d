"""Faults on the real server, one class each: arrange, break, observe, recover. `make chaos` writes docs/chaos.md.

scorer.py     what the scorer's process judges by: right about some words, and out of order on demand
processes.py  a server and a scorer as an operator runs them, and what can be done to them
clients.py    those who ask all the while, and what is wrong with what they were told
fault.py      what a fault is, and the observing of one
breaking/     the faults: of the engine, of the scorer, of files, of clients, of time
run.py        all of them one after another
page.py       what came of them: docs/chaos.md
"""

from tests.live.soak import FLAGGED


def flagged_in(text: str) -> str | None:
    """The first of the flagged words that the text holds."""
    folded = text.casefold()
    return next((word for word in FLAGGED if word in folded), None)
