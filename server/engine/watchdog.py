"""Whether the engine answers: it hangs if it is asked for tokens, and nothing is heard of it for too long.

1. Time runs only while something is asked of it, from the last that was heard. All requests share it: one that waits
   for others to make room is no sign.
2. Halfway the engine is asked whether it is paused, which it answers between two steps: an engine that answers does not
   hang, however long a request has to wait.
3. One that hangs is asked on, and is well again with the first token or answer.
A single step that takes longer than the limit looks the same as one that never ends.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

T = TypeVar("T")

log = logging.getLogger("unsay.engine")


class EngineObserver(Protocol):
    """Is told when the engine begins to hang, and when it is well again."""

    def engine_hangs(self, hangs: bool) -> None:
        """Note whether it hangs, from now on."""


class Watchdog:
    """Watches one engine. `probe` asks it something, `now` gives seconds on a clock that never goes back."""

    def __init__(
        self,
        limit_seconds: float,
        observer: EngineObserver,
        probe: Callable[[], Awaitable[object]],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limit_seconds = limit_seconds
        self._observer = observer
        self._probe = probe
        self._now = now
        self._waiting = 0
        self._heard_at = 0.0
        self._hangs = False
        self._probing: asyncio.Task[None] | None = None

    async def wait(self, work: Awaitable[T]) -> T:
        """Wait for something that the engine has been asked for."""
        if not self._waiting:
            self._heard_at = self._now()
        self._waiting += 1
        try:
            found = await work
        finally:
            self._waiting -= 1
        self._hear()
        return found

    def check(self) -> bool:
        """Return whether the engine answers, as far as is known; call it every second or so."""
        silent = self._now() - self._heard_at if self._waiting else 0.0
        if silent >= self._limit_seconds and not self._hangs:
            self._hangs = True
            log.error("the engine hangs: no token and no answer", extra={"seconds": round(silent, 1)})
            self._observer.engine_hangs(True)
        if (self._hangs or silent >= self._limit_seconds / 2) and self._probing is None:
            self._probing = asyncio.create_task(self._ask())
        return not self._hangs

    async def _ask(self) -> None:
        try:
            await self._probe()
            self._hear()
        except Exception as error:  # whatever is wrong with the engine, it is not well; vLLM sees to one that has died
            log.debug("the engine does not answer", extra={"error": type(error).__name__})
        finally:
            self._probing = None

    def _hear(self) -> None:
        self._heard_at = self._now()
        if self._hangs:
            self._hangs = False
            log.info("the engine answers again")
            self._observer.engine_hangs(False)
