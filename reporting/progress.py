"""How far a phase is: a bar on a terminal, otherwise a line now and then. Always on standard error."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

Advance = Callable[[int], None]
_COLUMNS = (
    TextColumn("{task.description}"),
    BarColumn(),
    MofNCompleteColumn(),
    TimeElapsedColumn(),
    TimeRemainingColumn(),
)
SECONDS_BETWEEN_LINES = 15.0


def say(line: str, file: TextIO | None = None) -> None:
    """Print a line for the person who runs it."""
    Console(stderr=file is None, file=file, soft_wrap=True, highlight=False, markup=False).print(line)


@contextmanager
def progress(name: str, total: int, done: int = 0, file: TextIO | None = None) -> Iterator[Advance]:
    """Provide a function to call with the number of things just done."""
    console = Console(stderr=file is None, file=file)
    if not console.is_terminal:
        yield _Lines(name, total, done, console).advance
        return
    with Progress(*_COLUMNS, console=console) as bar:
        task = bar.add_task(name, total=total, completed=done)
        yield lambda count: bar.advance(task, count)


class _Lines:
    """A line at the start, at the end, and at most every fifteen seconds between them."""

    def __init__(self, name: str, total: int, done: int, console: Console) -> None:
        self._name, self._total, self._done, self._console = name, total, done, console
        self._told = -SECONDS_BETWEEN_LINES
        self.advance(0)

    def advance(self, count: int) -> None:
        self._done += count
        now = time.monotonic()
        if now - self._told >= SECONDS_BETWEEN_LINES or (self._done >= self._total and count):
            self._told = now
            line = f"{self._name}: {self._done}/{self._total}"
            self._console.print(line, soft_wrap=True, highlight=False, markup=False)
