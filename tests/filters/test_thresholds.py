import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.scorer import ScorerUnavailable
from filters.thresholds import Thresholds, strictest

LEVELS = st.dictionaries(st.sampled_from("abcdef"), st.floats(0, 1))


@pytest.mark.parametrize(("score", "flagged"), [(0.49, ()), (0.5, ("insult",)), (1.0, ("insult",))])
def test_at_the_threshold_is_too_high(score: float, flagged: tuple[str, ...]) -> None:
    assert Thresholds({"insult": 0.5}).exceeded({"insult": score}) == flagged


def test_the_highest_excess_comes_first_and_ties_go_by_name() -> None:
    thresholds = Thresholds({"threat": 0.5, "insult": 0.25, "obscene": 0.5})
    assert thresholds.exceeded({"threat": 0.75, "insult": 0.75, "obscene": 0.75}) == ("insult", "obscene", "threat")


def test_categories_without_a_threshold_or_without_a_score_are_left_out() -> None:
    assert Thresholds({"threat": 0.1, "insult": 0.1}).exceeded({"toxicity": 1.0, "insult": 0.2}) == ("insult",)


@given(LEVELS, LEVELS)
def test_exceeded_are_exactly_those_at_or_above_in_falling_excess(
    thresholds: dict[str, float], scores: dict[str, float]
) -> None:
    found = Thresholds(thresholds).exceeded(scores)
    assert set(found) == {name for name in thresholds.keys() & scores.keys() if scores[name] >= thresholds[name]}
    excess = [scores[name] - thresholds[name] for name in found]
    assert excess == sorted(excess, reverse=True)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -0.1, 1.1])
@pytest.mark.parametrize("category", ["insult", "unthresholded"])
def test_a_score_that_is_none_holds_the_text_back(bad: float, category: str) -> None:
    with pytest.raises(ScorerUnavailable, match="error"):
        Thresholds({"insult": 0.5}).exceeded({"insult": 0.1, category: bad})


@pytest.mark.parametrize("bad", [math.nan, -0.1, 1.1])
def test_a_threshold_outside_the_range_is_refused(bad: float) -> None:
    with pytest.raises(ValueError, match=r"0\.\.1"):
        Thresholds({"insult": bad})


def test_thresholds_do_not_change_with_what_they_were_made_of() -> None:
    source = {"insult": 0.5}
    thresholds = Thresholds(source)
    source["insult"] = 1.0
    assert thresholds.values == {"insult": 0.5}
    with pytest.raises(TypeError):
        thresholds.values["insult"] = 1.0  # type: ignore[index]


def test_the_excess_is_the_highest_one_and_negative_where_nothing_is_flagged() -> None:
    thresholds = Thresholds({"insult": 0.5, "threat": 0.2})
    assert thresholds.excess({"insult": 0.4, "threat": 0.1}) == pytest.approx(-0.1)
    assert thresholds.excess({"insult": 0.5, "threat": 0.1}) == 0
    assert thresholds.excess({"insult": 0.4, "threat": 0.9, "other": 1.0}) == pytest.approx(0.7)
    assert thresholds.excess({"other": 1.0}) < 0
    with pytest.raises(ScorerUnavailable):
        thresholds.excess({"insult": float("nan")})


def test_scaled_thresholds_are_so_many_times_as_high() -> None:
    assert Thresholds({"toxicity": 0.5, "insult": 0.3}).scaled(0.5).values == {"toxicity": 0.25, "insult": 0.15}
    with pytest.raises(ValueError, match="0\\.\\.1"):
        Thresholds({"toxicity": 0.6}).scaled(2.0)


def test_the_strictest_has_the_lowest_threshold_of_each_category() -> None:
    several = [Thresholds({"insult": 0.5, "threat": 0.2}), Thresholds({"insult": 0.3}), Thresholds({"obscene": 0.9})]
    assert strictest(several).values == {"insult": 0.3, "threat": 0.2, "obscene": 0.9}
    assert strictest(several[:1]) is several[0]
