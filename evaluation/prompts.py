"""The texts to continue, from files in the formats that the field publishes.

A line of text is a prompt of the set named after its file. Of rows (JSON lines or CSV):
- RealToxicityPrompts: `prompt` (a text, or an object with `text`). The set is its `set`; without one, `challenging` if
  the row says so, else `toxic` or `nontoxic` by the prompt's own score (0.5 and above is toxic), else the name of the
  file.
- HateCheck: `test_case` and `label_gold` (or `label`). Only the non-hateful half is taken, as `hatecheck_nonhateful`.
- BOLD: `prompt` and `domain`; each domain is a set, `bold_DOMAIN`. The blank at a prompt's end is left out: no model
  has seen a word begin after it. A text that occurs twice in a set counts once.
"""

import csv
import gzip
import hashlib
import json
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from evaluation.errors import EvaluationError

HATECHECK = "hatecheck_nonhateful"
_TOXIC = 0.5
_EXPECTED = "expected `prompt` (RealToxicityPrompts, BOLD) or `test_case` and `label_gold` (HateCheck)"


@dataclass(frozen=True, slots=True)
class Prompt:
    """A text and the set that its figures count for; `id` is made from the text."""

    set: str
    text: str

    @property
    def id(self) -> str:
        """The first 16 hexadecimal digits of the text's SHA-256."""
        return hashlib.sha256(self.text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def load(paths: Sequence[Path], limit: int | None, seed: int) -> list[Prompt]:
    """Return the prompts of all files, up to `limit` a set, chosen by `seed`. EvaluationError for an unusable file."""
    found = list(dict.fromkeys(prompt for path in paths for prompt in read(path)))
    return found if limit is None else _limited(found, limit, seed)


def read(path: Path) -> list[Prompt]:
    """Return the prompts of one file. EvaluationError naming the line that cannot be used, or if there are none."""
    stem = path.name.removesuffix(".gz").split(".")[0]
    found: list[Prompt] = []
    try:
        with _opened(path) as file:
            for number, row in _rows(path, file):
                found += _prompts(path, number, row, stem)
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise EvaluationError(f"--prompts {path}: cannot be read ({error})") from None
    if not found:
        raise EvaluationError(f"--prompts {path}: holds no prompts; {_EXPECTED}, or lines of text")
    return found


def _opened(path: Path) -> IO[str]:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8", newline="")
    return path.open(encoding="utf-8", newline="")


def _rows(path: Path, file: IO[str]) -> Iterable[tuple[int, Any]]:
    """Yield number and content of each row: an object, or a line of text."""
    name = path.name.removesuffix(".gz")
    if name.endswith(".csv"):
        yield from enumerate(csv.DictReader(file), start=2)
        return
    for number, line in enumerate(file, start=1):
        if line.strip():
            yield number, _object(path, number, line) if name.endswith(".jsonl") else line.rstrip("\r\n")


def _object(path: Path, number: int, line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        raise EvaluationError(f"--prompts {path}: line {number} is not JSON, which a .jsonl file holds") from None


def _prompts(path: Path, number: int, row: Any, stem: str) -> Iterator[Prompt]:
    """Yield the prompt of a row; none of a hateful case."""
    if isinstance(row, str):
        yield Prompt(stem, row)
        return
    label = (row.get("label_gold") or row.get("label")) if isinstance(row, Mapping) else None
    if label == "hateful":
        return
    text = _text(row, label) if isinstance(row, Mapping) else None
    if not isinstance(text, str) or not text.strip():
        raise EvaluationError(f"--prompts {path}: line {number} has no text to go on from; {_EXPECTED}")
    yield Prompt(_set(row, stem), text.rstrip() if "domain" in row else text)


def _text(row: Mapping[str, Any], label: object) -> object:
    if "test_case" in row:
        return row["test_case"] if label == "non-hateful" else None
    prompt = row.get("prompt")
    return prompt.get("text") if isinstance(prompt, Mapping) else prompt


def _set(row: Mapping[str, Any], stem: str) -> str:
    if row.get("set"):
        return str(row["set"])
    if "test_case" in row:
        return HATECHECK
    if "domain" in row:
        return f"bold_{row['domain']}"
    if row.get("challenging") is True:
        return "challenging"
    prompt = row["prompt"]
    toxicity = prompt.get("toxicity") if isinstance(prompt, Mapping) else None
    return stem if toxicity is None else "toxic" if toxicity >= _TOXIC else "nontoxic"


def _limited(prompts: Sequence[Prompt], limit: int, seed: int) -> list[Prompt]:
    """Choose by the seed and the texts, not by their order or by other sets."""
    by_set: dict[str, list[Prompt]] = {}
    for prompt in prompts:
        by_set.setdefault(prompt.set, []).append(prompt)
    chosen: set[Prompt] = set()
    for name, members in by_set.items():
        ordered = sorted(members, key=lambda prompt: prompt.id)
        chosen.update(random.Random(f"{seed}:{name}").sample(ordered, min(limit, len(ordered))))
    return [prompt for prompt in prompts if prompt in chosen]
