"""What the audit log says of one choice: no text, unless its policy has it kept (`audit_text`)."""

from typing import Any

from server.generation.answered import Answered
from server.generation.tally import FlaggedSpan
from server.hashing import hashed, policy_hash
from server.policy.policy import AuditText


def record(answered: Answered, gate: str | None) -> dict[str, Any]:
    """Return the facts of a choice. `gate` is the hash of what judges."""
    report, policy = answered.report, answered.policy
    cleared = report.spans_scored - report.spans_flagged
    said = {
        "response": answered.response,
        "choice": answered.choice,
        "key": answered.key.name,
        "policy": report.policy,
        "policy_hash": policy_hash(policy),
        "gate": gate,
        "learned": report.gate.partition("+")[2] or None,
        "scorer": report.scorer,
        "mode": report.mode,
        "action": report.action,
        "finish_reason": answered.finish_reason,
        "verdicts": {"cleared": cleared, "flagged": report.spans_flagged, "failed": report.spans_failed},
        "scores": {category: round(score, 4) for category, score in report.scores.items()},
        "detected": sorted(report.detected),
        "rewinds": report.rewinds,
        "strategies": list(report.strategies),
        "flagged": [_flagged(span, policy.audit_text) for span in report.flagged],
        "tokens": {"generated": report.tokens_generated, "discarded": report.tokens_discarded},
        "language": report.language,
    }
    if report.prompt is not None:
        said["prompt"] = report.prompt.as_dict()
    said |= {key: value for key in ("scorer_failure", "cut_short") if (value := getattr(report, key))}
    return said | _kept(answered.text, policy.audit_text)


def _flagged(span: FlaggedSpan, audit_text: AuditText) -> dict[str, Any]:
    where = {"attempt": span.attempt, "start": span.start, "end": span.end}
    scores = {category: round(score, 4) for category, score in span.scores.items()}
    return {**where, "scores": scores, **_kept(span.text, audit_text)}


def _kept(text: str | None, audit_text: AuditText) -> dict[str, str]:
    if text is None or audit_text == "none":
        return {}
    return {"text": text} if audit_text == "full" else {"text_sha256": hashed(text)}
