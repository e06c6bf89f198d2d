"""A file of the operator's to which one server adds lines, each of them whole.

1. A new file is its owner's alone. One that is open to more than `others` allows is refused.
2. One server at a time writes to a file.
3. What was written of a line that failed is removed again.
"""

import fcntl
import os
import stat
from pathlib import Path
from typing import Literal, get_args

from server.errors import StartError

OWNER_ONLY = 0o600

Fate = Literal["written", "lost"]
"""What becomes of a line."""
FATES: tuple[Fate, ...] = get_args(Fate)


def opened(option: str, path: Path, others: int) -> int:
    """Return a descriptor of the file, checked and locked, made if missing. StartError if it is not fit for this.

    `others`: the bits of its mode that may not be set. `option` names it in the error.
    """
    try:
        # Without waiting: a pipe would have it wait for a reader.
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NONBLOCK, OWNER_ONLY)
    except OSError as error:
        raise StartError(f"{option}: {path}: {error.strerror}; name a file that can be written") from None
    try:
        _check(option, os.fstat(file), path, others)
        _lock(option, file, path)
    except StartError:
        os.close(file)
        raise
    return file


def append(file: int, line: bytes) -> None:
    """Write a whole line, or nothing of it. OSError if that fails."""
    whole = os.fstat(file).st_size
    try:
        while line:
            line = line[os.write(file, line) :]
    except OSError:
        os.ftruncate(file, whole)
        raise


def end_last(option: str, file: int, path: Path) -> None:
    """End the line that a crash has cut short, if one has. StartError if that fails."""
    try:
        size = os.fstat(file).st_size
        if size and os.pread(file, 1, size - 1) != b"\n":
            append(file, b"\n")
    except OSError as error:
        raise StartError(f"{option}: {path}: {error.strerror}; name another file") from None


def _check(option: str, status: os.stat_result, path: Path, others: int) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise StartError(f"{option}: {path} is no regular file; name one that is, or one that is not there yet")
    if status.st_mode & others or status.st_uid != os.geteuid():
        raise StartError(
            f"{option}: others may read {path}; `chmod 600` it if it is yours, or name one that is not there yet"
        )


def _lock(option: str, file: int, path: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise StartError(f"{option}: another server writes to {path}; name another file") from None
    except OSError as error:
        raise StartError(f"{option}: {path}: {error.strerror}; name another file") from None
