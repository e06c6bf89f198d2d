"""A fit of labelled windows: what it clears, what it raises an alarm for, and where states lean."""

import numpy as np
import pytest

from probing.fitting import Labelled, fit
from probing.report import blocks, figures
from server.policy.policy import DEFAULT_THRESHOLDS

WIDTH = 6
CATEGORIES = ("toxicity", "threat")


def labelled(count: int = 4000, noise: float = 0.3) -> Labelled:
    """Windows of which every fifth is bad: along the first number of its states."""
    chance = np.random.default_rng(0)
    bad = np.arange(count) % 5 == 0
    states = chance.normal(size=(count, 2 * WIDTH)).astype(np.float32)
    states[:, 0] = np.where(bad, 4, -4) + chance.normal(size=count)
    leading = chance.normal(size=(count, WIDTH)).astype(np.float32)
    leading[:, 1] += np.where(bad, 3, 0)
    toxicity = states[:, 0] + noise * chance.normal(size=count)
    odds = np.stack([toxicity, toxicity, toxicity - 9], axis=1).astype(np.float32)
    return Labelled(np.arange(count) // 2, states, leading, odds, CATEGORIES)


def test_windows_of_an_answer_are_on_one_side() -> None:
    parts = labelled().parts(0)
    sides = [set(part.answers.tolist()) for part in parts]
    assert sum(map(len, sides)) == len(set.union(*sides)) == 2000
    assert [round(len(side) / 2000, 1) for side in sides] == [0.8, 0.2]


def test_what_is_flagged_is_what_the_default_policy_flags() -> None:
    one = labelled()
    assert one.flagged.tolist() == (1 / (1 + np.exp(-one.odds[:, 1])) >= DEFAULT_THRESHOLDS["toxicity"]).tolist()


def test_clean_windows_are_cleared_and_flagged_ones_are_not() -> None:
    one = labelled()
    fitted = fit(one, 0.001, 0)
    found = figures(fitted, one.parts(0)[1])
    assert found.flagged > 100 and found.passed / found.flagged < 0.02
    assert found.cleared / found.clean > 0.9
    assert found.alarms / found.flagged > 0.9 and found.false_alarms / found.clean < 0.06


def test_states_lean_where_flagged_words_come_from() -> None:
    fitted = fit(labelled(), 0.001, 0)
    assert abs(fitted.away[1]) > 0.95 and np.linalg.norm(fitted.away) == pytest.approx(1, abs=1e-5)
    assert fitted.level == pytest.approx(0, abs=0.2)


def test_the_same_windows_make_the_same_probe() -> None:
    one, other = fit(labelled(), 0.001, 3), fit(labelled(), 0.001, 3)
    assert np.array_equal(one.heads.weights, other.heads.weights) and one.alarm == other.alarm


def test_the_report_says_what_passes_and_how_sure_that_is() -> None:
    one = labelled()
    text = "\n".join(blocks(fit(one, 0.001, 0), one.parts(0)[1]))
    for word in ("of those pass (", "with 95% confidence", "by the mean alone", "| 0.2% |"):
        assert word in text
