"""The times that a generation reports: how long text was held, how long a rewind took, when the first text left."""

import time
from collections import deque
from collections.abc import Callable

from server.generation.observer import Observer


class Clockwork:
    """Stopwatches of one choice. `now` gives seconds on a clock that never goes back."""

    def __init__(self, observer: Observer, now: Callable[[], float] = time.monotonic) -> None:
        self._observer, self._now = observer, now
        self._began = now()
        self._drafted: deque[tuple[int, float]] = deque()
        self._rewinding_since: float | None = None
        self._trouble_since: float | None = None
        self._trouble_seconds = 0.0
        self._left = 0

    def drafted(self, upto: int) -> None:
        """Tokens before `upto` are drafted now."""
        at = self._now()
        self._drafted.append((upto, at))
        if self._rewinding_since is not None:
            self._observer.rewind_took(at - self._rewinding_since)
            self._rewinding_since = None

    def released(self, upto: int) -> None:
        """Tokens before `upto` leave now: the oldest of them waited longest."""
        at = self._now()
        oldest: float | None = None
        while self._drafted and self._drafted[0][0] <= upto:
            _, since = self._drafted.popleft()
            oldest = since if oldest is None else oldest
        if oldest is not None:
            self._observer.held(at - oldest)
        if not self._left:
            self._observer.first_release(at - self._began)
        self._left = upto

    def rewound(self, to: int) -> None:
        """A verdict sent the choice back to token `to`."""
        self._rewinding_since = self._now()
        self.cut(to)

    def cut(self, to: int) -> None:
        """Tokens from `to` on are gone; those before it keep their age."""
        since: float | None = None
        while self._drafted and self._drafted[-1][0] > to:
            _, since = self._drafted.pop()
        if since is not None and to > (self._drafted[-1][0] if self._drafted else self._left):
            self._drafted.append((to, since))

    def flagged(self) -> float:
        """A window was flagged: the seconds spent on flagged spans so far, up to now."""
        at = self._now()
        if self._trouble_since is None:
            self._trouble_since = at
        return self._trouble_seconds + at - self._trouble_since

    def calm(self) -> None:
        """The flagged span is behind us."""
        if self._trouble_since is not None:
            self._trouble_seconds += self._now() - self._trouble_since
            self._trouble_since = None
