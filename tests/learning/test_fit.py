import numpy as np
import pytest

from learning.fit import Examples, Prior
from learning.odds import Array

RNG = np.random.default_rng(1)
BACKGROUND = RNG.normal(size=(200, 6))


def examples(known: float, right: float) -> Examples:
    rows = RNG.normal(size=(20, 6))
    rows[:, 0] += 6.0  # what they have in common
    return Examples(rows, np.full(20, known), np.full(20, right), np.ones(20))


@pytest.mark.parametrize(("known", "right"), [(-3.0, 1.0), (6.0, 0.0)])
def test_examples_are_moved_to_their_side_however_wrong_they_were_and_the_background_hardly(
    known: float, right: float
) -> None:
    found = Prior(BACKGROUND, still=5.0, ridge=1.0).fit(wrong := examples(known, right))
    assert ((wrong.known + found(wrong.rows) > 0) == bool(right)).all()
    assert np.abs(found(BACKGROUND)).mean() < np.abs(found(wrong.rows)).mean() / 4


def test_the_stiller_the_background_is_held_the_less_it_moves() -> None:
    wrong = examples(-3.0, 1.0)
    moved = [np.abs(Prior(BACKGROUND, still=still, ridge=1.0).fit(wrong)(BACKGROUND)).mean() for still in (1, 100)]
    assert moved[1] < moved[0] / 2


def test_the_slope_is_zero_at_what_was_found() -> None:
    known, rows = examples(1.0, 0.0), BACKGROUND
    still, ridge = 5.0, 1.0
    found = Prior(rows, still=still, ridge=ridge).fit(known)
    scale = rows.std(axis=0) + 1e-6

    def loss(weight: Array) -> float:
        change = known.known + known.rows @ weight + found.bias - (rows.mean(axis=0) @ (weight - found.weight))
        centred = (rows - rows.mean(axis=0)) @ weight
        likelihood = np.logaddexp(0, change) - known.right * change
        return float(likelihood.sum() + still / 2 * (centred**2).mean() + ridge / 2 * ((weight * scale) ** 2).sum())

    best = loss(found.weight)
    assert all(loss(found.weight + step) >= best - 1e-6 for step in 0.01 * RNG.normal(size=(50, 6)))


def test_what_counts_for_nothing_moves_nothing() -> None:
    wrong = examples(-3.0, 1.0)
    found = Prior(BACKGROUND, still=1.0, ridge=1.0).fit(Examples(wrong.rows, wrong.known, wrong.right, np.zeros(20)))
    assert np.abs(found(wrong.rows)).max() == 0.0


def test_a_change_can_be_made_larger() -> None:
    found = Prior(BACKGROUND, still=1.0, ridge=1.0).fit(examples(0.0, 1.0))
    assert found.scaled(2.0)(BACKGROUND) == pytest.approx(2 * found(BACKGROUND))
