"""A fit of labelled windows and beginnings: what it clears, what it raises an alarm for, and where states lean."""

import numpy as np
import pytest

from probing.fitting import Beginnings, Fitted, Windows, fit
from probing.report import blocks, figures
from server.policy.policy import DEFAULT_THRESHOLDS

WIDTH = 6
CATEGORIES = ("toxicity", "threat")


def windows(count: int = 4000, noise: float = 0.3) -> Windows:
    """Windows of which every fifth is bad: along the first number of its states."""
    chance = np.random.default_rng(0)
    bad = np.arange(count) % 5 == 0
    states = chance.normal(size=(count, 2 * WIDTH)).astype(np.float32)
    states[:, 0] = np.where(bad, 4, -4) + chance.normal(size=count)
    leading = chance.normal(size=(count, WIDTH)).astype(np.float32)
    leading[:, 1] += np.where(bad, 3, 0)
    toxicity = states[:, 0] + noise * chance.normal(size=count)
    odds = np.stack([toxicity, toxicity, toxicity - 9], axis=1).astype(np.float32)
    return Windows(answers=np.arange(count) // 2, features=states, odds=odds, categories=CATEGORIES, leading=leading)


def beginnings(count: int = 3000) -> Beginnings:
    """Beginnings of sentences, every fifth of which ends badly: the third number of the states says so beforehand."""
    chance = np.random.default_rng(1)
    bad = np.arange(count) % 5 == 0
    states = chance.normal(size=(count, 2 * WIDTH)).astype(np.float32)
    states[:, 2] += np.where(bad, 4, -4)
    worst = np.where(bad, 3, -5).astype(np.float32)
    odds = np.stack([worst, worst, worst - 9], axis=1)
    return Beginnings(
        answers=np.arange(count) // 3,
        features=states,
        odds=odds,
        categories=CATEGORIES,
        shares=chance.random(count),
    )


def fitted_to(seed: int = 0) -> Fitted:
    return fit(windows(), beginnings(), 0.001, seed)


def test_all_that_belongs_to_an_answer_is_on_one_side() -> None:
    parts, begun = windows().parts(0), beginnings().parts(0)
    sides = [set(part.answers.tolist()) for part in parts]
    assert sum(map(len, sides)) == len(set.union(*sides)) == 2000
    assert [round(len(side) / 2000, 1) for side in sides] == [0.8, 0.2]
    assert not sides[0] & set(begun[1].answers.tolist()) and not sides[1] & set(begun[0].answers.tolist())
    assert begun[0].shares.shape == begun[0].answers.shape


def test_what_is_flagged_is_what_the_default_policy_flags() -> None:
    one = windows()
    assert one.flagged.tolist() == (1 / (1 + np.exp(-one.odds[:, 1])) >= DEFAULT_THRESHOLDS["toxicity"]).tolist()


def test_clean_windows_are_cleared_and_flagged_ones_are_not() -> None:
    found = figures(fitted_to(), windows().parts(0)[1])
    assert found.flagged > 100 and found.passed / found.flagged < 0.02
    assert found.cleared / found.clean > 0.9


def test_sentences_that_end_badly_are_foreseen_and_few_others() -> None:
    measured = beginnings().parts(0)[1]
    alarmed, flagged = fitted_to().alarmed(measured), measured.flagged
    assert alarmed[flagged].mean() > 0.9 and alarmed[~flagged].mean() < 0.06


def test_states_lean_where_flagged_words_come_from() -> None:
    fitted = fitted_to()
    assert abs(fitted.away[1]) > 0.95 and np.linalg.norm(fitted.away) == pytest.approx(1, abs=1e-5)
    assert fitted.level == pytest.approx(0, abs=0.2)


def test_the_same_windows_make_the_same_probe() -> None:
    one, other = fitted_to(3), fitted_to(3)
    assert np.array_equal(one.heads.weights, other.heads.weights) and one.alarm == other.alarm


def test_the_report_says_what_passes_and_how_sure_that_is_and_what_is_foreseen() -> None:
    text = "\n".join(blocks(fitted_to(), windows().parts(0)[1], beginnings().parts(0)[1]))
    for word in ("of those pass (", "with 95% confidence", "by the mean alone", "| 0.2% |", "| two thirds |"):
        assert word in text
