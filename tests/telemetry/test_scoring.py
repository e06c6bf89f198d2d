"""Metrics of the scorer: there before anything was counted, and counted."""

from prometheus_client import CollectorRegistry

from server.telemetry.scoring import ScoringMetrics

URGENCIES = ("windows", "prompts", "moderations")


class Page:
    """The scorer's metrics, and what a scrape would find."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.metrics = ScoringMetrics(self.registry)

    def value(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(name, labels)


def test_every_word_is_there_from_the_start() -> None:
    page = Page()
    reasons = ("deadline", "overloaded", "error", "closed")
    assert [page.value("unsay_scorer_failures_total", reason=reason) for reason in reasons] == [0] * 4
    assert [page.value("unsay_scoring_queue_depth", urgency=each) for each in URGENCIES] == [0] * 3
    assert [page.value("unsay_scoring_dropped_total", urgency=each) for each in URGENCIES] == [0] * 3


def test_the_queue_depth_is_the_last_one_told() -> None:
    page = Page()
    page.metrics.queue_depth("windows", 3)
    page.metrics.queue_depth("moderations", 7)
    page.metrics.queue_depth("moderations", 2)
    assert page.value("unsay_scoring_queue_depth", urgency="moderations") == 2
    assert page.value("unsay_scoring_queue_depth", urgency="windows") == 3


def test_texts_that_were_dropped_add_up() -> None:
    page = Page()
    page.metrics.dropped("moderations", 12)
    page.metrics.dropped("moderations", 5)
    assert page.value("unsay_scoring_dropped_total", urgency="moderations") == 17


def test_what_was_screened_and_what_failed_is_counted() -> None:
    page = Page()
    page.metrics.screened(5, 2)
    page.metrics.screen_failed()
    page.metrics.scorer_failed("deadline")
    counted = {word: page.value("unsay_screened_total", outcome=word) for word in ("cleared", "judged", "failed")}
    assert counted == {"cleared": 5, "judged": 2, "failed": 1}
    assert page.value("unsay_scorer_failures_total", reason="deadline") == 1
