"""An audit log in numbers: answers by day, action, category, policy, key and gate, as tables in Markdown."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from reporting.markdown import table
from server.guard.state import ACTIONS

_BY = {"day": "day (UTC)", "policy": "policy", "key": "key", "scorer": "scorer", "language": "language"}
_SHORT = 12


@dataclass
class Counts:
    """What the records of a log come to."""

    answers: int = 0
    lost: int = 0
    rewinds: int = 0
    spans: Counter[str] = field(default_factory=Counter)
    flagged: Counter[str] = field(default_factory=Counter)
    """Answers of which something was flagged, by category."""
    highest: dict[str, float] = field(default_factory=dict)
    """The highest score that left, or that an answer was withheld for."""
    by: dict[str, Counter[tuple[str, str]]] = field(default_factory=lambda: {name: Counter() for name in _BY})
    """Answers by what `_BY` lists, and action."""
    versions: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Answers by the hash of their policy, with its name, and of the gate."""
    first: str = ""
    last: str = ""

    def add(self, said: Mapping[str, Any]) -> None:
        """Count a record."""
        if said["kind"] == "gap":
            self.lost += said["lost"]
        if said["kind"] != "answer":
            return
        self.answers += 1
        self.first = self.first or said["time"]
        self.last = said["time"]
        self.rewinds += said["rewinds"]
        self.spans.update(said["verdicts"])
        self.flagged.update(said["detected"])
        for category, score in said["scores"].items():
            self.highest[category] = max(score, self.highest.get(category, 0.0))
        for name, value in {**said, "day": said["time"][:10]}.items():
            if name in self.by:
                self.by[name][str(value), said["action"]] += 1
        self.versions[f"{said['policy']} {said['policy_hash'][:_SHORT]}", str(said["gate"])[:_SHORT]] += 1


def counted(records: Iterable[Mapping[str, Any]]) -> Counts:
    """Return what records come to."""
    counts = Counts()
    for said in records:
        counts.add(said)
    return counts


def written(counts: Counts) -> str:
    """Return the report."""
    spans = ", ".join(f"{count} {verdict}" for verdict, count in counts.spans.items())
    head = (
        f"{counts.answers} answers from {counts.first or '-'} to {counts.last or '-'}; spans: {spans or 'none'};"
        f" {counts.rewinds} rewinds; {counts.lost} records lost."
    )
    tables = [_by(title, counts.by[name]) for name, title in _BY.items()]
    categories = sorted(counts.highest.keys() | counts.flagged.keys())
    flagged = table(
        ("category", "answers with flagged spans", "highest score released or refused for"),
        [(name, str(counts.flagged[name]), f"{counts.highest.get(name, 0):.4f}") for name in categories],
    )
    versions = table(
        ("policy and its hash", "gate", "answers"),
        [(policy, gate, str(count)) for (policy, gate), count in sorted(counts.versions.items())],
    )
    return "\n\n".join([head, *tables, flagged, versions]) + "\n"


def _by(title: str, counts: Counter[tuple[str, str]]) -> str:
    actions = [action for action in ACTIONS if any(done == action for _, done in counts)]
    names = sorted({name for name, _ in counts})
    return table((title, "answers", *actions), [_row(name, actions, counts) for name in names])


def _row(name: str, actions: Sequence[str], counts: Counter[tuple[str, str]]) -> list[str]:
    each = [counts[name, action] for action in actions]
    return [name, str(sum(each)), *map(str, each)]
