"""What the server still takes in: requests that could only wait, and would make all others wait, are refused at once.

1. A request is refused if its choices, with those that are drafted or wait for the engine, are more than `choices`, or
   if the windows that wait for the scorer are more than `backlog_seconds` of work. What is not judged minds the engine
   alone. While nothing is under way any request is taken.
2. What has been taken in is not refused later: its rewinds, its races and its further turns are no new work.
3. When to come again is measured: so many choices have ended in a second, of late. Those that were refused of late come
   first, as if they stood in line: clients who are told so come one after another.
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, Protocol, get_args

from server.errors import Unavailable

Shortage = Literal["engine", "scorer"]
SHORTAGES: tuple[Shortage, ...] = get_args(Shortage)
"""What there is too little of."""

LATELY_SECONDS = 30.0
RETRY_SECONDS = 5.0
"""When to come again, where nothing has ended yet that would tell."""
LONGEST_RETRY_SECONDS = 60.0
SILENT_SECONDS = 60.0
"""The log says once that requests are refused, until none was for so long."""

log = logging.getLogger("unsay.server")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What all requests together may have under way: `choices`, and seconds of work for the scorer."""

    choices: float = float("inf")
    backlog_seconds: float = float("inf")


class CapacityObserver(Protocol):
    """Is told what is under way, and what is refused."""

    def choices_under_way(self, choices: int) -> None:
        """Set how many choices are drafted or wait for the engine."""

    def no_capacity(self, shortage: Shortage) -> None:
        """Count a request that was refused."""


class NullObserver:
    """Ignores everything."""

    def choices_under_way(self, choices: int) -> None:
        """Do nothing."""

    def no_capacity(self, shortage: Shortage) -> None:
        """Do nothing."""


class Capacity:
    """How much is under way. `backlog` tells how much work waits for the scorer, `now` the time, both in seconds."""

    def __init__(
        self,
        bounds: Bounds,
        backlog: Callable[[], float],
        observer: CapacityObserver,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.bounds = bounds
        self.under_way = 0
        self._backlog = backlog
        self._observer = observer
        self._now = now
        self._ended = _Lately(now)
        self._refused = _Lately(now)
        self._busy_since = float("-inf")
        self._refused_at = float("-inf")

    def check(self, choices: int, *, judged: bool) -> None:
        """Raise Unavailable, and count it, if there is no room for so many more choices."""
        if not self.under_way:
            return
        over = self.under_way + choices - self.bounds.choices
        if over > 0:
            self._refuse("engine", choices, over)
        if judged and self._backlog() > self.bounds.backlog_seconds:
            self._refuse("scorer", choices, 0)

    @contextmanager
    def during(self, choices: int) -> Iterator[None]:
        """Count so many choices as under way."""
        if not self.under_way:
            self._busy_since = self._now()
        self._set(self.under_way + choices)
        try:
            yield
        finally:
            self._ended.add(choices)
            self._set(self.under_way - choices)

    def _set(self, choices: int) -> None:
        self.under_way = choices
        self._observer.choices_under_way(choices)

    def _refuse(self, shortage: Shortage, choices: int, over: float) -> None:
        seconds = self._seconds(over + self._refused.count())
        self._refused.add(choices)
        self._observer.no_capacity(shortage)
        if self._now() - self._refused_at > SILENT_SECONDS:
            log.warning("refusing requests: no capacity", extra={"short_of": shortage, "under_way": self.under_way})
        self._refused_at = self._now()
        raise Unavailable(f"the server has as much to do as it can; try again in {seconds:.0f} s", seconds)

    def _seconds(self, choices: float) -> float:
        """Return how long it takes until so many choices have ended, as fast as they do."""
        ended, busy = self._ended.count(), min(LATELY_SECONDS, self._now() - self._busy_since)
        if not ended or busy <= 0:
            return RETRY_SECONDS
        return min(LONGEST_RETRY_SECONDS, max(1.0, choices * busy / ended))


class _Lately:
    """Counts what happened in the last `LATELY_SECONDS`, by the second."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._by_second = deque[tuple[int, int]]()

    def add(self, count: int) -> None:
        second = int(self._now())
        if self._by_second and self._by_second[-1][0] == second:
            count += self._by_second.pop()[1]
        self._by_second.append((second, count))

    def count(self) -> int:
        while self._by_second and self._by_second[0][0] < self._now() - LATELY_SECONDS:
            self._by_second.popleft()
        return sum(count for _, count in self._by_second)
