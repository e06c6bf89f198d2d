"""The audit log on disk: a line for each choice of an answer, before its end is sent, and for what feedback tells.

1. Lines are only added, and each carries the hash of the one before (server/audit/line.py), over rotations and starts.
2. Rotated by the usual tools: a file that was moved or removed is made anew at the next line, without a signal.
3. A record that cannot be written is lost: counted, logged and written down as a `gap` once that goes again. `closed`:
   until then nothing is answered. `open`: answers go on, unrecorded.
4. `answer`: a line is on the disk before its answer ends; `second`: within a second or two; `never`: when the system
   pleases.
"""

import asyncio
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, Protocol

from server.audit.line import Head, read, written
from server.audit.record import record
from server.environment import vllm_version
from server.errors import StartError, Unavailable
from server.generation.answered import Answered
from server.telemetry import lines, logs

OPTION = "--audit-out"
OTHERS = 0o037
"""Nobody else may write, and outside of the file's group nobody may read: what ships logs may be in the group."""
RETRY_AFTER_SECONDS = 5.0
_TAIL_BYTES = 1 << 20

Failing = Literal["closed", "open"]
Syncing = Literal["answer", "second", "never"]

log = logs.logger("audit")


class AuditObserver(Protocol):
    """Is told what becomes of records."""

    def audited(self, fate: lines.Fate) -> None:
        """Count a record, of a choice or of what was done with feedback: written, or lost."""


@dataclass(frozen=True, slots=True)
class Keeping:
    """How a log is kept: what happens where it cannot be, when it is on the disk, and which gate judges (its hash)."""

    failing: Failing = "closed"
    syncing: Syncing = "second"
    gate: str | None = None


@contextmanager
def auditing(path: Path | None, keeping: Keeping, observer: AuditObserver) -> Iterator["AuditFile | None"]:
    """Provide the log at `path`, begun; None without a path. StartError if it is not fit for this."""
    if path is None:
        yield None
        return
    audit = AuditFile(path, keeping, observer)
    try:
        yield audit
    finally:
        audit.close()


def check(path: Path | None) -> None:
    """Check a file before the start goes on. StartError if it is not fit for this; a missing one is created."""
    if path is not None:
        os.close(lines.opened(OPTION, path, OTHERS))


