"""From an answered request to the rows of its choices, and which of them a reviewer should see.

1. No more text is in a row than its policy keeps.
2. Worth a reviewer's eye is what was reported, what probe and classifier disagree about, what came near to a threshold,
   what was rewound, and a random sample of the rest, in this order.
"""

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from filters.scorer import ScorerUnavailable
from server.feedback.tables import MOST_ID
from server.generation.report import Report
from server.generation.request import GuardedRequest
from server.generation.telling import ChoiceRecord
from server.hashing import hashed, policy_hash
from server.policy.policy import Policy
from server.policy.standard import standard

NEAR = 0.1
"""How far below its threshold a score may be to be near it."""
DISAGREES = 0.5
"""From how far apart on probe and classifier disagree."""
MOST_SPANS = 256
"""Of one choice; a monitored answer may have been flagged in more windows."""
NOT_SEEN, SAMPLED, REWOUND, CLOSE, DISAGREED, REPORTED = range(6)
"""What `interest` counts."""

Row = dict[str, Any]


@dataclass(frozen=True)
class Selection:
    """The shares of all answers that are shown to a reviewer, and of those shown that two reviewers see."""

    sample: float = 0.01
    twice: float = 0.2


@dataclass(frozen=True)
class Records:
    """Makes rows. `chance` gives numbers from 0 to 1, `now` seconds since 1970."""

    model: str
    selection: Selection = Selection()
    chance: Callable[[], float] = random.random
    now: Callable[[], float] = time.time

    def rows(self, request: GuardedRequest, response: str) -> list[Row]:
        """Return the rows of an answer, none if its id is too long to be kept. The request forgets its choices."""
        found = [self._row(request, *choice) for choice in _choices(request)]
        request.forget()
        known = {"response_id": storable(response), "user_hash": hashed(request.user) if request.user else None}
        return [{**row, **known} for row in found] if len(response) <= MOST_ID else []

    def _row(self, request: GuardedRequest, choice: int, report: Report, answered: ChoiceRecord | None) -> Row:
        policy = request.policy
        sampled = self.chance() < self.selection.sample
        about = _about(policy, report, answered)
        return {
            "choice": choice,
            "key": request.key.name,
            "model": self.model,
            "policy": policy.name,
            "policy_hash": policy_hash(policy),
            "gate": report.scorer,
            "action": report.action,
            "language": report.language,
            "rewinds": report.rewinds,
            "scores": dict(report.scores),
            "time": self.now(),
            **about,
            "sampled": sampled,
            "interest": _interest(about, report, sampled=sampled),
            "wanted": 2 if self.chance() < self.selection.twice else 1,
            "reviews": 0,
        }


def storable(text: str) -> str:
    """Return a text that every database takes, in which every character stands where it stood."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def _choices(request: GuardedRequest) -> Iterator[tuple[int, Report, ChoiceRecord | None]]:
    """Return the choices of which there is something to be said: one that failed before its first text is none."""
    for choice in sorted({*request.answered, *request.reports}):
        tell, report = request.answered.get(choice), request.reports.get(choice)
        answered = None if tell is None else tell()
        if answered is not None and request.policy.mode == "monitor":
            report = answered.report  # verdicts have come since the answer ended
        if report is not None:
            yield choice, report, answered
        elif answered is not None and answered.text:
            yield choice, answered.report, answered


def _about(policy: Policy, report: Report, answered: ChoiceRecord | None) -> Row:
    """Return what is kept of the text, and what is counted of it."""
    spans = () if answered is None else answered.spans[:MOST_SPANS]
    keeps, keeps_all = answered is not None and policy.keep_text != "none", policy.keep_text == "all"
    prompt = answered.prompt if answered is not None else None
    return {
        "margin": _margin(policy, report),
        "disagreement": None if answered is None else answered.disagreement,
        "characters": None if answered is None else len(answered.text),
        "spans": [
            {"start": each.start, "end": each.end, "category": each.category, "taken_back": each.taken_back}
            for each in spans
        ],
        "text": storable(answered.text) if answered is not None and keeps else None,
        "prompt": storable(prompt) if prompt is not None and keeps_all else None,
        "rejected": [storable(each.text or "") for each in spans] if answered is not None and keeps_all else None,
    }


def _margin(policy: Policy, report: Report) -> float | None:
    if not report.scores:
        return None
    try:
        return standard(policy).strictest.excess(report.scores)
    except ScorerUnavailable:  # a score that is no number
        return None


def _interest(about: Row, report: Report, *, sampled: bool) -> int:
    """Return how much a reviewer should see it; nobody can judge a text that is not kept."""
    if about["text"] is None:
        return NOT_SEEN
    if (about["disagreement"] or 0.0) >= DISAGREES:
        return DISAGREED
    if about["margin"] is not None and -NEAR <= about["margin"] < 0:
        return CLOSE
    if report.rewinds or about["spans"]:
        return REWOUND
    return SAMPLED if sampled else NOT_SEEN
