"""From scores to the categories that are too high."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from filters.category import Category
from filters.scorer import ScorerUnavailable, Scores, is_valid


@dataclass(frozen=True, slots=True)
class Thresholds:
    """For each category the lowest score that is flagged. ValueError for a threshold outside 0..1.

    A category without a threshold is never flagged; a threshold for a category that the scorer does not know is idle.
    """

    values: Mapping[Category, float]

    def __post_init__(self) -> None:
        if not is_valid(self.values):
            raise ValueError(f"thresholds must be in 0..1: {dict(self.values)}")
        object.__setattr__(self, "values", MappingProxyType(dict(self.values)))

    def scaled(self, factor: float) -> Thresholds:
        """Return the same categories, each threshold times `factor`. ValueError if one leaves 0..1."""
        return Thresholds({name: threshold * factor for name, threshold in self.values.items()})

    def exceeded(self, scores: Scores) -> tuple[Category, ...]:
        """Return the categories whose score is at or above their threshold, highest excess first, then by name.

        ScorerUnavailable("error") if any score is not a number in 0..1: what cannot be compared must not pass.
        """
        excess = self._by_category(scores)
        return tuple(sorted((name for name in excess if excess[name] >= 0), key=lambda name: (-excess[name], name)))

    def excess(self, scores: Scores) -> float:
        """Return the highest excess of a score over its threshold; below 0 nothing is flagged. Raises as `exceeded`."""
        return max(self._by_category(scores).values(), default=-1.0)

    def _by_category(self, scores: Scores) -> dict[Category, float]:
        if not is_valid(scores):
            raise ScorerUnavailable("error")
        return {name: scores[name] - threshold for name, threshold in self.values.items() if name in scores}


def strictest(every: Sequence[Thresholds]) -> Thresholds:
    """Return the lowest threshold of each category, of at least one set of them."""
    if len(every) == 1:
        return every[0]
    lowest: dict[Category, float] = {}
    for thresholds in every:
        for name, threshold in thresholds.values.items():
            lowest[name] = min(threshold, lowest.get(name, threshold))
    return Thresholds(lowest)