class AuditFile:
    """Adds records to the file at `path`. StartError if it is not fit for this, or does not end with a record."""

    def __init__(self, path: Path, keeping: Keeping, observer: AuditObserver) -> None:
        self._path = path
        self._keeping = keeping
        self._observer = observer
        self._file = lines.opened(OPTION, path, OTHERS)
        self._lost = 0
        self._unsynced = False
        self.syncing: asyncio.Future[bool] | None = None
        try:
            head, torn = _last(self._file, path)
            self._head = head
            self._append("begin", self._begin(torn))
        except OSError as error:
            raise StartError(f"{OPTION}: {path}: {error.strerror}; name a file that can be written") from None
        log.info("answers are being recorded", extra={"file": str(path), "failing": keeping.failing, "from": self.head})

    @property
    def head(self) -> str:
        """The hash of the last line: kept elsewhere, it proves that none before it is gone."""
        return str(self._head.hash)

    def check(self) -> None:
        """Raise Unavailable while no record can be written, if nothing may be answered then."""
        if self._lost and self._keeping.failing == "closed":
            self._fill_gap()
            if self._lost:
                raise _unavailable()

    async def keep(self, answered: Answered) -> None:
        """Write the record of a choice. Unavailable if that fails and nothing may be answered then."""
        kept = self._record("answer", record(answered, self._keeping.gate))
        if kept and self._keeping.syncing == "answer":
            kept = await self._synced()
        if not kept and self._keeping.failing == "closed":
            raise _unavailable()

    def keep_rest(self, answered: Answered) -> None:
        """Write the record of a choice that nobody waits for any more."""
        self._record("answer", record(answered, self._keeping.gate))

    def look(self) -> None:
        """Begin to write to the disk what is not there yet, if that is due every second; never waits."""
        idle = self.syncing is None or self.syncing.done()
        if self._keeping.syncing == "second" and self._unsynced and idle:
            self.syncing = asyncio.ensure_future(self._synced())

    def close(self) -> None:
        """Write the last line, and all to the disk."""
        try:
            self._append("end", {"time": _now()})
            if self._keeping.syncing != "never":
                os.fsync(self._file)
        except OSError as error:
            self._failed(error, count=False)
        os.close(self._file)
        log.info("answers were recorded", extra={"file": str(self._path), "last": self._head.seq, "head": self.head})

    def note(self, event: str, **facts: object) -> None:
        """Write what was done with feedback, and by whom (server.feedback.audit.Audit)."""
        self._record(event, facts)

    def _record(self, kind: str, facts: Mapping[str, Any]) -> bool:
        if self._lost:
            self._fill_gap()
        try:
            self._append(kind, {"time": _now(), "request": logs.of_request.get(), **facts})
        except OSError as error:
            self._failed(error)
            return False
        self._observer.audited("written")
        return True

    def _fill_gap(self) -> None:
        try:
            self._append("gap", {"time": _now(), "lost": self._lost})
        except OSError:
            return
        log.warning("records can be written again", extra={"file": str(self._path), "lost": self._lost})
        self._lost = 0

    def _append(self, kind: str, said: Mapping[str, Any]) -> None:
        self._follow()
        line, head = written(kind, said, self._head)
        lines.append(self._file, line)
        self._head = head
        self._unsynced = True

    def _follow(self) -> None:
        """Make the file anew where it was moved away, as `logging.handlers.WatchedFileHandler` does."""
        try:
            there, here = os.stat(self._path), os.fstat(self._file)
            if (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino):
                return
        except FileNotFoundError:
            pass
        try:
            anew = lines.opened(OPTION, self._path, OTHERS)
        except StartError as error:
            raise OSError(0, str(error)) from None
        if self._keeping.syncing != "never":
            os.fsync(self._file)
        os.close(self._file)
        self._file = anew
        log.info("goes on in a new file", extra={"file": str(self._path), "from": self.head})

    async def _synced(self) -> bool:
        """Have what was written so far put on the disk, in a thread; tell whether it is there."""
        self._unsynced = False
        try:
            twin = os.dup(self._file)  # the file may be closed meanwhile
            try:
                await asyncio.to_thread(os.fsync, twin)
            finally:
                os.close(twin)
        except OSError as error:
            self._failed(error)
            return False
        return True

    def _failed(self, error: OSError, *, count: bool = True) -> None:
        if not self._lost:
            go_on = "nothing is answered until it can" if self._keeping.failing == "closed" else "ANSWERS GO UNRECORDED"
            log.error("cannot be written: %s", go_on, extra={"file": str(self._path), "reason": error.strerror})
        if count:
            self._lost += 1
            self._observer.audited("lost")

    def _begin(self, torn: int) -> dict[str, Any]:
        versions = {"unsay": version("unsay"), "vllm": vllm_version(), "gate": self._keeping.gate}
        return {"time": _now(), **versions, "pid": os.getpid(), **({"torn_bytes": torn} if torn else {})}


def _last(file: int, path: Path) -> tuple[Head, int]:
    """Return the head of a log, and how many bytes of a torn line were taken off its end. StartError if it is none.

    An empty file goes on from the one that was moved away last, if it lies beside.
    """
    size = os.fstat(file).st_size
    if not size:
        return _moved_away(path), 0
    tail = os.pread(file, _TAIL_BYTES, max(0, size - _TAIL_BYTES))
    torn = len(tail) - tail.rfind(b"\n") - 1
    whole = tail[: len(tail) - torn].splitlines()
    last = read(whole[-1]) if whole else None
    if (last is None or not last.proven) and torn < size:
        raise StartError(f"{OPTION}: {path} does not end with a record; `unsay audit verify` it, and name another file")
    if torn:
        os.ftruncate(file, size - torn)
    return (last.head if last else _moved_away(path)), torn


def _moved_away(path: Path) -> Head:
    for beside in sorted(path.parent.glob(f"{path.name}?*"), key=lambda each: each.stat().st_mtime, reverse=True):
        with beside.open("rb") as file:
            file.seek(max(0, beside.stat().st_size - _TAIL_BYTES))
            lines_ = file.read().splitlines()
        last = read(lines_[-1]) if lines_ else None
        if last is not None and last.proven:
            return last.head
    return Head()


def _unavailable() -> Unavailable:
    return Unavailable(
        "the audit log cannot be written, and nothing is answered without; try again", RETRY_AFTER_SECONDS
    )


def _now() -> str:
    at = time.time()
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(at))}.{int(at % 1 * 1000):03d}Z"
