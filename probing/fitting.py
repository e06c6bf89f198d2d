"""From labelled windows to a probe: learnt from four fifths of the answers, measured on the rest.

All windows of an answer are on the same side. Cuts and penalty are found on what is learnt from, each window estimated
by heads that were fitted without its answer (in `FOLDS` turns): flagged windows are few, and so each counts twice. The
penalty is the one by which flagged windows are told best from clean ones. What the report says is measured on the rest.
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
FOLDS = 5
_LEARNT = 0.8

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

    def parts(self, seed: int) -> tuple["Labelled", "Labelled"]:
        """Return those to learn from, and those to measure on."""
        learnt = self.places(seed) < _LEARNT
        return self.part(learnt), self.part(~learnt)

    def places(self, seed: int) -> NDArray[np.float64]:
        """Return for each window a number from 0 to below 1 that chance gives its answer."""
        answers, at = np.unique(self.answers, return_inverse=True)
        return np.asarray(np.random.default_rng(seed).permutation(len(answers))[at] / len(answers))


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
        return clears(self.calibration, self.heads.estimates(labelled.features))

    def alarmed(self, labelled: Labelled) -> Flags:
        """Return whether each window raises an alarm."""
        return np.asarray(self.heads.estimates(labelled.features)[:, 0] > self.alarm)


def fit(labelled: Labelled, miss_rate: float, seed: int) -> Fitted:
    """Fit a probe to labelled windows."""
    learnt, _ = labelled.parts(seed)
    away, level = _direction(learnt)
    found: list[tuple[float, Fitted]] = []
    every = solve(learnt.features, learnt.odds, learnt.flagged, PENALTIES)
    for heads, estimates, penalty in zip(every, _without_their_own(learnt, seed), PENALTIES, strict=True):
        rows = cuts(estimates, learnt.odds, POINTS, miss_rate)
        alarm = float(np.quantile(estimates[~learnt.flagged, 0], 1 - FALSE_ALARMS))
        calibration = Calibration(learnt.categories, POINTS, rows, miss_rate)
        told_apart = area(estimates[:, 0], learnt.flagged)
        found.append((told_apart, Fitted(heads, calibration, alarm, away, level, penalty)))
    return max(found, key=lambda each: each[0])[1]


def _without_their_own(learnt: Labelled, seed: int) -> list[Table]:
    """Return for each penalty the estimates of all windows, each by heads fitted without its answer."""
    found = [np.empty_like(learnt.odds) for _ in PENALTIES]
    folds = (learnt.places(seed + 1) * FOLDS).astype(int)
    for fold in range(FOLDS):
        own = learnt.part(folds != fold)
        every = solve(own.features, own.odds, own.flagged, PENALTIES)
        for table, heads in zip(found, every, strict=True):
            table[folds == fold] = heads.estimates(learnt.features[folds == fold])
    return found


def clears(calibration: Calibration, estimates: Table) -> Flags:
    """Return whether each window is cleared under the default policy."""
    limits = np.array([DEFAULT_THRESHOLDS.get(name, 1.0) for name in calibration.categories])
    return np.asarray((calibration.bounds(estimates) < limits).all(axis=1))


def _direction(labelled: Labelled) -> tuple[Table, float]:
    """Return where states lean from which flagged words come, as a unit vector, and how much those of clean text do.

    The difference of means says what is promoted in the model's own output space; a regression's weights do not.
    """
    flagged = labelled.flagged
    clean = labelled.leading[~flagged].mean(axis=0)
    away = labelled.leading[flagged].mean(axis=0) - clean
    away /= np.linalg.norm(away)
    return away.astype(np.float32), float(clean @ away)
