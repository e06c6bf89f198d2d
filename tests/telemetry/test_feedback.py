"""Metrics of feedback: there before anything was counted, and counted."""

from prometheus_client import CollectorRegistry

from server.telemetry.feedback import FeedbackMetrics


def test_what_is_told_is_counted() -> None:
    registry = CollectorRegistry()
    metrics = FeedbackMetrics(registry)

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(name, labels)

    assert value("unsay_feedback_total", verdict="good") == 0
    metrics.feedback_given("missed")
    metrics.answers_recorded("dropped", 3)
    metrics.feedback_failed()
    assert value("unsay_feedback_total", verdict="missed") == 1
    assert value("unsay_answers_recorded_total", fate="dropped") == 3
    assert value("unsay_feedback_failures_total") == 1
