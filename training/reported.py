"""Texts that people reported as wrongly blocked or wrongly passed, by kind: `--cases FILE` of the report.

A row has the text (`input`), its kind (`cat`), and what was expected: "flagged" or "not flagged". A text is judged in
its parts too, as the server does. The report prints counts, and no text.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from filters.scorer import Scorer
from filters.scorers.detoxify import DetoxifyScorer
from reporting import markdown
from training.evaluate import Figure, flags, score_in_parts
from training.report_classifier import goal
from training.setting import Setting

_BENIGN_GOAL, _TOXIC_GOAL = 0.05, 0.12
_EXPECTED = {"flagged": True, "not flagged": False}


@dataclass(frozen=True, slots=True)
class Case:
    """A reported text, its kind, and whether it should be flagged."""

    text: str
    kind: str
    toxic: bool


def read_cases(path: Path) -> list[Case]:
    """Return the cases of a file of JSON lines. OSError, KeyError if a row lacks a field or expects something else."""
    with path.open(encoding="utf-8") as lines:
        rows: list[Mapping[str, str]] = [json.loads(line) for line in lines]
    return [Case(row["input"], row["cat"], _EXPECTED[row["expected"]]) for row in rows]


def wrong(scorer: Scorer, cases: Sequence[Case]) -> list[bool]:
    """Return for each case whether the default policy gets it wrong."""
    _, found = score_in_parts(scorer, [case.text for case in cases])
    return [flags(highest) != case.toxic for highest, case in zip(found, cases, strict=True)]


def figures(cases: Sequence[Case], wrongly: Sequence[bool]) -> list[Figure]:
    """Return the shares that are wrongly flagged and missed, with their goals."""
    benign = [is_wrong for case, is_wrong in zip(cases, wrongly, strict=True) if not case.toxic]
    toxic = [is_wrong for case, is_wrong in zip(cases, wrongly, strict=True) if case.toxic]
    return [
        Figure("Reported cases", "benign flagged", _share(benign), len(benign), _BENIGN_GOAL, less_is_better=True),
        Figure("Reported cases", "toxic missed", _share(toxic), len(toxic), _TOXIC_GOAL, less_is_better=True),
    ]


def _share(every: Sequence[bool]) -> float:
    return sum(every) / len(every) if every else float("nan")


def by_kind(cases: Sequence[Case], wrongly: Sequence[bool]) -> str:
    """Return a table of the kinds of which one is wrong."""
    kinds = sorted({(case.toxic, case.kind) for case in cases})
    rows = []
    for toxic, kind in kinds:
        own = [bad for case, bad in zip(cases, wrongly, strict=True) if (case.toxic, case.kind) == (toxic, kind)]
        if any(own):
            rows.append((kind, "missed" if toxic else "flagged", f"{sum(own)} of {len(own)}"))
    return markdown.table(("kind", "wrongly", "cases"), rows)


def blocks(setting: Setting) -> Iterator[str]:
    """Yield this part of the report; nothing without a file of cases."""
    if setting.cases is None:
        return
    yield "## Reported cases"
    cases = read_cases(setting.cases)
    for folder in (setting.classifier, *setting.against):
        wrongly = wrong(DetoxifyScorer.load(str(folder)), cases)
        for figure in figures(cases, wrongly):
            yield f"{folder.name}: {figure.name} {figure.value:.1%} of {figure.texts} (goal {goal(figure)})"
        yield by_kind(cases, wrongly)
