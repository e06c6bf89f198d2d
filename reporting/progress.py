"""How far long work is, and how long it still takes: a bar on a terminal, elsewhere a line now and then.

Always on standard error. Where nobody watches there is one line at the start, one at the end, and at most one a minute
between them: for a log (`tell`), or by themselves.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

Advance = Callable[[int], None]
Tell = Callable[[str], None]
_COLUMNS = (
    TextColumn("{task.description}"),
    BarColumn(),
    MofNCompleteColumn(),
    TimeElapsedColumn(),
    TimeRemainingColumn(),
)
SECONDS_BETWEEN_LINES = 60.0


def say(line: str, file: TextIO | None = None) -> None:
    """Print a line for the person who runs it."""
    Console(stderr=file is None, file=file, soft_wrap=True, highlight=False, markup=False).print(line)


@contextmanager
def progress(
    name: str, total: int, done: int = 0, file: TextIO | None = None, tell: Tell | None = None
) -> Iterator[Advance]:
    """Provide a function to call with the number of things just done. `tell` gets the lines where there is no bar."""
    console = Console(stderr=file is None, file=file)
    if not console.is_terminal:
        yield _Lines(name, total, done, tell or (lambda line: say(line, file))).advance
        return
    with Progress(*_COLUMNS, console=console) as bar:
        task = bar.add_task(name, total=total, completed=done)
        yield lambda count: bar.advance(task, count)


def duration(seconds: float) -> str:
    """Return a time as people say it: `40 s`, `3 min`, `2 h 10 min`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


class _Lines:
    """A line at the start, at the end, and at most every minute between them."""

    def __init__(self, name: str, total: int, done: int, tell: Tell) -> None:
        self._name = name
        self._total = total
        self._done = done
        self._before = done
        self._tell = tell
        self._began = time.monotonic()
        self._told = -SECONDS_BETWEEN_LINES
        self.advance(0)

    def advance(self, count: int) -> None:
        self._done += count
        now = time.monotonic()
        if now - self._told >= SECONDS_BETWEEN_LINES or (self._done >= self._total and count):
            self._told = now
            self._tell(f"{self._name}: {self._done}/{self._total}{self._left(now)}")

    def _left(self, now: float) -> str:
        """Return how long the rest takes, if it is as slow as what was done here."""
        made, missing = self._done - self._before, self._total - self._done
        return f", {duration((now - self._began) / made * missing)} left" if made and missing > 0 else ""
