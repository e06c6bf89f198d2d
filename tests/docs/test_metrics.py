"""docs/metrics.md: every metric with its labels, its type and what to do about it, and no other."""

import re
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.metrics import MetricWrapperBase

from server.telemetry.metrics import Metrics
from tests.deploy.test_alerts import sections

DOCS = Path(__file__).parents[2] / "docs"
ROW = re.compile(r"^\| `(unsay_\w+)(?:\{([\w,]*)\})?` \| (\w+), ([^|]+) \| (.+) \| (.+) \|$", re.MULTILINE)
ROWS = ROW.findall((DOCS / "metrics.md").read_text(encoding="utf-8"))
TYPES = {Counter: "counter", Gauge: "gauge", Histogram: "histogram"}


class Kept(CollectorRegistry):
    """A registry that keeps what is registered, by the name that a page of metrics has for it."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[str, MetricWrapperBase] = {}

    def register(self, collector: object) -> None:
        assert isinstance(collector, MetricWrapperBase)
        end = "_total" if isinstance(collector, Counter) else ""
        self.kept[collector._name + end] = collector
        super().register(collector)


def published() -> dict[str, tuple[str, tuple[str, ...]]]:
    """Type and labels of every metric of ours, by its name."""
    registry = Kept()
    Metrics(registry)
    return {name: (TYPES[type(made)], made._labelnames) for name, made in registry.kept.items()}


def test_every_metric_has_one_row_with_its_type_and_labels_and_there_is_no_other_row() -> None:
    said = {name: (kind, tuple(labels.split(",")) if labels else ()) for name, labels, kind, *_ in ROWS}
    assert len(said) == len(ROWS)
    assert said == published()


def test_every_metric_says_its_unit_what_it_means_and_what_to_do() -> None:
    for name, _, _, unit, meaning, doing in ROWS:
        assert unit and len(meaning.split()) >= 3 and len(doing.split()) >= 1, name
        assert "seconds" in unit or not name.endswith("_seconds"), name
        assert meaning.endswith(".") and doing.endswith((".", "?")), name


def test_alerts_that_are_named_are_on_the_page_of_operations() -> None:
    anchors = {anchor for row in ROWS for anchor in re.findall(r"operations\.md#([\w-]+)", row[5])}
    assert anchors <= set(sections())
