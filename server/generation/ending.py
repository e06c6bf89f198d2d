"""The end of the server as its requests see it: open, then draining, then closed.

1. Open: requests are taken.
2. Draining: no new ones are taken. Those under way go on as before, rewinds included.
3. Closed: whatever is still waited for is given up at once, and each request ends as well as it still can.
It only goes forward, and has no clock: server/stopping.py decides when.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Literal, TypeVar

from server.errors import ShuttingDown

T = TypeVar("T")

Phase = Literal["open", "draining", "closed"]


class Ending:
    """How far the server's end has come, and what is still under way. For one event loop."""

    def __init__(self) -> None:
        self.phase: Phase = "open"
        self.under_way = 0
        """Requests, and answers that are generated for them, perhaps in the background."""
        self.requests = 0
        """How many of those are requests."""
        self._at_close: set[Callable[[], None]] = set()
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def accepting(self) -> bool:
        """Whether new requests are taken."""
        return self.phase == "open"

    def drain(self) -> None:
        """Take no new requests."""
        if self.phase == "open":
            self.phase = "draining"

    def close(self) -> None:
        """Give up what is still waited for."""
        if self.phase == "closed":
            return
        self.phase = "closed"
        for act in tuple(self._at_close):
            act()

    @contextmanager
    def during(self, *, request: bool = False) -> Iterator[None]:
        """Count as one that is under way."""
        self.under_way += 1
        self.requests += request
        self._idle.clear()
        try:
            yield
        finally:
            self.under_way -= 1
            self.requests -= request
            if not self.under_way:
                self._idle.set()

    async def idle_within(self, seconds: float) -> bool:
        """Wait until nothing is under way, for so many seconds at most; return whether it came to that."""
        try:
            async with asyncio.timeout(seconds):
                await self._idle.wait()
        except TimeoutError:
            return False
        return True

    @contextmanager
    def at_close(self, act: Callable[[], None]) -> Iterator[None]:
        """Have `act` called when all is closed, at once if it is."""
        if self.phase == "closed":
            act()
        self._at_close.add(act)
        try:
            yield
        finally:
            self._at_close.discard(act)

    async def unless_closed(self, work: Awaitable[T]) -> T:
        """Wait for `work`, which is cancelled when all is closed. ShuttingDown then."""
        scope = asyncio.timeout(None)
        loop = asyncio.get_running_loop()
        try:
            async with scope:
                with self.at_close(lambda: scope.reschedule(loop.time())):
                    return await work
        except TimeoutError:
            if scope.expired():
                raise ShuttingDown from None
            raise
