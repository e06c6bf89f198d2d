from prometheus_client import CollectorRegistry, Counter

from server.telemetry.children import Children


def test_a_child_is_made_once_and_counts_for_its_labels() -> None:
    registry = CollectorRegistry()
    children = Children(Counter("cups", "Cups.", ("colour",), registry=registry))
    children.of("red").inc(2)
    assert children.of("red") is children.of("red")
    assert children.of("blue") is not children.of("red")
    assert registry.get_sample_value("cups_total", {"colour": "red"}) == 2
    assert registry.get_sample_value("cups_total", {"colour": "blue"}) == 0
