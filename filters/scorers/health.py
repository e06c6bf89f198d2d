"""Whether another process is well: asked in a separate thread, so that nobody waits for the answer.

The rules:
1. `good` gives the last answer at once. It triggers the next question when the last answer is old enough.
2. One question at a time: one that hangs is one thread, however often anybody wants to know.
3. A question that raises counts as a no.
"""

import threading
import time
from collections.abc import Callable

EVERY_SECONDS = 1.0


class Health:
    """The last answer of `ask`, which may block; good until the first one is there."""

    def __init__(
        self,
        ask: Callable[[], bool],
        *,
        every_seconds: float = EVERY_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ask = ask
        self._every_seconds = every_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._is_asking = False
        self._is_good = True
        self._due = clock() + every_seconds

    def good(self) -> bool:
        """Return whether the last answer was yes. Never blocks; called from any thread."""
        with self._lock:
            is_due = not self._is_asking and self._clock() >= self._due
            self._is_asking = self._is_asking or is_due
            is_good = self._is_good
        if is_due:
            threading.Thread(target=self._find_out, name="unsay-health", daemon=True).start()
        return is_good

    def _find_out(self) -> None:
        try:
            is_good = self._ask()
        except Exception:
            is_good = False
        with self._lock:
            self._is_good = is_good
            self._due = self._clock() + self._every_seconds
            self._is_asking = False
