"""From scores to the categories that are too high."""

from __future__ import annotations

from collections.abc import Mapping
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
        """The same categories, each threshold times `factor`. ValueError if one leaves 0..1."""
        return Thresholds({name: threshold * factor for name, threshold in self.values.items()})

    def exceeded(self, scores: Scores) -> tuple[Category, ...]:
        """The categories whose score is at or above their threshold, highest excess first, then by name.

        ScorerUnavailable("error") if any score is not a number in 0..1: what cannot be compared must not pass.
        """
        excess = self._by_category(scores)
        return tuple(sorted((name for name in excess if excess[name] >= 0), key=lambda name: (-excess[name], name)))

    def excess(self, scores: Scores) -> float:
        """By how much a score exceeds its threshold, the highest; below 0 nothing is flagged. Raises as `exceeded`."""
        return max(self._by_category(scores).values(), default=-1.0)

    def _by_category(self, scores: Scores) -> dict[Category, float]:
        if not is_valid(scores):
            raise ScorerUnavailable("error")
        return {name: scores[name] - threshold for name, threshold in self.values.items() if name in scores}
