"""Linear heads from features and the gate's log odds: closed form, then as a probe has them.

Ridge regression, on features that are centred and scaled to unit variance. Windows that the gate flags are few, and are
those that matter: they weigh as much as all others together.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

PENALTIES = (0.1, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
"""Of weights on features of unit variance, where windows weigh 1 in all."""
ENOUGH = 100
"""Windows above a point, for a cut of its own."""
NOTHING = -1e30
"""A cut below which no estimate lies."""

Table = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Heads:
    """`weights` (heads, features) and `biases` (heads): estimates are `features @ weights.T + biases`."""

    weights: Table
    biases: Table

    def estimates(self, features: Table) -> Table:
        """Return log odds (windows, heads)."""
        found: Table = features @ self.weights.T + self.biases
        return found


def solve(features: Table, odds: Table, flagged: NDArray[np.bool_], penalties: Sequence[float]) -> list[Heads]:
    """Return the heads for each penalty, from windows, the gate's log odds, and which of them it flags.

    By the eigenvectors of the smaller of both products, of which there is one for all penalties.
    """
    weights = np.where(flagged, 0.5 / max(1, flagged.sum()), 0.5 / max(1, (~flagged).sum()))
    centre = weights @ features
    spread = np.sqrt(weights @ (features - centre) ** 2) + 1e-4
    middle = weights @ odds
    scaled = ((features - centre) / spread) * np.sqrt(weights)[:, None]
    wanted = (odds - middle) * np.sqrt(weights)[:, None]
    few = len(scaled) < scaled.shape[1]
    values, vectors = np.linalg.eigh(scaled @ scaled.T if few else scaled.T @ scaled)
    turned = vectors.T @ (wanted if few else scaled.T @ wanted)
    found = []
    for penalty in penalties:
        own = vectors @ (turned / (values + penalty)[:, None])
        own = (scaled.T @ own if few else own).T / spread
        found.append(Heads(own.astype(np.float32), (middle - own @ centre).astype(np.float32)))
    return found


def area(estimates: NDArray[np.float32], flagged: NDArray[np.bool_]) -> float:
    """Return the area under the curve: how often a flagged window has a higher estimate than a clean one."""
    order = np.argsort(np.argsort(estimates))
    count, others = int(flagged.sum()), int((~flagged).sum())
    if not count or not others:
        return float("nan")
    return float((order[flagged].sum() - count * (count - 1) / 2) / (count * others))


def cuts(estimates: Table, odds: Table, points: Sequence[float], rate: float, enough: int = ENOUGH) -> Table:
    """Return (heads, points): below a cut lie at most `rate` of the windows that the gate gives more than the point.

    Where those are fewer than `enough` the cut is that of the point below, since they exceed that one too.
    """
    limits = [np.log(point / (1 - point)) for point in points]
    rows = [_row(own, truth, limits, rate, enough) for own, truth in zip(estimates.T, odds.T, strict=True)]
    # What exceeds a point exceeds all lower ones: a cut that says otherwise comes from too few windows.
    return np.minimum.accumulate(np.array(rows)[:, ::-1], axis=1)[:, ::-1].astype(np.float32)


def _row(
    estimates: NDArray[np.float32], odds: NDArray[np.float32], limits: Sequence[float], rate: float, enough: int
) -> list[float]:
    """Return the cuts of one head; below the first point with enough windows nothing is cleared."""
    row, last = [], NOTHING
    for limit in limits:
        found = np.sort(estimates[odds > limit])
        last = float(found[int(rate * len(found))]) if len(found) >= enough else last
        row.append(last)
    return row
