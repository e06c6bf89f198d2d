"""Heads in closed form, their measure, and their cuts."""

import numpy as np
import pytest

from probing.heads import NOTHING, area, cuts, solve

CHANCE = np.random.default_rng(0)


def test_the_heads_find_what_the_gate_goes_by() -> None:
    spread = np.array([1, 5, 0.1, 1, 1, 1], np.float32)
    features = (CHANCE.normal(size=(2000, 6)) * spread + 3).astype(np.float32)
    odds = np.stack([2 * features[:, 0] - features[:, 2] - 4, features[:, 1]], axis=1).astype(np.float32)
    heads, smoothed = solve(features, odds, odds[:, 0] > 3, [1e-6, 10.0])
    assert np.abs(heads.estimates(features) - odds).max() < 0.01
    assert np.abs(smoothed.weights).sum() < np.abs(heads.weights).sum()


def test_fewer_windows_than_features_make_no_difference_to_how_it_is_solved() -> None:
    features = CHANCE.normal(size=(40, 60)).astype(np.float32)
    odds = features[:, :2] * 2
    flagged = odds[:, 0] > 1
    (few,) = solve(features, odds, flagged, [0.1])
    (many,) = solve(np.repeat(features, 2, axis=0), np.repeat(odds, 2, axis=0), np.repeat(flagged, 2), [0.1])
    assert np.allclose(few.weights, many.weights, atol=1e-3) and np.allclose(few.biases, many.biases, atol=1e-3)


def test_the_area_is_how_often_a_flagged_window_stands_above_a_clean_one() -> None:
    estimates, flagged = CHANCE.normal(size=200).astype(np.float32), CHANCE.random(200) < 0.3
    pairs = estimates[flagged][:, None] > estimates[~flagged][None]
    assert area(estimates, flagged) == pytest.approx(pairs.mean())
    assert np.isnan(area(estimates, np.zeros(200, bool)))


def test_below_a_cut_lie_no_more_than_allowed() -> None:
    estimates = CHANCE.normal(size=(1000, 1)).astype(np.float32)
    odds = (estimates * 2 + CHANCE.normal(size=(1000, 1))).astype(np.float32)
    (row,) = cuts(estimates, odds, (0.1, 0.5, 0.9), 0.02)
    for point, cut in zip((0.1, 0.5, 0.9), row, strict=True):
        above = odds[:, 0] > np.log(point / (1 - point))
        assert (estimates[above, 0] < cut).mean() <= 0.02
    assert (np.diff(row) >= 0).all()


def test_a_point_with_few_windows_has_the_cut_of_the_one_below() -> None:
    estimates = np.arange(100, dtype=np.float32)[:, None]
    odds = ((estimates - 50) / 10).astype(np.float32)
    (row,) = cuts(estimates, odds, (0.1, 0.5, 0.98), 0.0, enough=40)
    assert row[0] == 29 and row[1] == row[2] == 51
    assert cuts(estimates, odds, (0.98,), 0.0, enough=40)[0] == [np.float32(NOTHING)]
