import math
from collections.abc import Sequence

import pytest

from filters.scorer import (
    REASONS,
    FilterError,
    Reason,
    ScorerLoadError,
    ScorerUnavailable,
    Scores,
    gate_of,
    is_below,
    is_valid,
    languages_of,
)
from filters.scorers.scripted import ScriptedScorer


@pytest.mark.parametrize("reason", REASONS)
def test_unavailable_carries_its_reason(reason: Reason) -> None:
    error = ScorerUnavailable(reason)
    assert (error.reason, str(error)) == (reason, f"no score: {reason}")
    assert isinstance(error, FilterError)


def test_a_load_error_is_one_line_with_the_file_and_what_was_expected() -> None:
    error = ScorerLoadError("a/b.ckpt", "expected a\n  checkpoint")
    assert str(error) == "scorer a/b.ckpt: expected a checkpoint"


@pytest.mark.parametrize("value", [0, 0.0, 0.5, 1, 1.0])
def test_scores_in_range_are_valid(value: float) -> None:
    assert is_valid({"insult": 0.2, "toxicity": value})


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -0.001, 1.001])
def test_a_single_bad_score_makes_them_invalid(value: float) -> None:
    assert not is_valid({"insult": 0.2, "toxicity": value})


@pytest.mark.parametrize(
    ("thresholds", "below"),
    [({"insult": 0.5}, True), ({"insult": 0.2}, False), ({"toxicity": 0.1}, True), ({}, False)],
)
def test_scores_are_below_thresholds_if_all_are_and_never_if_there_are_none(
    thresholds: dict[str, float], below: bool
) -> None:
    assert is_below({"insult": 0.2}, thresholds) == below
    assert not is_below({"insult": 0.2, "threat": 1.0}, thresholds)


def test_a_scorer_that_says_nothing_of_languages_reads_all() -> None:
    class Silent:
        name = "silent"
        categories = ("toxicity",)

        def score(self, texts: Sequence[str]) -> list[Scores]:
            return [{"toxicity": 0.0} for _ in texts]

        def ready(self) -> bool:
            return True

    assert languages_of(Silent()) is None
    assert languages_of(ScriptedScorer({}, languages=frozenset({"en"}))) == frozenset({"en"})


def test_a_judge_says_what_exactly_judges_or_has_its_name_taken_for_it() -> None:
    class Gated(ScriptedScorer):
        gate = "ab+0001"

    assert gate_of(ScriptedScorer({})) == "scripted"
    assert gate_of(Gated({})) == "ab+0001"
