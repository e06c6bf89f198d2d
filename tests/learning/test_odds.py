import numpy as np
import pytest

from learning.odds import folds, logit, sigmoid


def test_log_odds_of_certainty_are_finite() -> None:
    assert sigmoid(np.array([logit(0.2), logit(0.0), 1e9])) == pytest.approx([0.2, 0.0, 1.0], abs=1e-5)


def test_a_group_is_in_one_fold() -> None:
    assert folds(["a", "b", "a", "c", "d"], 3) == [0, 1, 0, 2, 0]
