"""What a probe says of a window: by the mean of what it saw, and by what it saw last."""

from pathlib import Path

import numpy as np
import pytest

from filters.scorers.screen import Calibration
from server.generation.probe import Probe

POINTS = (0.1, 0.4)


def probe(alarm: float = 2.0, cut: float = 0.0) -> Probe:
    """Heads for the highest score and one category, as if of states of one number each, with the same cuts."""
    cuts = np.array([[cut, cut + 1]] * 2, np.float32)
    return Probe(Path("probe"), Calibration(("toxicity",), POINTS, cuts, 0.001), np.zeros(3, np.float32), alarm)


def row(mean: float, last: float = 0.0, forecast: float | None = None) -> bytes:
    """What is seen of one token, the same by all heads unless the forecast has its own."""
    foreseen = mean if forecast is None else forecast
    return np.array([mean, mean, foreseen, last, last, last], np.float32).tobytes()


def test_an_estimate_is_a_mean_and_what_was_seen_last() -> None:
    seen = row(1.0, 5.0) + row(3.0, 0.5)
    assert probe().estimates(seen).tolist() == [2.5, 2.5]


def test_bounds_come_from_the_calibration() -> None:
    assert probe().bounds(row(-1.0)) == {"toxicity": pytest.approx(0.1)}
    assert probe().bounds(row(0.5)) == {"toxicity": pytest.approx(0.4)}
    assert probe().bounds(row(1.5))["toxicity"] > 1


def test_an_alarm_is_raised_by_the_forecast() -> None:
    assert probe().alarms(row(-3.0, forecast=2.1)) and not probe().alarms(row(3.0, forecast=1.9))
    assert probe().forecast(row(1.0, 0.5, forecast=2.0) + row(1.0, 0.5, forecast=3.0)) == 3.0
    assert probe().categories == ("toxicity",)
