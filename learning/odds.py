"""Log odds, probabilities, and folds: the small sums of learning."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def sigmoid(odds: Array) -> Array:
    """Return probabilities of log odds."""
    found: Array = 1.0 / (1.0 + np.exp(-np.clip(odds, -60.0, 60.0)))
    return found


def logit(probability: float) -> float:
    """Return the log odds of a probability, those of 0 and 1 finite."""
    held = min(max(probability, 1e-6), 1 - 1e-6)
    return float(np.log(held / (1 - held)))


def folds(groups: Sequence[object], count: int) -> list[int]:
    """Return a fold for each item, in turn over the distinct groups: a group is in one fold."""
    places = {group: index % count for index, group in enumerate(dict.fromkeys(groups))}
    return [places[group] for group in groups]
