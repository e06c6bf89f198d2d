"""Metrics as they are made here, and the children of a labelled one, at hand."""

from collections.abc import Sequence
from typing import Generic, TypeVar

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.metrics import MetricWrapperBase

Metric = TypeVar("Metric", bound=MetricWrapperBase)


class Children(Generic[Metric]):
    """The labelled children of one metric, kept by their label values (`labels()` takes a lock and builds strings)."""

    def __init__(self, metric: Metric) -> None:
        self._metric = metric
        self._kept: dict[tuple[str, ...], Metric] = {}

    def of(self, *labels: str) -> Metric:
        """Return the child with these label values, made (with the value 0) when it is new."""
        child = self._kept.get(labels)
        if child is None:
            child = self._kept[labels] = self._metric.labels(*labels)
        return child


class Maker:
    """Makes metrics on one registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def counters(self, name: str, meaning: str, labels: Sequence[str]) -> Children[Counter]:
        """Return a counter's children."""
        return Children(Counter(name, meaning, labels, registry=self._registry))

    def histogram(self, name: str, meaning: str, buckets: Sequence[float], labels: Sequence[str] = ()) -> Histogram:
        """Return a histogram."""
        return Histogram(name, meaning, labels, registry=self._registry, buckets=buckets)
