"""The second phase: scores of what was generated, kept in a separate file, so that each is computed once.

A line is a generation's key, `by` (the name of who scored) and `value`. Another judge adds lines and leaves the others.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from evaluation.errors import EvaluationError
from evaluation.journal import Journal
from evaluation.records import Generation, Key, key_as_json, key_of
from reporting.progress import Advance

BATCH = 32

Values = Mapping[Key, Any]
Bar = Callable[[str, int, int], AbstractContextManager[Advance]]
"""Opens a progress bar: name, total, done."""


def scored(
    path: Path,
    by: str,
    generations: Sequence[Generation],
    score: Callable[[Sequence[Generation]], Sequence[Any]],
    bar: Bar,
) -> Values:
    """Return the value of every generation: from the file, or computed by `score` in batches, and added."""
    with Journal(path) as journal:
        found = _kept(journal, by)
        missing = _by_content(generation for generation in generations if generation.key not in found)
        count = sum(map(len, missing))
        with bar(path.stem, len(generations), len(generations) - count) as advance:
            for start in range(0, len(missing), BATCH):
                batch = missing[start : start + BATCH]
                values = score([alike[0] for alike in batch])
                fresh = {g.key: value for alike, value in zip(batch, values, strict=True) for g in alike}
                journal.append({**key_as_json(key), "by": by, "value": value} for key, value in fresh.items())
                found.update(fresh)
                advance(len(fresh))
    return found


def _by_content(generations: Iterable[Generation]) -> list[list[Generation]]:
    """Group those that say the same after the same prompt (as modes do where nothing is flagged), by length."""
    found: dict[tuple[str, str], list[Generation]] = {}
    for generation in generations:
        found.setdefault((generation.prompt, generation.text), []).append(generation)
    return [found[content] for content in sorted(found, key=lambda content: sum(map(len, content)))]


def _kept(journal: Journal, by: str) -> dict[Key, Any]:
    try:
        return {key_of(row): row["value"] for row in journal.rows() if row["by"] == by}
    except (LookupError, TypeError, ValueError):
        raise EvaluationError(f"{journal.path}: is not a file of scores; delete it, and it is made anew") from None
