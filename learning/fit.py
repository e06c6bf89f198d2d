"""Logistic regression beside known log odds, held back by what it must not change. Pure arithmetic.

Minimised over the weights w and the bias b, with d(x) = w.x + b the change of the log odds:

    sum_i c_i loss(known_i + d(x_i), y_i)  +  still/2 mean_background d(x)^2  +  ridge/2 |w|^2

The middle term is the replay of old data: where texts have been before, nothing is to change. Inputs are standardised
over the background. It is solved for the examples' multipliers (the dual), with the upper bound of the curvature in
place of itself, which never overshoots (Boehning 1992): Newton's steps do where log odds are far on the wrong side.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from learning.odds import Array, sigmoid

_STEPS = 1000
_NEAR = 1e-5


@dataclass(frozen=True, slots=True)
class Linear:
    """A change of log odds: w.x + b."""

    weight: Array
    bias: float

    def __call__(self, rows: Array) -> Array:
        """Return the change for each row."""
        found: Array = rows @ self.weight + self.bias
        return found

    def scaled(self, factor: float) -> "Linear":
        """Return so many times the change."""
        return Linear(self.weight * factor, self.bias * factor)


@dataclass(frozen=True, slots=True)
class Examples:
    """Rows (count, width), known log odds, what is right (0 or 1), and how much each counts."""

    rows: Array
    known: Array
    right: Array
    counts: Array

    def only(self, index: Sequence[int] | NDArray[np.intp] | NDArray[np.bool_]) -> "Examples":
        """Return some of them."""
        return Examples(self.rows[index], self.known[index], self.right[index], self.counts[index])


class Prior:
    """What holds a fit back: made once of a background (rows, width), for any number of fits."""

    def __init__(self, background: Array, *, still: float, ridge: float, free_bias: bool = False) -> None:
        self._mean = background.mean(axis=0)
        self._scale = background.std(axis=0) + 1e-6
        rows = self._standard(background)
        width = rows.shape[1]
        curvature = still * (rows.T @ rows) / len(rows) + ridge * np.eye(width)
        self._inverse = np.linalg.inv(curvature)
        self._bias_variance = 100.0 if free_bias else 1.0 / max(still, ridge)

    def fit(self, examples: Examples) -> Linear:
        """Return what fits at least one example best."""
        rows = self._standard(examples.rows)
        spread = self._inverse @ rows.T
        kernel = rows @ spread + self._bias_variance
        many = _multipliers(kernel, examples)
        weight = (spread @ many) / self._scale
        return Linear(weight, float(many.sum() * self._bias_variance - self._mean @ weight))

    def _standard(self, rows: Array) -> Array:
        found: Array = (rows - self._mean) / self._scale
        return found


def _multipliers(kernel: Array, examples: Examples) -> Array:
    bound = examples.counts / 4
    step = np.linalg.inv(np.eye(len(kernel)) + bound[:, None] * kernel)
    many = np.zeros(len(kernel))
    for _ in range(_STEPS):
        right = sigmoid(examples.known + kernel @ many)
        change = step @ (many + examples.counts * (right - examples.right))
        many = many - change
        if np.abs(change).max() < _NEAR:
            break
    return many
