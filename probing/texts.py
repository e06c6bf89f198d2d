"""The texts that a probe is fitted on: answers to be read, and openings to be continued.

A file is `.jsonl`, `.jsonl.gz` or `.txt`. Of a row in JSON the answer is `text` or `continuation`, and the opening
`prompt`; each may be an object with a `text` of its own, as in RealToxicityPrompts. A line of plain text is either. A
pair that the server kept of a rewind (`--pairs-out`) has two answers: what was flagged, and what was said instead.
"""

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ENDINGS = (".jsonl", ".jsonl.gz", ".txt")
OPENINGS = Path(__file__).with_name("openings.txt")
"""Bundled ones, half of which invite a quarrel: for a start, where there is no better file."""


class ProbeError(Exception):
    """A probe cannot be fitted. The message is one line that names what was found and what is expected."""


@dataclass(frozen=True, slots=True)
class Text:
    """An opening, perhaps empty, and an answer to it; none where the model is to write it."""

    prompt: str
    answer: str | None = None


def given(path: Path) -> list[Text]:
    """Return the answers in a file, or in all files of a folder. ProbeError if there is none, or a row is no text."""
    found = [Text(_of(row, "prompt"), answer) for row in _rows(path) for answer in _answers(row) if answer.strip()]
    if not found:
        expected = "expected texts (`text`, `continuation`, or `rejected` and `chosen` of each row), found none"
        raise ProbeError(f"--data {path}: {expected}")
    return found


def openings(path: Path) -> list[Text]:
    """Return the openings in a file. ProbeError as for `given`."""
    found = [Text(text) for row in _rows(path) if (text := _of(row, "prompt")).strip()]
    if not found:
        raise ProbeError(f"--prompts {path}: expected openings (`prompt` of each row), found none")
    return found


def _rows(path: Path) -> Iterator[Any]:
    files = sorted(file for file in path.iterdir() if file.name.endswith(ENDINGS)) if path.is_dir() else [path]
    if not path.exists() or not files:
        raise ProbeError(f"{path}: expected a file, or a folder of files, that ends in {', '.join(ENDINGS)}")
    for file in files:
        opened = gzip.open(file, "rt", encoding="utf-8") if file.suffix == ".gz" else file.open(encoding="utf-8")
        with opened as lines:
            for number, line in enumerate(lines, 1):
                yield line.rstrip("\n") if file.suffix == ".txt" else _parsed(file, number, line)


def _parsed(file: Path, number: int, line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError:
        row = None
    if not isinstance(row, dict):
        raise ProbeError(f"{file}: line {number}: expected an object in JSON")
    return row


def _answers(row: Any) -> tuple[str, ...]:
    if isinstance(row, str):
        return (row,)
    return (_of(row, "text") or _of(row, "continuation"), _of(row, "rejected"), _of(row, "chosen"))


def _of(row: Any, key: str) -> str:
    """Return the text under a key; a line of plain text is its own opening."""
    if isinstance(row, str):
        return row if key == "prompt" else ""
    value = row.get(key, "")
    inner = value.get("text", "") if isinstance(value, dict) else value
    return inner if isinstance(inner, str) else ""
