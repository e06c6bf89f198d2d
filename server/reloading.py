"""Files that may change while the server runs: policies, keys, what was learned. One mechanism for all of them.

1. A file is looked at every second (server/stopping.py calls the round). It is read again once it is another one (by
   inode, size or times, of what a link leads to) and has not changed from one look to the next: nobody is writing it.
2. It is read in a thread. What it says is in force whole, from one request to the next; what is under way goes on under
   what it began with.
3. A file that cannot be used, or is gone, changes nothing: the line that would have ended the start is logged, the
   failure counted, and the old one stays in force until the file changes again.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Generic, Literal, Protocol, TypeVar, get_args

from server.errors import StartError
from server.telemetry import logs

T = TypeVar("T")

File = Literal["policies", "keys", "learned"]
FILES: tuple[File, ...] = get_args(File)
Result = Literal["loaded", "failed"]
RESULTS: tuple[Result, ...] = get_args(Result)

_Stamp = tuple[int, ...] | None

log = logs.logger("files")


class ReloadObserver(Protocol):
    """Is told of files that were read again."""

    def reloaded(self, file: File, result: Result) -> None:
        """Count a changed file: what it says is in force, or cannot be."""


class Current(Generic[T]):
    """A value that may be replaced by another one; ask for it each time."""

    def __init__(self, value: T) -> None:
        self.value = value


class Reloaded(Current[T]):
    """What `load` makes of a file. StartError, from it, if it cannot be used at the start.

    `then` is told of every other value that comes to be in force.
    """

    def __init__(
        self,
        file: File,
        path: Path,
        load: Callable[[Path], T],
        observer: ReloadObserver,
    ) -> None:
        stamp = _stamp(path)  # before it is read: what changes meanwhile is read again
        super().__init__(load(path))
        self._seen = stamp
        self._read = stamp
        self._file = file
        self._path = path
        self._load = load
        self._observer = observer
        self.then: Callable[[T], None] = lambda value: None
        self.reading: asyncio.Task[None] | None = None

    def look(self) -> None:
        """Look at the file, and begin to read it if it is another one by now; never waits."""
        if self.reading is not None and not self.reading.done():
            return
        stamp = _stamp(self._path)
        settled = stamp == self._seen
        self._seen = stamp
        if settled and stamp != self._read:
            self._read = stamp
            self.reading = asyncio.create_task(self._renew())

    async def _renew(self) -> None:
        try:
            value = await asyncio.to_thread(self._load, self._path)
        except StartError as error:
            self._failed(str(error))
        except Exception as error:  # whatever it is, the old one stays in force
            self._failed(type(error).__name__)
        else:
            self.value = value
            self.then(value)
            self._observer.reloaded(self._file, "loaded")
            log.info("in force now, read again", extra={"file": self._file, "path": str(self._path)})

    def _failed(self, reason: str) -> None:
        self._observer.reloaded(self._file, "failed")
        log.error("cannot be used, the old ones stay in force", extra={"file": self._file, "reason": reason})


def _stamp(path: Path) -> _Stamp:
    """Return what tells a file from another one at its place, and from itself before it changed; None without one."""
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
