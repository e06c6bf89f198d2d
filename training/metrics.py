"""Areas and rates."""

from collections.abc import Sequence

import numpy as np


def auc(scores: Sequence[float], positive: Sequence[bool]) -> float:
    """Return the area under the ROC curve: how often a positive scores above a negative, ties half. NaN if none."""
    values, is_positive = np.asarray(scores, dtype=np.float64), np.asarray(positive, dtype=bool)
    ups = int(is_positive.sum())
    downs = len(values) - ups
    if not ups or not downs:
        return float("nan")
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return float((ranks[is_positive].sum() - ups * (ups + 1) / 2) / (ups * downs))


def share_flagged(scores: Sequence[float], threshold: float) -> float:
    """Return the share of scores that reach the threshold. NaN without scores."""
    return float(np.mean(np.asarray(scores) >= threshold)) if len(scores) else float("nan")
