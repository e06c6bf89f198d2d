"""The highest scores of a text that was scored in several ways, or piece by piece."""

from collections.abc import Iterable, Sequence
from typing import Any

from filters.category import Category
from filters.scorer import Scores


def highest_of(every: Sequence[Sequence[Any]], scores: Iterable[Scores]) -> list[Scores]:
    """Return for each group of texts the highest score of each category, of the scores of all texts in order."""
    found = iter(scores)
    return [highest([next(found) for _ in each]) for each in every]


def highest(scores: Sequence[Scores]) -> Scores:
    """Return the highest score of each category that any of these has; the only one itself."""
    if len(scores) == 1:
        return scores[0]
    found: dict[Category, float] = {}
    for each in scores:
        for category, score in each.items():
            found[category] = max(score, found.get(category, score))
    return found
