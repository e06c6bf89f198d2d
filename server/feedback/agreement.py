"""How far two reviewers agree beyond chance: Cohen's kappa.

J. Cohen, A Coefficient of Agreement for Nominal Scales, Educational and Psychological Measurement 20 (1960).
"""

from collections import Counter
from collections.abc import Hashable, Sequence
from itertools import combinations
from typing import Any

from server.feedback.tables import ReviewRow


def kappa(pairs: Sequence[tuple[Hashable, Hashable]]) -> float | None:
    """Return (observed - expected) / (1 - expected) agreement; None where nothing else could have been expected."""
    if not pairs:
        return None
    observed = sum(one == other for one, other in pairs) / len(pairs)
    first, second = Counter(one for one, _ in pairs), Counter(other for _, other in pairs)
    expected = sum(count * second[label] for label, count in first.items()) / len(pairs) ** 2
    return None if expected == 1 else (observed - expected) / (1 - expected)


def agreement(judged: Sequence[Sequence[ReviewRow]]) -> dict[str, Any]:
    """Return kappa over all that two reviewers have judged of the same text: whether it is toxic, and of what kind.

    Which of two is the first is told by their names, so that each pair of reviewers is counted one way round.
    """
    both = [pair for reviews in judged for pair in _pairs(reviews)]
    toxic = [(one.toxic, other.toxic) for one, other in both]
    kinds = [(_kind(one), _kind(other)) for one, other in both]
    return {
        "judged_twice": len(both),
        "agreed": sum(one == other for one, other in toxic),
        "kappa_toxic": _rounded(kappa(toxic)),
        "kappa_category": _rounded(kappa(kinds)),
    }


def _pairs(reviews: Sequence[ReviewRow]) -> list[tuple[ReviewRow, ReviewRow]]:
    told = sorted((each for each in reviews if each.toxic is not None), key=lambda each: each.reviewer)
    return [(one, other) for one, other in combinations(told, 2) if one.about == other.about]


def _kind(review: ReviewRow) -> tuple[bool | None, str | None]:
    return review.toxic, review.category


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
