"""Metrics of what was learned: which version judges, and how its candidate compares."""

from prometheus_client import CollectorRegistry

from server.telemetry.learning import LearningMetrics


def test_one_pair_of_versions_is_in_force_and_comparisons_are_counted() -> None:
    registry = CollectorRegistry()
    metrics = LearningMetrics(registry)

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(name, labels)

    assert value("unsay_learned_info", current="none", candidate="none") == 1
    assert value("unsay_shadow_compared_total", flagged_by="candidate") == 0
    metrics.learned("0001-ab", "0002-cd")
    metrics.compared("candidate")
    assert value("unsay_learned_info", current="none", candidate="none") == 0
    assert value("unsay_learned_info", current="0001-ab", candidate="0002-cd") == 1
    assert value("unsay_shadow_compared_total", flagged_by="candidate") == 1
