"""A file of JSON lines that only grows, so that a run that was cut short goes on where it stopped.

1. Lines are written whole, and only this file's owner may read them: they hold what the model said unguarded.
2. A last line without its end was being written when the run was cut short: it is dropped and generated again.
3. Any other line that is not JSON is an error: the file was changed by something else.
4. One run at a time writes to a file.
"""

import fcntl
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from evaluation.errors import EvaluationError

OWNER_ONLY = 0o600


class Journal:
    """A context manager: opened and locked when entered. EvaluationError if another run holds it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = -1

    def __enter__(self) -> "Journal":
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, OWNER_ONLY)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.__exit__(None, None, None)
            message = f"--out: {self.path} is being written by another run; wait for it, or choose another folder"
            raise EvaluationError(message) from None
        self._drop_torn_line()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._file)

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield every line, from the first. EvaluationError naming a line that is not a JSON object."""
        with self.path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                yield self._row(number, line)

    def append(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Add a line for each object, all in one piece."""
        data = "".join(json.dumps(row, ensure_ascii=True) + "\n" for row in rows).encode("ascii")
        while data:
            data = data[os.write(self._file, data) :]

    def _row(self, number: int, line: str) -> dict[str, Any]:
        try:
            row = json.loads(line)
        except ValueError:
            row = None
        if not isinstance(row, dict):
            raise EvaluationError(
                f"{self.path}: line {number} is not a JSON object; take the line out, or choose another --out"
            )
        return row

    def _drop_torn_line(self) -> None:
        data = self.path.read_bytes()
        os.ftruncate(self._file, data.rfind(b"\n") + 1)
