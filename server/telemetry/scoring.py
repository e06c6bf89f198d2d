"""Metrics of the scorer: how long it takes, what waits for it, what its screen clears, and how it fails."""

from prometheus_client import CollectorRegistry, Gauge

from filters.call import URGENCIES, Urgency
from filters.scorer import REASONS, Reason
from server.telemetry.children import Children, Maker

# A classifier pass takes milliseconds on a GPU, tens to hundreds of them on a CPU, and is given up after some seconds.
_SCORING_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_BATCH_BUCKETS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class ScoringMetrics:
    """What the scorer does; the ports `BatchObserver` and `CascadeObserver` of `filters` say what each call means."""

    def __init__(self, registry: CollectorRegistry) -> None:
        made = Maker(registry)
        self._scoring = made.histogram(
            "unsay_scoring_seconds",
            "Seconds that one forward pass of the scorer took, waiting in the queue not included.",
            _SCORING_BUCKETS,
        )
        self._batch_size = made.histogram(
            "unsay_scoring_batch_size", "Texts in one forward pass of the scorer.", _BATCH_BUCKETS
        )
        kinds = ", ".join(URGENCIES)
        self._queue = Children(
            Gauge(
                "unsay_scoring_queue_depth",
                f"Texts that wait for the scorer, by urgency: {kinds}.",
                ("urgency",),
                registry=registry,
                multiprocess_mode="livesum",
            )
        )
        self._dropped = made.counters(
            "unsay_scoring_dropped",
            "Texts that were never scored because nobody waited for them any more, by urgency.",
            ("urgency",),
        )
        for urgency in URGENCIES:
            self._queue.of(urgency)
            self._dropped.of(urgency)
        self._screened = made.counters(
            "unsay_screened",
            "Texts cleared by the screen, or judged by the classifier; passes in which the screen failed.",
            ("outcome",),
        )
        for outcome in ("cleared", "judged", "failed"):
            self._screened.of(outcome)
        self._failures = made.counters(
            "unsay_scorer_failures",
            f"Calls for scores that failed, by reason: {', '.join(REASONS)}.",
            ("reason",),
        )
        for reason in REASONS:
            self._failures.of(reason)

    def batch_scored(self, size: int, seconds: float) -> None:
        self._batch_size.observe(size)
        self._scoring.observe(seconds)

    def queue_depth(self, urgency: Urgency, depth: int) -> None:
        self._queue.of(urgency).set(depth)

    def dropped(self, urgency: Urgency, texts: int) -> None:
        self._dropped.of(urgency).inc(texts)

    def screened(self, cleared: int, judged: int) -> None:
        self._screened.of("cleared").inc(cleared)
        self._screened.of("judged").inc(judged)

    def screen_failed(self) -> None:
        self._screened.of("failed").inc()

    def scorer_failed(self, reason: Reason) -> None:
        self._failures.of(reason).inc()
