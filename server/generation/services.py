"""What all choices of a server share."""

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace

from filters.judge import Judge
from server.generation.answered import Records
from server.generation.capacity import Bounds, Capacity, NullObserver
from server.generation.ending import Ending
from server.generation.observer import Observer
from server.generation.pairs import Pairs
from server.generation.tracing import UNTRACED, Tracing
from server.limits import Limits


@dataclass(frozen=True, slots=True)
class Services:
    """Who judges, who is told, the model's name, how a mask is written in its tokens, a clock in seconds.

    `pairs` takes the preference pairs of rewinds, if anybody wants them: they hold flagged text. `records` keeps one of
    every choice, if anybody does. `limits` are the most that one request may ask for, `capacity` is for all together.
    `ending` is that of the server.
    """

    judge: Judge
    observer: Observer
    model: str
    encode: Callable[[str], list[int]]
    now: Callable[[], float] = time.monotonic
    pairs: Pairs | None = None
    records: Records | None = None
    tracing: Tracing = UNTRACED
    limits: Limits = field(default_factory=Limits)
    ending: Ending = field(default_factory=Ending)
    capacity: Capacity = field(default_factory=lambda: Capacity(Bounds(), lambda: 0.0, NullObserver()))

    def of(self, client: Hashable) -> "Services":
        """Return the same with a judge that scores in this client's turns."""
        return replace(self, judge=self.judge.of(client))
