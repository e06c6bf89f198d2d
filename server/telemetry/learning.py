"""Metrics of what was learned beside the classifier: which version judges, and what the candidate's shadow sees."""

from prometheus_client import CollectorRegistry, Counter, Gauge

from filters.scorers.shadow import AGREEMENTS, Agreement
from server.telemetry.children import Children

_NONE = "none"


class LearningMetrics:
    """The port `server.learned.LearnedObserver` says what each call means."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._learned = Gauge(
            "unsay_learned_info",
            "Always 1; the labels say which version of what was learned judges here, and which is compared with it.",
            ("current", "candidate"),
            registry=registry,
            multiprocess_mode="mostrecent",
        )
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
        self._learned.clear()
        self._learned.labels(current or _NONE, candidate or _NONE).set(1)

    def compared(self, agreement: Agreement) -> None:
        self._compared.of(agreement).inc()
