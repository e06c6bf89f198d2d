"""Base data: texts that the gate has been read with, replayed so that what is learned changes nothing of the old.

Parts, told by a hash of the text alone, so that they are the same ones every time:
1. `fitted`: the fit is held still there.
2. `quiet`: how far a correction must reach until it counts is measured there.
3. `tested`: held out of both; the gate of tests looks at it.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from learning.rows import Row, read_rows

BUNDLED = Path(__file__).resolve().parent.parent / "models" / "replay" / "texts.jsonl"
_PARTS = 4


@dataclass(frozen=True, slots=True)
class Base:
    """The rows of each part."""

    fitted: tuple[Row, ...]
    quiet: tuple[Row, ...]
    tested: tuple[Row, ...]

    @property
    def background(self) -> list[str]:
        """The texts that a fit is held still at."""
        return [row.text for row in self.fitted]


def read_base(paths: Sequence[Path]) -> Base:
    """Return the bundled texts and those of the files. LearnError for a row that is broken."""
    rows = {row.text: row for path in (BUNDLED, *paths) for row in read_rows(path)}.values()
    parts: list[list[Row]] = [[] for _ in range(_PARTS)]
    for row in rows:
        parts[part_of(row.text, _PARTS)].append(row)
    return Base(fitted=(*parts[2], *parts[3]), quiet=tuple(parts[1]), tested=tuple(parts[0]))


def part_of(text: str, parts: int) -> int:
    """Return in which of so many parts a text is."""
    return int.from_bytes(hashlib.blake2b(text.encode(errors="replace"), digest_size=4).digest()) % parts
