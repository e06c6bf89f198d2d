"""What a server's processes use: CPU time and memory, read from outside.

The front end is the first process: HTTP, vLLM's own front end, the guard and the scorer. Its first thread runs the
event loop; a scorer on the CPU runs in others. The engine's processes are its children.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import psutil

MIB = 1024 * 1024
_EVERY_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Cpu:
    """CPU seconds so far, user and system: of all processes, and of the event loop's thread."""

    tree: float
    loop: float

    def since(self, before: "Cpu") -> "Cpu":
        """Return what was used since an earlier look."""
        return Cpu(self.tree - before.tree, self.loop - before.loop)


@dataclass(slots=True)
class Peak:
    """The highest sum of resident memory over all processes that was seen, in bytes."""

    bytes: int = 0


@dataclass(frozen=True)
class Usage:
    """The processes of a server whose first process is `pid`."""

    pid: int
    _processes: dict[int, psutil.Process] = field(default_factory=dict)

    def cpu(self) -> Cpu:
        """Return CPU seconds so far."""
        first, *others = self._tree()
        times = [process.cpu_times() for process in (first, *others)]
        loop = next((thread for thread in first.threads() if thread.id == self.pid), None)
        return Cpu(sum(t.user + t.system for t in times), loop.user_time + loop.system_time if loop else 0.0)

    def resident(self) -> int:
        """Return bytes of resident memory now. Pages that processes share are counted once for each."""
        return sum(process.memory_info().rss for process in self._tree())

    @asynccontextmanager
    async def peak(self) -> AsyncIterator[Peak]:
        """Look at the memory again and again until the block ends."""
        peak = Peak(self.resident())
        looking = asyncio.create_task(self._look(peak))
        try:
            yield peak
        finally:
            looking.cancel()

    async def _look(self, peak: Peak) -> None:
        while True:
            await asyncio.sleep(_EVERY_SECONDS)
            peak.bytes = max(peak.bytes, self.resident())

    def _tree(self) -> list[psutil.Process]:
        """Return the first process and its children, found once: those of an engine live as long as it does."""
        if not self._processes:
            first = psutil.Process(self.pid)
            self._processes.update({process.pid: process for process in (first, *first.children(recursive=True))})
        return list(self._processes.values())
