"""Preference pairs on disk, a JSON object a line: `{"prompt", "chosen", "rejected"}`.

Libraries for preference tuning read it as it is (TRL: preference, explicit prompt).

1. The lines hold prompts and flagged text: only the file's owner may read it. A file that others may read is refused.
2. Lines are only added, and added whole (server/telemetry/lines.py).
3. A line that cannot be written is lost and counted; no request notices.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Protocol

from server.generation.pairs import Pair
from server.telemetry import lines, logs

OPTION = "--pairs-out"
OTHERS = 0o077

log = logs.logger("pairs")


class PairObserver(Protocol):
    """Is told what becomes of pairs."""

    def paired(self, fate: lines.Fate) -> None:
        """Count a pair: written, or lost."""


@contextmanager
def writing(path: Path | None, observer: PairObserver) -> Iterator["PairFile | None"]:
    """Provide the file at `path`, created if missing; None without a path. StartError if it is not fit for this."""
    if path is None:
        yield None
        return
    with _opened(path) as file:
        pairs = PairFile(file, path, observer)
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

    def __init__(self, file: int, path: Path, observer: PairObserver) -> None:
        self._file = file
        self._path = path
        self._observer = observer
        self.written = 0
        self.lost = 0

    def add(self, pair: Pair) -> None:
        """Write a line. If that fails the pair is lost, and the first loss is logged."""
        try:
            lines.append(self._file, json.dumps(asdict(pair)).encode("ascii") + b"\n")
        except OSError as error:
            if not self.lost:
                log.warning("pairs are lost", extra={"file": str(self._path), "reason": error.strerror})
            self.lost += 1
            self._observer.paired("lost")
        else:
            self.written += 1
            self._observer.paired("written")


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    """Provide the file, checked and locked, at the end of a line."""
    file = lines.opened(OPTION, path, OTHERS)
    try:
        lines.end_last(OPTION, file, path)
        yield file
    finally:
        os.close(file)
