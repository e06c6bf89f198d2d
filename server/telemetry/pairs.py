"""Preference pairs on disk, a JSON object a line: `{"prompt", "chosen", "rejected"}`.

Libraries for preference tuning read it as it is (TRL: preference, explicit prompt).

1. The lines hold prompts and flagged text: only the file's owner may read it. A file that others may read is refused.
2. Lines are only added, and added whole: what was written of one that failed is removed again. One server at a time
   writes to a file.
3. A line that cannot be written is lost and counted; no request notices.
"""

import fcntl
import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from server.errors import StartError
from server.generation.pairs import Pair
from server.telemetry import logs

OWNER_ONLY = 0o600
OTHERS = 0o077

log = logs.logger("pairs")


@contextmanager
def writing(path: Path | None) -> Iterator["PairFile | None"]:
    """Provide the file at `path`, created if missing; None without a path. StartError if it is not fit for this."""
    if path is None:
        yield None
        return
    with _opened(path) as file:
        pairs = PairFile(file, path)
        log.warning("flagged text is being written to a file, behind its prompts", extra={"file": str(path)})
        try:
            yield pairs
        finally:
            log.info("pairs written", extra={"file": str(path), "pairs": pairs.written, "lost": pairs.lost})


def check(path: Path | None) -> None:
    """Check a file before the start goes on. StartError if it is not fit for this; a missing one is created."""
    if path is not None:
        with _opened(path):
            pass


class PairFile:
    """Adds pairs to the open file, which `path` names in the log. `written` and `lost` count them."""

    def __init__(self, file: int, path: Path) -> None:
        self._file = file
        self._path = path
        self.written = 0
        self.lost = 0

    def add(self, pair: Pair) -> None:
        """Write a line. If that fails the pair is lost, and the first loss is logged."""
        try:
            self._append(json.dumps(asdict(pair)).encode("ascii") + b"\n")
        except OSError as error:
            if not self.lost:
                log.warning("pairs are lost", extra={"file": str(self._path), "reason": error.strerror})
            self.lost += 1
        else:
            self.written += 1

    def _append(self, line: bytes) -> None:
        whole = os.fstat(self._file).st_size
        try:
            while line:
                line = line[os.write(self._file, line) :]
        except OSError:
            os.ftruncate(self._file, whole)
            raise


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    """Provide the file, checked and locked, at the end of a line."""
    try:
        # Without waiting: a pipe would have it wait for a reader.
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NONBLOCK, OWNER_ONLY)
    except OSError as error:
        raise StartError(f"--pairs-out: {path}: {error.strerror}; name a file that can be written") from None
    try:
        _check(os.fstat(file), path)
        _lock(file, path)
        yield file
    finally:
        os.close(file)


def _check(status: os.stat_result, path: Path) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise StartError(f"--pairs-out: {path} is no regular file; name one that is, or one that is not there yet")
    if status.st_mode & OTHERS or status.st_uid != os.geteuid():
        raise StartError(
            f"--pairs-out: others may read {path}; `chmod 600` it if it is yours, or name one that is not there yet"
        )


def _lock(file: int, path: Path) -> None:
    """Lock the file, and end the line that a crash has cut short, if one has."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        size = os.fstat(file).st_size
        if size and os.pread(file, 1, size - 1) != b"\n":
            os.write(file, b"\n")
    except BlockingIOError:
        raise StartError(f"--pairs-out: another server writes to {path}; name another file") from None
    except OSError as error:
        raise StartError(f"--pairs-out: {path}: {error.strerror}; name another file") from None
