"""Reading an audit log back, over all of its files: what it says, and whether anything was changed or is gone.

1. Files are taken in the order of their first records, whatever order they are named in; those that end with `.gz` are
   read as such.
2. The first line that does not fit is named. Changed or gone in the middle: lines after it prove it. Cut at the end:
   the last line is not whole, or the one whose hash was kept elsewhere is not there.
3. What nobody can tell: whole lines gone from the end, where no hash was kept, and a log written anew from its start.
"""

import gzip
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from server.audit.line import Head, Line, read
from server.errors import StartError

State = Literal["whole", "cut", "broken"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found: the state of a log, in words too, how many records and chains there are, and the last line."""

    state: State
    words: str
    records: int = 0
    chains: int = 0
    head: Head = field(default_factory=Head)
    ended: bool = False
    """Whether the server that wrote the last line had ended in order."""


def in_order(paths: Sequence[Path]) -> list[Path]:
    """Return the files by the time of their first records; empty ones are left out. StartError for no audit log."""
    found: list[tuple[str, int, Path]] = []
    for path in paths:
        if next(_raw(path), None) is None:
            continue
        first = next((line for _, _, line in lines(path) if line is not None), None)
        if first is None:
            raise StartError(f"{path}: no audit log; name files that --audit-out wrote")
        found.append((str(first.said["time"]), first.head.seq, path))
    return [path for _, _, path in sorted(found, key=lambda each: each[:2])]


def lines(path: Path) -> Iterator[tuple[int, bytes, Line | None]]:
    """Yield number, bytes and content of every line of a file."""
    for number, raw in enumerate(_raw(path), 1):
        yield number, raw, read(raw.removesuffix(b"\n"))


def verify(paths: Sequence[Path], kept: str | None = None) -> Finding:
    """Return what is found in files that are in order. `kept`: the hash of a line, which has to be there."""
    walk = _Walk(kept)
    for path in paths:
        for number, raw, line in lines(path):
            if (finding := walk.step(f"{path}:{number}", raw, line)) is not None:
                return finding
    return walk.end()


class _Walk:
    """From line to line."""

    def __init__(self, kept: str | None) -> None:
        self._kept = kept
        self._seen = kept is None
        self._head = Head()
        self._torn: str | None = None
        self._records = 0
        self._chains = 0
        self._last = ""
        self._before = ""

    def step(self, place: str, raw: bytes, line: Line | None) -> Finding | None:
        """Take a line; return what is wrong, if the walk is over."""
        if line is None and not raw.endswith(b"\n"):
            self._torn = place  # at the end of this file; the next one tells whether anything else is gone
            return None
        if line is None:
            return self._broken(f"{place}: is no record: it was changed, or something was put in")
        if not line.proven:
            return self._broken(f"{place}: record {line.head.seq} was changed: it does not have the hash that it says")
        if not self._records and line.said["prev"] is not None:
            self._before = f"; it goes on from record {line.head.seq - 1}, which is not in these files"
        elif line.said["prev"] != self._head.hash and not self._begins(line):
            return self._broken(f"{place}: record {line.head.seq} {self._misfit(line)}")
        self._chains += not self._records or line.said["prev"] is None
        self._head = line.head
        self._records += 1
        self._last = str(line.said["kind"])
        self._seen |= line.hash == self._kept
        return None

    def end(self) -> Finding:
        """Return what is found at the end."""
        if self._torn is not None:
            return self._found("cut", f"{self._torn}: is not whole: a crash, or the end was cut off in it")
        if not self._seen:
            words = f"the record with the hash {self._kept} is gone, cut off at the end with all after it"
            return self._found("cut", words)
        ended = "" if self._last == "end" else ", without an end: its server runs, or was killed, or the end is cut off"
        return self._found("whole", f"every record fits{ended}{self._before}")

    def _begins(self, line: Line) -> bool:
        """Return whether a line begins a chain of its own."""
        return line.said["prev"] is None and line.said["kind"] == "begin" and line.head.seq == 0

    def _misfit(self, line: Line) -> str:
        gone = line.head.seq - self._head.seq - 1
        if gone > 0:
            return f"follows {self._head.seq}: {gone} between them are gone"
        return f"does not follow the one before, {self._head.seq}: that one was changed, or lines were moved or put in"

    def _broken(self, words: str) -> Finding:
        return self._found("broken", words)

    def _found(self, state: State, words: str) -> Finding:
        return Finding(state, words, self._records, self._chains, self._head, self._last == "end")


def _raw(path: Path) -> Iterator[bytes]:
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            yield from file
    except (OSError, EOFError) as error:
        raise StartError(f"{path}: {getattr(error, 'strerror', None) or error}; name files that can be read") from None
