"""Preference pairs from rewinds: after the same text, what was cleared in the end and what was rejected before.

1. A rejected text ends with the window that was flagged; what was cleared instead ends with the window that cleared it,
   or with the answer.
2. Both begin at the character that was rewound to. A later rewind to a place before it moves it there, and one into
   what was cleared instead opens the case again: what is chosen stands in the answer to its end.
3. Texts that do not diverge, one being the beginning of the other, are no preference: they are left out, and so is a
   pair that would choose nothing but white space.
4. Flagged text is kept only where somebody takes the pairs.
"""

from dataclasses import dataclass
from typing import Protocol

from server.generation.transcript import Transcript


@dataclass(frozen=True, slots=True)
class Pair:
    """`chosen` was released after `prompt`, and `rejected` was flagged there."""

    prompt: str
    chosen: str
    rejected: str


class Pairs(Protocol):
    """Takes the pairs of all answers. `server.telemetry.pairs.PairFile` is the one in service."""

    def add(self, pair: Pair) -> None:
        """Keep a pair. Quick, and never raises: no answer depends on it."""


@dataclass(slots=True)
class _Rejected:
    """`text`: the choice up to the end of the flagged window. `place` and `end`: what was cleared, None while open."""

    text: str
    place: int
    end: int | None = None


class Rejections:
    """The rejected texts of one choice; none is kept unless `kept`. Places are told in tokens, as the guard counts."""

    def __init__(self, transcript: Transcript, *, kept: bool) -> None:
        self._transcript = transcript
        self._kept = kept
        self._rejected: list[_Rejected] = []
        self._flagged = 0

    def flagged(self, end: int) -> None:
        """Note that a window that ends before token `end` was flagged."""
        self._flagged = end

    def rewound(self, to: int) -> None:
        """Note, before the cut, that the window flagged last leads back to token `to`."""
        if not self._kept:
            return
        place = self._transcript.start_of(to)
        for rejected in self._rejected:
            if rejected.end is None or place < rejected.end:
                rejected.place = min(rejected.place, place)
                rejected.end = None
        text = self._transcript.text[: self._transcript.start_of(self._flagged)]
        self._rejected.append(_Rejected(text, place))

    def cleared(self, end: int) -> None:
        """Note that the place that gave trouble is cleared, with the text before token `end`."""
        for rejected in self._rejected:
            if rejected.end is None:
                rejected.end = self._transcript.start_of(end)

    def pairs(self) -> list[Pair]:
        """Return a pair (without prompt) for each distinct rejected text of a choice that was cleared to its end."""
        said = self._transcript.answer
        found = (
            Pair(said[: rejected.place], said[rejected.place : rejected.end], rejected.text[rejected.place :])
            for rejected in self._rejected
        )
        return [pair for pair in dict.fromkeys(found) if _prefers(pair)]


def _prefers(pair: Pair) -> bool:
    """Return whether the texts part, and the chosen one says something."""
    parted = not pair.chosen.startswith(pair.rejected) and not pair.rejected.startswith(pair.chosen)
    return parted and bool(pair.chosen.strip())
