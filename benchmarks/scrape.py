"""What a server's metrics say about an interval: the difference between two looks at its page of metrics."""

from collections.abc import Mapping
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

PREFIX = "unsay_"
Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Samples:
    """The values of unsay's samples, by name and labels."""

    values: Mapping[tuple[str, Labels], float]

    def since(self, before: "Samples") -> "Samples":
        """Return what was counted between both looks."""
        return Samples({key: value - before.values.get(key, 0.0) for key, value in self.values.items()})

    def total(self, name: str, **labels: str) -> float:
        """Return the sum over all series of this name that have these labels; 0 if there is none."""
        wanted = set(labels.items())
        return sum(value for (found, its), value in self.values.items() if found == name and wanted <= set(its))

    def mean(self, histogram: str) -> float | None:
        """Return the mean of what a histogram observed; None if it observed nothing."""
        count = self.total(f"{histogram}_count")
        return self.total(f"{histogram}_sum") / count if count else None


def samples(page: str) -> Samples:
    """Read a page of metrics in Prometheus' text format."""
    found = {}
    for family in text_string_to_metric_families(page):
        if family.name.startswith(PREFIX):
            for sample in family.samples:
                found[sample.name, tuple(sorted(sample.labels.items()))] = float(sample.value)
    return Samples(found)
