"""Metrics of what was learned beside the classifier: which version judges, and how a candidate compares with it."""

from prometheus_client import CollectorRegistry, Counter, Gauge

from filters.scorers.shadow import AGREEMENTS, Agreement
from server.telemetry.children import Children

_NONE = "none"


class LearningMetrics:
    """The port `server.learned.LearnedObserver` says what each call means."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._learned = Gauge(
            "unsay_learned_info",
            "1 for the version of what was learned that judges, with the one compared with it; 0 for those before.",
            ("current", "candidate"),
            registry=registry,
            multiprocess_mode="mostrecent",
        )
        self._said = (_NONE, _NONE)
        self.learned("", "")
        self._compared = Children(
            Counter(
                "unsay_shadow_compared",
                f"Texts that a candidate has scored too, by who flags them: {', '.join(AGREEMENTS)}.",
                ("flagged_by",),
                registry=registry,
            )
        )
        for agreement in AGREEMENTS:
            self._compared.of(agreement)

    def learned(self, current: str, candidate: str) -> None:
        self._learned.labels(*self._said).set(0)  # several processes cannot take a series back
        self._said = (current or _NONE, candidate or _NONE)
        self._learned.labels(*self._said).set(1)

    def compared(self, agreement: Agreement) -> None:
        self._compared.of(agreement).inc()
