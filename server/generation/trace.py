"""What the guard does to the choices of one request, told to the client that asked for it (`detox.trace`).

1. An event holds numbers and our own words. Text of the answer leaves as a piece of the outlet and in no other way:
   only to a client that may read flagged text (`texts`) an event says what is drafted, too.
2. Tokens are counted from the first one of the choice, as in the guard: `from` the first, `to` the one after the last.
3. The last event of a choice is its end. What is told of it after that is dropped.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from server.guard.commands import Score, Substitute, Way

Name = Literal["drafted", "scored", "cleared", "flagged", "rewind", "inserted", "waste", "released", "end"]
Event = dict[str, Any]
Spelled = Callable[[int, int], Sequence[str]]
"""What each token from one to before another adds to the text."""


class Trace:
    """The events of one request that were not sent yet, in order. `texts`: with the text of what is drafted.

    `now` gives seconds on a clock that never goes back; an event says how many have passed since the request came.
    """

    def __init__(self, *, texts: bool = False, now: Callable[[], float] = time.monotonic) -> None:
        self.texts = texts
        self._now = now
        self._began = now()
        self._waiting: list[Event] = []
        self._told = asyncio.Event()
        self._ended: set[int] = set()

    def tell(self, choice: int, name: Name, said: Mapping[str, Any]) -> None:
        """Add an event of a choice that has not ended."""
        if choice in self._ended:
            return
        self._waiting.append({"event": name, "choice": choice, "at": round(self._now() - self._began, 4), **said})
        self._told.set()

    def end(self, choice: int, report: Mapping[str, Any]) -> None:
        """Add the last event of a choice: its report."""
        self.tell(choice, "end", {"report": report})
        self._ended.add(choice)

    def take(self) -> list[Event]:
        """Return the events that wait; they wait no longer."""
        events = self._waiting
        self._waiting = []
        self._told.clear()
        return events

    async def told(self) -> None:
        """Wait until there are events."""
        await self._told.wait()


class ChoiceTrace:
    """Tells a trace what happens to one choice. Without a trace nobody is told, and every call costs next to nothing.

    `spelled` is the transcript's.
    """

    def __init__(self, trace: Trace | None, choice: int, spelled: Spelled) -> None:
        self._trace = trace
        self._choice = choice
        self._spelled = spelled
        self._drafted = 0
        self._released = 0
        self._cleared = 0

    def drafted(self, upto: int) -> None:
        """Tell that the tokens before `upto` are drafted."""
        if self._trace is not None:
            self._grown("drafted", {"from": self._drafted}, upto)

    def scored(self, score: Score, verdict: str, scores: Mapping[str, float], **more: Any) -> None:
        """Tell the verdict on a window, `more` of it, and under which attempt that was asked for."""
        if self._trace is not None:
            rounded = {category: round(value, 4) for category, value in scores.items()}
            window = {"from": score.window.start, "to": score.window.end}
            self._tell("scored", {**window, "attempt": score.attempt, "verdict": verdict, "scores": rounded, **more})

    def cleared(self, upto: int) -> None:
        """Tell that the tokens before `upto` are clean, though some of them may still be held; if that is news."""
        if upto > self._cleared:
            self._tell("cleared", {"to": upto})
        self._cleared = upto

    def flagged(self, score: Score, onset: int) -> None:
        """Tell that the text of a window turns at a token."""
        if self._trace is not None:
            self._tell("flagged", {"from": score.window.start, "to": score.window.end, "onset": onset})

    def rewound(self, rung: Way, to: int) -> None:
        """Tell that the tokens from `to` on are taken back, and how what replaces them is drafted."""
        self._tell("rewind", {"rung": rung, "from": self._drafted, "to": to})
        self._drafted = to

    def inserted(self, what: Substitute, to: int, upto: int) -> None:
        """Tell that what policy puts there stands in the place of the tokens from `to` on, up to `upto`."""
        if self._trace is not None:
            self._grown("inserted", {"what": what, "from": to}, upto)

    def wasted(self, count: int) -> None:
        """Tell that drafted tokens are dropped."""
        self._tell("waste", {"tokens": count})

    def released(self, upto: int, held: float | None) -> None:
        """Tell that the tokens before `upto` leave: how long each is, and how many seconds the oldest was held."""
        if self._trace is not None:
            characters = [len(text) for text in self._spelled(self._released, upto)]
            said: Event = {"from": self._released, "to": upto, "characters": characters}
            self._tell("released", said if held is None else {**said, "held": round(held, 4)})
            self._released = upto

    def _grown(self, name: Name, said: Event, upto: int) -> None:
        said["to"] = upto
        if self._trace is not None and self._trace.texts:
            said["texts"] = list(self._spelled(said["from"], upto))
        self._drafted = upto
        self._tell(name, said)

    def _tell(self, name: Name, said: Event) -> None:
        if self._trace is not None:
            self._trace.tell(self._choice, name, said)


def untraced() -> ChoiceTrace:
    """Return what tells nobody."""
    return ChoiceTrace(None, 0, lambda start, end: ())
