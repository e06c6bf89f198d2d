"""Choices that are over, and a log of them."""

from collections import Counter
from pathlib import Path
from typing import Any

from server.audit.file import AuditFile, Failing, Keeping, Syncing
from server.generation.answered import Answered
from server.generation.report import Report
from server.generation.tally import FlaggedSpan
from server.keys.key import Key
from server.policy.policy import Policy

SPAN = FlaggedSpan(0, 5, 11, {"insult": 0.91}, "idiot!")


class Counted(Counter[str]):
    """Counts what became of records and pairs."""

    def audited(self, fate: str) -> None:
        self[fate] += 1

    def paired(self, fate: str) -> None:
        self[f"pair {fate}"] += 1


def answered(number: int = 0, *, text: str | None = "You friend!", key: str = "app", **report: Any) -> Answered:
    facts: dict[str, Any] = {
        "action": "rewound",
        "rewinds": 1,
        "spans_scored": 3,
        "spans_flagged": 1,
        "scores": {"insult": 0.12345, "toxicity": 0.1},
        "detected": frozenset({"insult"}),
        "flagged": (SPAN,),
        "scorer": "scripted",
        "language": "en",
    }
    policy: Policy = report.pop("policy", Policy())
    made = Report(policy.name, policy.mode, **facts | report)
    return Answered(f"chatcmpl-{number}", 0, Key(key), policy, made, "stop", text)


def opened(path: Path, failing: Failing = "closed", syncing: Syncing = "second") -> tuple[AuditFile, Counted]:
    counts = Counted()
    return AuditFile(path, Keeping(failing, syncing, "ab" * 32), counts), counts


def log(path: Path, answers: int = 4) -> list[bytes]:
    """A log with its beginning and its end; its lines."""
    audit, _ = opened(path)
    for number in range(answers):
        audit.keep_rest(answered(number))
    audit.close()
    return path.read_bytes().splitlines(keepends=True)
