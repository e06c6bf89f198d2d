"""What is counted of the server itself."""

from collections.abc import Callable
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from server.engine.upstream.faults import OUTCOMES
from server.telemetry.serving import CapacityMetrics, ServingMetrics, UpstreamMetrics, WrittenMetrics


def test_every_word_is_there_from_the_start_and_counts() -> None:
    registry = CollectorRegistry()
    metrics, value = ServingMetrics(registry), registry.get_sample_value
    for fate in ("finished", "cut_short", "refused"):
        assert value("unsay_requests_at_end_total", {"fate": fate}) == 0
    for part in ("head", "body"):
        assert value("unsay_late_requests_total", {"part": part}) == 0
    metrics.request_at_end("cut_short")
    metrics.request_late("head")
    assert value("unsay_requests_at_end_total", {"fate": "cut_short"}) == 1
    assert value("unsay_late_requests_total", {"part": "head"}) == 1


@pytest.mark.parametrize(
    ("name", "count"),
    [("unsay_audit_records_total", WrittenMetrics.audited), ("unsay_pairs_total", WrittenMetrics.paired)],
)
def test_lines_are_counted_as_written_and_lost(name: str, count: Callable[[WrittenMetrics, Any], None]) -> None:
    registry = CollectorRegistry()
    metrics, value = WrittenMetrics(registry), registry.get_sample_value
    assert value(name, {"fate": "lost"}) == 0
    count(metrics, "written")
    assert (value(name, {"fate": "written"}), value(name, {"fate": "lost"})) == (1, 0)


def test_a_hung_engine_is_1_until_it_is_well() -> None:
    registry = CollectorRegistry()
    metrics = ServingMetrics(registry)
    seen = []
    for hangs in (True, False):
        metrics.engine_hangs(hangs)
        seen.append(registry.get_sample_value("unsay_engine_hangs"))
    assert seen == [1, 0]


def test_what_is_under_way_and_what_was_refused_for_it() -> None:
    registry = CollectorRegistry()
    metrics = CapacityMetrics(registry)
    for reason in ("engine", "scorer"):
        assert registry.get_sample_value("unsay_refused_requests_total", {"reason": reason}) == 0
    metrics.choices_under_way(7)
    metrics.no_capacity("scorer")
    assert registry.get_sample_value("unsay_choices_under_way") == 7
    assert registry.get_sample_value("unsay_refused_requests_total", {"reason": "scorer"}) == 1


def test_upstreams_are_counted_from_the_first_word_of_them_on() -> None:
    registry = CollectorRegistry()
    metrics = UpstreamMetrics(registry)
    metrics.upstream_up("http://a", False)
    series = {"upstream": "http://a"}
    for outcome in OUTCOMES:
        assert registry.get_sample_value("unsay_upstream_requests_total", {**series, "outcome": outcome}) == 0
    metrics.upstream_up("http://a", True)
    metrics.upstream_asked("http://a", "lost")
    metrics.upstream_resumed("http://a")
    assert registry.get_sample_value("unsay_upstream_up", series) == 1
    assert registry.get_sample_value("unsay_upstream_requests_total", {**series, "outcome": "lost"}) == 1
    assert registry.get_sample_value("unsay_upstream_resumed_total", series) == 1


def test_files_and_limits_are_counted_from_0_on() -> None:
    registry = CollectorRegistry()
    metrics, value = ServingMetrics(registry), registry.get_sample_value
    metrics.expect_keys(["app"])
    assert value("unsay_reloads_total", {"file": "keys", "result": "failed"}) == 0
    assert value("unsay_limited_requests_total", {"key": "app", "limit": "concurrency"}) == 0
    metrics.reloaded("keys", "failed")
    metrics.request_limited("app", "concurrency")
    metrics.limits_failed()
    assert value("unsay_reloads_total", {"file": "keys", "result": "failed"}) == 1
    assert value("unsay_limited_requests_total", {"key": "app", "limit": "concurrency"}) == 1
    assert value("unsay_limits_failures_total") == 1
