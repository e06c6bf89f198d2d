"""Preference pairs from rewinds: after the same text, what was cleared in the end and what was rejected before.

1. A rejected text ends with the window that was flagged; what was cleared instead ends with the window that cleared it,
   or with the answer.
2. Both begin at the character that was rewound to. A later rewind to a place before it moves it there, and one into
   what was cleared instead opens the case again: what is chosen stands in the answer to its end.
3. Texts that do not diverge, one being the beginning of the other, are no preference: they are left out, and so is a
   pair that would choose nothing but white space.
4. Flagged text is kept only where somebody takes the pairs, or the policy keeps it. Where text was flagged is known of
   every answer.
"""

from dataclasses import dataclass
from typing import Protocol

from server.generation.telling import FlaggedText
from server.generation.transcript import Transcript
from server.guard.commands import Substitute
from server.guard.events import Flagged
from server.policy.policy import Policy


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
class _Flagged:
    """`text`: the choice up to the end of the flagged window, if kept. `place` and `end`: where it was flagged.

    Once it was taken back they are the place of what is said instead; `end` is None while that is open.
    """

    text: str | None
    place: int
    end: int | None
    category: str
    taken_back: bool = False


class Rejections:
    """What was flagged in one choice; its text only if it is `kept`, or the policy keeps it. Places come in tokens."""

    def __init__(self, transcript: Transcript, policy: Policy, *, kept: bool) -> None:
        self._transcript = transcript
        self._watched = policy.mode == "monitor"
        self._kept = kept or policy.keep_text == "all"
        self._flagged: list[_Flagged] = []

    def flagged(self, event: Flagged, cleared: int, category: str) -> None:
        """Note that a window was flagged, for `category` first; the tokens before `cleared` had been cleared.

        What is only monitored has left by then and turns nowhere: all that is new in the window is meant.
        """
        onset = min(event.onset, cleared) if self._watched else event.onset
        upto = self._transcript.start_of(event.window.end)
        text = self._transcript.text[:upto] if self._kept else None
        self._flagged.append(_Flagged(text, self._transcript.start_of(onset), upto, category))

    def rewound(self, to: int) -> None:
        """Note, before the cut, that the window flagged last leads back to token `to`."""
        place = self._transcript.start_of(to)
        for rejected in self._taken_back():
            if rejected.end is None or place < rejected.end:
                rejected.place = min(rejected.place, place)
                rejected.end = None
        last = self._flagged[-1]
        last.place = place
        last.end = None
        last.taken_back = True

    def inserted(self, what: Substitute) -> None:
        """Note that a mask, or the least toxic candidate, stands by now in place of the window flagged last."""
        last = self._flagged[-1]
        last.end = len(self._transcript.text)
        last.taken_back = what == "mask"

    def cleared(self, end: int) -> None:
        """Note that the place that gave trouble is cleared, with the text before token `end`."""
        for rejected in self._taken_back():
            if rejected.end is None:
                rejected.end = self._transcript.start_of(end)

    def pairs(self) -> list[Pair]:
        """Return a pair (without prompt) for each distinct rejected text of a choice that was cleared to its end."""
        said = self._transcript.answer
        found = (
            Pair(said[: each.place], said[each.place : each.end], each.text[each.place :])
            for each in self._taken_back()
            if each.text is not None
        )
        return [pair for pair in dict.fromkeys(found) if _prefers(pair)]

    def spans(self) -> list[FlaggedText]:
        """Return all that was flagged, in the order in which it was."""
        end = len(self._transcript.text)
        return [
            FlaggedText(
                each.place,
                end if each.end is None else each.end,
                each.category,
                each.taken_back,
                None if each.text is None else each.text[each.place :],
            )
            for each in self._flagged
        ]

    def _taken_back(self) -> list[_Flagged]:
        return [each for each in self._flagged if each.taken_back]


def _prefers(pair: Pair) -> bool:
    """Return whether the texts part, and the chosen one says something."""
    parted = not pair.chosen.startswith(pair.rejected) and not pair.rejected.startswith(pair.chosen)
    return parted and bool(pair.chosen.strip())
