"""Files of JSON lines, read strictly: what does not fit is one line that names the file and the line.

A row of texts has `text`, `label` (true or false, 1 or 0), and maybe spans: `spans` ([[start, end], ...]) or `span`.
HateCheck's own names do too: `test_case`, `label_gold` ("hateful", "non-hateful"), `hateful`.
"""

import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from learning.errors import LearnError

_TEXTS = ("text", "test_case")
_LABELS = ("label", "label_gold", "hateful", "toxic")
_MEANINGS: Mapping[object, bool] = {True: True, False: False, "hateful": True, "non-hateful": False}
MOST_CHARACTERS = 10_000

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Row:
    """A text, whether it is of the category (or toxic), and where, if that was said. `line` counts from 1."""

    text: str
    label: bool
    spans: tuple[Span, ...] = ()
    line: int = 0


def read_rows(path: Path) -> list[Row]:
    """Return the rows of a file. LearnError for the first that is broken, or if there is none."""
    rows = [_row(f"{path}: line {line}", line, said) for line, said in lines(path)]
    if not rows:
        raise LearnError(path, "found no row, expected JSON lines with text and label")
    return rows


def lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the objects of a file of JSON lines, gzipped if its name says so, with their numbers from 1."""
    try:
        data = path.read_bytes()
        text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8")
    except (OSError, ValueError, EOFError) as error:
        raise LearnError(path, f"expected a readable file of JSON lines in UTF-8 ({type(error).__name__})") from None
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield number, _object(f"{path}: line {number}", line)


def _object(where: str, line: str) -> dict[str, Any]:
    try:
        said = json.loads(line)
    except ValueError:
        raise LearnError(where, "expected a JSON object in one line") from None
    if not isinstance(said, dict):
        raise LearnError(where, f"found {type(said).__name__}, expected a JSON object")
    return said


def _row(where: str, line: int, said: Mapping[str, Any]) -> Row:
    text = text_of(where, _first(said, _TEXTS), "text")
    label = _first(said, _LABELS)
    if not isinstance(label, bool | int | str) or label not in _MEANINGS:
        raise LearnError(where, f"label: found {_shown(label)}, expected true or false, or 1 or 0")
    spans = said.get("spans", [said["span"]] if said.get("span") is not None else [])
    if not isinstance(spans, list):
        raise LearnError(where, f"spans: found {_shown(spans)}, expected a list of [start, end]")
    found = tuple(span_of(where, span, text) for span in spans)
    if found and not _MEANINGS[label]:
        raise LearnError(where, "spans: only a text of the category has them")
    return Row(text, _MEANINGS[label], found, line)


def text_of(where: str, text: object, key: str) -> str:
    """Return a text that can be learned from. LearnError if it is none, empty, or too long."""
    if not isinstance(text, str) or not text.strip():
        raise LearnError(where, f"{key}: found {_shown(text)}, expected a text")
    if len(text) > MOST_CHARACTERS:
        raise LearnError(where, f"{key}: found {len(text)} characters, expected at most {MOST_CHARACTERS}")
    return text


def span_of(where: str, span: object, text: str) -> Span:
    """Return a span within a text. LearnError if it is none."""
    match span:
        case [int(start), int(end)] if 0 <= start < end <= len(text):
            return (start, end)
    raise LearnError(where, f"span: expected [start, end] in characters, within the text's {len(text)}")


def _first(said: Mapping[str, Any], keys: Sequence[str]) -> Any:
    return next((said[key] for key in keys if key in said), None)


def _shown(value: object) -> str:
    """Show a value that is no text of anybody's: its kind, or itself if it is short."""
    return "nothing" if value is None else repr(value)[:24]
