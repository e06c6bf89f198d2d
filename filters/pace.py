"""How fast the scorer is, how much work waits for it, and when it leaves the cores to the engine.

Times are those of one clock that never goes back, in seconds.
"""

import asyncio
from collections.abc import Callable

RESTS = 2.0
WRITTEN_SECONDS = 5.0
"""For so long after windows were asked for, answers count as being written."""
SHARE = 0.1
"""What the latest pass counts for in the pace."""


class Pace:
    """The passes so far, and the one that is under way over `texts` texts."""

    def __init__(self) -> None:
        self.texts = 0
        self._text_seconds = 0.0
        self._began: float | None = None
        self._written_until = 0.0

    def written(self, now: float) -> None:
        """Note that an answer is being written."""
        self._written_until = now + WRITTEN_SECONDS

    def begin(self, now: float, texts: int) -> None:
        """Note that a pass over so many texts begins."""
        self.texts = texts
        self._began = now

    def end(self, seconds: float) -> None:
        """Note that the pass has ended, and took so long."""
        found = seconds / self.texts
        self._text_seconds += (SHARE if self._text_seconds else 1.0) * (found - self._text_seconds)
        self._began = None

    def rest(self, now: float, seconds: float) -> float:
        """Return for how long to rest after a pass that took so many seconds: 0 if no answers are being written."""
        return RESTS * seconds if now < self._written_until else 0.0

    def backlog(self, now: float, waiting: int) -> float:
        """Return the seconds of work in so many waiting texts, and in the pass that is under way.

        That one counts whole, and as long as it has taken already if that is more: it may hang.
        """
        under_way = 0.0 if self._began is None else max(self.texts * self._text_seconds, now - self._began)
        return waiting * self._text_seconds + under_way


class Rest:
    """A rest of the scorer, after which `over` is called. Its timer ends it, and nobody asks the clock again.

    Timers may be early by their resolution: who looked at the clock then would go on resting, with nobody to wake him.
    """

    def __init__(self, over: Callable[[], None]) -> None:
        self._over = over
        self._timer: asyncio.TimerHandle | None = None

    @property
    def under_way(self) -> bool:
        """Whether it is not over."""
        return self._timer is not None

    def begin(self, seconds: float) -> None:
        """Begin one in place of the last; none if there are no seconds."""
        self.end()
        if seconds:
            self._timer = asyncio.get_running_loop().call_later(seconds, self._rested)

    def end(self) -> None:
        """End it, and call nobody."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _rested(self) -> None:
        self.end()
        self._over()
