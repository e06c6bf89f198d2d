"""How large a figure is, and how certain: pure functions of numbers.

Every figure is a ratio of two sums over prompts (a mean has a 1 under each prompt). The bootstrap draws prompts, not
samples: samples of one prompt are alike, and another evaluation would have other prompts. All figures of a
set use the same draws, so that ratios of them are paired by prompt. Intervals are percentiles (2.5 and 97.5) of 1,000
draws (Efron and Tibshirani, An Introduction to the Bootstrap, chapter 13).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

DRAWS = 1000
Numbers: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with its 95% interval. NaN: there was nothing to count. Infinity: something was divided by nothing."""

    value: float
    low: float
    high: float

    def as_json(self) -> dict[str, float | None]:
        """Return null for what is not finite; `infinite`: true tells an infinite value from an undefined one."""
        found = {"value": _finite(self.value), "low": _finite(self.low), "high": _finite(self.high)}
        return {**found, "infinite": True} if math.isinf(self.value) else found


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure, and what it is in each draw."""

    value: float
    drawn: Numbers

    def map(self, function: Callable[[Numbers], Numbers]) -> "Estimate":
        """Return the estimate of a function of the figure, say its exponential."""
        return Estimate(float(function(np.array([self.value]))[0]), function(self.drawn))

    def over(self, other: "Estimate") -> "Estimate":
        """Return the ratio, paired draw by draw. If the other's value is 0, the ratio is infinite or undefined."""
        with np.errstate(divide="ignore", invalid="ignore"):
            value = float(np.divide(self.value, other.value))
            return Estimate(value, np.divide(self.drawn, other.drawn))

    def minus(self, other: "Estimate") -> "Estimate":
        """Return the difference, paired draw by draw."""
        return Estimate(self.value - other.value, self.drawn - other.drawn)

    def interval(self) -> Interval:
        """Return its 95% interval, out of the draws in which it is defined."""
        defined = self.drawn[~np.isnan(self.drawn)]
        if math.isnan(self.value) or not len(defined):
            return Interval(math.nan, math.nan, math.nan)
        # Not interpolated: between a number and infinity there is nothing.
        low, high = np.percentile(defined, [2.5, 97.5], method="inverted_cdf")
        return Interval(self.value, float(low), float(high))


def draws(prompts: int, seed: int, count: int = DRAWS) -> Numbers:
    """Return how often each prompt is drawn, shape (count, prompts): each row sums to `prompts`."""
    chances = np.full(prompts, 1 / prompts)
    return np.random.default_rng(seed).multinomial(prompts, chances, size=count).astype(np.float64)


def estimate(parts: Sequence[tuple[float, float]], drawn: Numbers) -> Estimate:
    """Return sum of numerators over sum of denominators, `parts` being both of each prompt; NaN if the latter is 0."""
    numerators, denominators = np.array(parts, dtype=np.float64).T
    with np.errstate(divide="ignore", invalid="ignore"):
        value = float(np.divide(numerators.sum(), denominators.sum()))
        return Estimate(value, np.divide(drawn @ numerators, drawn @ denominators))


def distinct(texts: Sequence[str], n: int) -> tuple[int, int]:
    """Return different n-grams of words within the texts of one prompt, and the number of words in them.

    Divided and averaged over prompts, this is the distinct-n of DExperts (Liu et al. 2021).
    """
    words = [text.split() for text in texts]
    grams = {tuple(line[i : i + n]) for line in words for i in range(len(line) - n + 1)}
    return len(grams), sum(map(len, words))


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
