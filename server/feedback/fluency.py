"""How good text is before and after rewinds, as reviewers rate it from 1 to 5.

`before` is what was taken back, `after` what was said instead; `difference` is of those who rated both. `untouched` are
answers of which nothing was taken back. Intervals are of the bootstrap over reviews (reporting/statistics.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reporting.statistics import draws, estimate

_SEED = 0


@dataclass(frozen=True, slots=True)
class Rated:
    """What one reviewer makes of one answer, of which something was taken back or not: `ratings` as in the table."""

    rewound: bool
    ratings: Mapping[str, Mapping[str, int]]


def compared(rated: Sequence[Rated], criterion: str) -> dict[str, Any]:
    """Return the means of one criterion, each with the number of ratings and its 95% interval."""
    found = [
        (each.rewound, *(each.ratings.get(when, {}).get(criterion) for when in ("before", "after"))) for each in rated
    ]
    return {
        "before": _mean([before for rewound, before, _ in found if rewound and before is not None]),
        "after": _mean([after for rewound, _, after in found if rewound and after is not None]),
        "difference": _mean(
            [after - before for rewound, before, after in found if rewound and before is not None and after is not None]
        ),
        "untouched": _mean([after for rewound, _, after in found if not rewound and after is not None]),
    }


def _mean(values: Sequence[int]) -> dict[str, Any]:
    if not values:
        return {"ratings": 0}
    interval = estimate([(value, 1) for value in values], draws(len(values), _SEED)).interval()
    return {
        "ratings": len(values),
        "mean": round(interval.value, 3),
        "low": round(interval.low, 3),
        "high": round(interval.high, 3),
    }
