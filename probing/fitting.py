"""From what the gate says to a probe: learnt from four fifths of the answers, measured on the rest.

All that belongs to an answer is on the same side. Cuts and penalties are found on what is learnt from, each row
estimated by heads that were fitted without its answer (in `FOLDS` turns): flagged ones are few, and so each counts
twice. The penalty is the one by which flagged ones are told best from clean ones. What the report says is measured on
the rest.
"""

from dataclasses import dataclass, fields, replace
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from filters.scorers.screen import Calibration
from probing.heads import PENALTIES, Heads, Table, area, cuts, solve
from server.policy.policy import DEFAULT_THRESHOLDS

POINTS = (0.019, 0.049, 0.099, 0.149, 0.199, 0.249, *(round(value / 100 - 0.001, 3) for value in range(30, 95, 5)))
"""Just under round numbers: a bound must be less than a threshold that it is held against."""
FALSE_ALARMS = 0.02
"""Of the beginnings of clean sentences, how many may raise an alarm."""
PUSH = 1.5
"""How much more than all that a state leans is taken from it."""
FOLDS = 5
_LEARNT = 0.8

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """Stretches of answers: the answer of each, features (stretches, 2 * width), and log odds, the highest first."""

    answers: NDArray[np.int64]
    features: Table
    odds: Table
    categories: tuple[str, ...]

    @property
    def flagged(self) -> Flags:
        """Whether the gate flags each under the default policy."""
        limits = np.array([DEFAULT_THRESHOLDS.get(name, 1.0) for name in self.categories])
        return np.asarray((1 / (1 + np.exp(-self.odds[:, 1:])) >= limits).any(axis=1))

    def part(self, rows: Flags) -> Self:
        """Return some of them."""
        by_row = {each.name: getattr(self, each.name)[rows] for each in fields(self) if each.name != "categories"}
        return replace(self, **by_row)

    def parts(self, seed: int) -> tuple[Self, Self]:
        """Return those to learn from, and those to measure on."""
        learnt = self.places(seed) < _LEARNT
        return self.part(learnt), self.part(~learnt)

    def places(self, seed: int) -> NDArray[np.float64]:
        """Return for each a number from 0 to below 1 that chance gives its answer, whatever else there is of it."""
        return np.asarray(np.random.default_rng(seed).random(int(self.answers.max()) + 1)[self.answers])


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows(Labelled):
    """Windows as the guard cuts them; `leading` (windows, width): states from which their fresh tokens were drawn."""

    leading: Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginnings(Labelled):
    """Beginnings of sentences, labelled by the whole sentence, of which `shares` (0..1) are there."""

    shares: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Fitted:
    """A probe: heads, calibration, the forecast, from which value on it alarms, and how logits are turned."""

    heads: Heads
    calibration: Calibration
    forecast: Heads
    alarm: float
    away: Table
    level: float
    penalty: float

    def cleared(self, windows: Windows) -> Flags:
        """Return whether each window is cleared under the default policy."""
        return clears(self.calibration, self.heads.estimates(windows.features))

    def alarmed(self, beginnings: Beginnings) -> Flags:
        """Return whether each beginning raises an alarm."""
        return np.asarray(self.forecast.estimates(beginnings.features)[:, 0] > self.alarm)


class _Solved(NamedTuple):
    """Heads for the best penalty, and what heads that were fitted without its answer estimate of each row."""

    heads: Heads
    estimates: Table
    penalty: float


def fit(windows: Windows, beginnings: Beginnings, miss_rate: float, seed: int) -> Fitted:
    """Fit a probe to labelled windows, and its forecast to beginnings of sentences."""
    learnt, begun = windows.parts(seed)[0], beginnings.parts(seed)[0]
    away, level = _direction(learnt)
    found, foreseen = _solved(learnt, seed), _solved(begun, seed)
    forecast = Heads(foreseen.heads.weights[:1], foreseen.heads.biases[:1])
    rows = cuts(found.estimates, learnt.odds, POINTS, miss_rate)
    alarm = float(np.quantile(foreseen.estimates[~begun.flagged, 0], 1 - FALSE_ALARMS))
    calibration = Calibration(learnt.categories, POINTS, rows, miss_rate)
    return Fitted(found.heads, calibration, forecast, alarm, away, level, found.penalty)


def _solved(learnt: Labelled, seed: int) -> _Solved:
    """Return the heads that tell flagged from clean best."""
    every = solve(learnt.features, learnt.odds, learnt.flagged, PENALTIES)
    tried = [_Solved(*each) for each in zip(every, _without_their_own(learnt, seed), PENALTIES, strict=True)]
    return max(tried, key=lambda each: area(each.estimates[:, 0], learnt.flagged))


def _without_their_own(learnt: Labelled, seed: int) -> list[Table]:
    """Return for each penalty the estimates of all rows, each by heads fitted without its answer."""
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


def _direction(windows: Windows) -> tuple[Table, float]:
    """Return where states lean from which flagged words come, as a unit vector, and how much those of clean text do.

    The difference of means says what is promoted in the model's own output space; a regression's weights do not.
    """
    flagged = windows.flagged
    clean = windows.leading[~flagged].mean(axis=0)
    away = windows.leading[flagged].mean(axis=0) - clean
    away /= np.linalg.norm(away)
    return away.astype(np.float32), float(clean @ away)
