import math

import numpy as np
import pytest

from reporting.statistics import DRAWS, Estimate, distinct, draws, estimate

ALL_ONCE = np.array([[1.0, 1.0], [2.0, 0.0], [0.0, 2.0]])


def test_a_figure_is_a_ratio_of_sums_and_so_is_every_draw() -> None:
    found = estimate([(1, 2), (3, 4)], ALL_ONCE)
    assert found.value == pytest.approx(4 / 6)
    assert found.drawn == pytest.approx([4 / 6, 2 / 4, 6 / 8])


def test_ratios_and_differences_are_paired_by_draw() -> None:
    before, after = estimate([(8, 1), (2, 1)], ALL_ONCE), estimate([(4, 1), (1, 1)], ALL_ONCE)
    assert before.over(after).drawn == pytest.approx([2, 2, 2])
    assert before.minus(after).drawn == pytest.approx([2.5, 4, 1])
    interval = before.over(after).interval()
    assert (interval.value, interval.low, interval.high) == (2, 2, 2)


def test_a_function_of_a_figure_is_one_of_its_draws() -> None:
    found = estimate([(0, 1), (math.log(9), 1)], ALL_ONCE).map(np.exp)
    assert found.value == pytest.approx(3)
    assert found.drawn == pytest.approx([3, 1, 9])


def test_draws_are_of_as_many_prompts_and_the_seed_decides() -> None:
    drawn = draws(7, seed=1)
    assert drawn.shape == (DRAWS, 7)
    assert (drawn.sum(axis=1) == 7).all()
    assert (drawn == draws(7, seed=1)).all()
    assert (drawn != draws(7, seed=2)).any()


def test_the_interval_of_a_share_is_as_wide_as_it_should_be() -> None:
    """300 of 1,000: the normal approximation gives .3 +- 1.96 sqrt(.3 .7 / 1000) = .2716 to .3284."""
    interval = estimate([(float(index < 300), 1.0) for index in range(1000)], draws(1000, seed=0)).interval()
    assert interval.value == pytest.approx(0.3)
    assert interval.low == pytest.approx(0.2716, abs=0.004)
    assert interval.high == pytest.approx(0.3284, abs=0.004)


def test_nothing_to_count_is_not_a_number() -> None:
    found = estimate([(0, 0), (0, 0)], ALL_ONCE).interval().as_json()
    assert found == {"value": None, "low": None, "high": None}


def test_draws_with_nothing_to_count_are_left_out() -> None:
    interval = estimate([(0, 0), (1, 2)], ALL_ONCE).interval()
    assert (interval.value, interval.low, interval.high) == (0.5, 0.5, 0.5)


def test_something_over_nothing_is_infinite_and_says_so() -> None:
    some, none = Estimate(0.5, np.array([0.5, 0.6])), Estimate(0.0, np.array([0.0, 0.3]))
    assert some.over(none).interval().as_json() == {"value": None, "low": 2.0, "high": None, "infinite": True}


def test_distinct_counts_different_ngrams_and_words_of_all_samples() -> None:
    texts = ["a b a b", " b a", ""]
    assert distinct(texts, 1) == (2, 6)
    assert distinct(texts, 2) == (2, 6)  # a b, b a
    assert distinct(texts, 3) == (2, 6)  # a b a, b a b
    assert distinct([], 1) == (0, 0)
