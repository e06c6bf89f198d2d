"""Metrics of feedback: what is said, and what becomes of the answers that it may be about."""

from prometheus_client import CollectorRegistry, Counter

from server.feedback.recorder import FATES, Fate
from server.feedback.verdicts import VERDICTS, Verdict
from server.telemetry.children import Children


class FeedbackMetrics:
    """How feedback fares; the port `FeedbackObserver` says what each call means."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._given = Children(
            Counter(
                "unsay_feedback",
                f"Verdicts of users on answers, each counted once: {', '.join(VERDICTS)}.",
                ("verdict",),
                registry=registry,
            )
        )
        self._recorded = Children(
            Counter(
                "unsay_answers_recorded",
                "Choices whose record was written, dropped since the database is slow or down, or refused by it.",
                ("fate",),
                registry=registry,
            )
        )
        for verdict in VERDICTS:
            self._given.of(verdict)
        for fate in FATES:
            self._recorded.of(fate)
        self._failed = Counter(
            "unsay_feedback_failures",
            "Times that feedback asked its database, and it did not answer.",
            registry=registry,
        )

    def feedback_given(self, verdict: Verdict) -> None:
        """Count a verdict that is in the database, and was not before."""
        self._given.of(verdict).inc()

    def answers_recorded(self, fate: Fate, count: int) -> None:
        """Count rows by what became of them."""
        self._recorded.of(fate).inc(count)

    def feedback_failed(self) -> None:
        """Count a time that the database did not answer."""
        self._failed.inc()
