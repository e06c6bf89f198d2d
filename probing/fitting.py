"""From labelled windows to a probe: learnt from some answers, calibrated on others, measured on others again.

All windows of an answer are on the same side. The penalty is the one with which most clean windows are cleared on those
kept for calibration, where the cuts are found too; what the report says is measured on windows of neither.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from filters.scorers.screen import Calibration
from probing.heads import PENALTIES, Heads, Table, area, cuts, solve
from server.policy.policy import DEFAULT_THRESHOLDS

POINTS = (0.019, 0.049, 0.099, 0.149, 0.199, 0.249, *(round(value / 100 - 0.001, 3) for value in range(30, 95, 5)))
"""Just under round numbers: a bound must be less than a threshold that it is held against."""
FALSE_ALARMS = 0.02
"""Of the clean windows, how many may raise an alarm."""
PUSH = 1.5
"""How much more than all that a state leans is taken from it."""
_LEARNT, _CALIBRATED = 0.6, 0.8

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Labelled:
    """Windows: the answer of each, its features (windows, 2 * width), leading states (windows, width), and log odds."""

    answers: NDArray[np.int64]
    features: Table
    leading: Table
    odds: Table
    categories: tuple[str, ...]

    @property
    def flagged(self) -> Flags:
        """Whether the gate flags each under the default policy."""
        limits = np.array([DEFAULT_THRESHOLDS.get(name, 1.0) for name in self.categories])
        return np.asarray((1 / (1 + np.exp(-self.odds[:, 1:])) >= limits).any(axis=1))

    def part(self, rows: Flags) -> "Labelled":
        """Return some of them."""
        return Labelled(self.answers[rows], self.features[rows], self.leading[rows], self.odds[rows], self.categories)

    def parts(self, seed: int) -> tuple["Labelled", "Labelled", "Labelled"]:
        """Return those to learn from, to calibrate on, and to measure on."""
        count = int(self.answers.max()) + 1
        places = np.random.default_rng(seed).permutation(count)[self.answers] / count
        learnt, calibrated = places < _LEARNT, (places >= _LEARNT) & (places < _CALIBRATED)
        return self.part(learnt), self.part(calibrated), self.part(~learnt & ~calibrated)


@dataclass(frozen=True, slots=True)
class Fitted:
    """A probe: heads, calibration, the estimate from which on it alarms, and how logits are turned."""

    heads: Heads
    calibration: Calibration
    alarm: float
    away: Table
    level: float
    penalty: float

    def cleared(self, labelled: Labelled) -> Flags:
        """Return whether each window is cleared under the default policy."""
        bounds = self.calibration.bounds(self.heads.estimates(labelled.features))
        limits = np.array([DEFAULT_THRESHOLDS.get(name, 1.0) for name in labelled.categories])
        return np.asarray((bounds < limits).all(axis=1))

    def alarmed(self, labelled: Labelled) -> Flags:
        """Return whether each window raises an alarm."""
        return np.asarray(self.heads.estimates(labelled.features)[:, 0] > self.alarm)


def fit(labelled: Labelled, miss_rate: float, seed: int) -> Fitted:
    """Fit a probe to labelled windows."""
    learnt, calibrated, _ = labelled.parts(seed)
    away, level = _direction(learnt)
    found = [
        _calibrated(heads, calibrated, miss_rate, penalty, away, level)
        for heads, penalty in zip(
            solve(learnt.features, learnt.odds, learnt.flagged, PENALTIES), PENALTIES, strict=True
        )
    ]
    clean = ~calibrated.flagged
    return max(found, key=lambda each: (each.cleared(calibrated)[clean].mean(), area_of(each, calibrated)))


def area_of(fitted: Fitted, labelled: Labelled) -> float:
    """Return the area under the curve of the highest estimate."""
    return area(fitted.heads.estimates(labelled.features)[:, 0], labelled.flagged)


def _calibrated(
    heads: Heads, labelled: Labelled, miss_rate: float, penalty: float, away: Table, level: float
) -> Fitted:
    estimates = heads.estimates(labelled.features)
    rows = cuts(estimates, labelled.odds, POINTS, miss_rate)
    alarm = float(np.quantile(estimates[~labelled.flagged, 0], 1 - FALSE_ALARMS))
    return Fitted(heads, Calibration(labelled.categories, POINTS, rows, miss_rate), alarm, away, level, penalty)


def _direction(labelled: Labelled) -> tuple[Table, float]:
    """Return where states lean from which flagged words come, as a unit vector, and how much those of clean text do.

    The difference of means says what is promoted in the model's own output space; a regression's weights do not.
    """
    flagged = labelled.flagged
    clean = labelled.leading[~flagged].mean(axis=0)
    away = labelled.leading[flagged].mean(axis=0) - clean
    away /= np.linalg.norm(away)
    return away.astype(np.float32), float(clean @ away)
