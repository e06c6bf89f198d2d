"""What happened to one choice: every fact is told to the observer once, and kept for the report.

Tokens: released + discarded = drafted + inserted by policy. Those of a candidate that is put back were both.
Rewinds: one outcome each, when it is known. A choice that is cut short leaves its last rewind without one.
"""

from collections.abc import Mapping

from filters.thresholds import Thresholds
from filters.verdict import Flagged, Verdict
from server.generation.observer import NO_CATEGORY, Observer, Outcome
from server.generation.report import Tally
from server.guard.commands import Way
from server.policy.policy import Policy


class Ledger:
    """The facts of one choice of a request under `policy`, answered by `model`."""

    def __init__(self, observer: Observer, policy: Policy, model: str) -> None:
        self._observer, self._policy, self._model = observer, policy.name, model
        self._thresholds = Thresholds(policy.thresholds)
        self._unsettled: Way | None = None
        self.tally = Tally()

    def judged(self, verdict: Verdict) -> None:
        """A window has its verdict, whatever becomes of it."""
        self._observer.scores_seen(verdict.scores)
        self.tally.judged()
        if isinstance(verdict, Flagged):
            self._observer.span_judged("flagged", verdict.category, self._policy, self._model)
            exceeded = self._thresholds.exceeded(verdict.scores)
            self.tally.flagged({category: verdict.scores[category] for category in exceeded})
        else:
            self._observer.span_judged("cleared", NO_CATEGORY, self._policy, self._model)

    def unjudged(self, reason: str) -> None:
        """The scorer gave no verdict on a window."""
        self._observer.span_judged("failed", NO_CATEGORY, self._policy, self._model)
        self.tally.failed(reason)

    def let_through(self, scores: Mapping[str, float]) -> None:
        """Text with these scores may leave."""
        self.tally.keep(scores)

    def released(self, count: int) -> None:
        if count:
            self._observer.tokens("released", count)

    def discarded(self, count: int) -> None:
        if count:
            self._observer.tokens("discarded", count)

    def rewound(self, strategy: Way) -> None:
        """A flagged window leads to a rewind; one that was still open has failed with it."""
        self.settled("flagged")
        self.tally.tried(strategy)
        self._unsettled = strategy

    def inserted(self, what: str) -> None:
        """The budget is spent: the policy's mask or candidate stands in."""
        self.settled("exhausted")
        self.tally.tried(what)

    def settled(self, outcome: Outcome) -> None:
        """It is known what became of the last rewind, if one was open."""
        if self._unsettled is not None:
            self._observer.rewound(self._unsettled, outcome)
            self._unsettled = None
