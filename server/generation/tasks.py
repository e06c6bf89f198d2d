"""The tasks of one choice: none fails unnoticed, none is left running."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

Work = Callable[[], Coroutine[Any, Any, None]]


class Tasks:
    """Tasks that live no longer than their owner wants. `failed` is called with what a task raises."""

    def __init__(self, failed: Callable[[Exception], None]) -> None:
        self.failed = failed
        self._running: set[asyncio.Task[None]] = set()

    def spawn(self, work: Work) -> asyncio.Task[None]:
        """Begin `work` in the next turn of the loop; a task that is cancelled before never calls it."""
        task = asyncio.create_task(self._watched(work))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    async def ended(self) -> None:
        """Wait until every task has ended, those that others begin meanwhile too."""
        idle = asyncio.Event()
        self.when_idle(idle.set)
        await idle.wait()

    def when_idle(self, tell: Callable[[], None]) -> None:
        """Call `tell` once, as soon as no task is running: at once, if none is."""
        if not self._running:
            tell()
            return
        last = next(iter(self._running))
        last.add_done_callback(lambda _: self.when_idle(tell))

    async def stop(self) -> None:
        """Cancel every task and wait until all are gone."""
        tasks = tuple(self._running)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _watched(self, work: Work) -> None:
        try:
            await work()
        except Exception as error:  # the edge of the driver: whatever it is, the reader must learn of it
            self.failed(error)
