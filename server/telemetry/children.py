"""The children of a labelled metric, at hand."""

from typing import Generic, TypeVar

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
