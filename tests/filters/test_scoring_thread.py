import logging
import queue
import threading
from collections.abc import Sequence

import pytest

from filters.scorer import EXACT, Reason, ScorerUnavailable, Scores, ThresholdValues
from filters.scorers.scripted import ScriptedScorer
from filters.scoring_thread import Outcome, ScoringThread, score_checked, score_groups


class OddScorer:
    """Returns what it was made with, whatever it is asked; raises it if it is an error."""

    name = "odd"
    categories = ("toxicity",)

    def __init__(self, answer: list[Scores] | Exception) -> None:
        self.answer = answer

    def score(self, texts: Sequence[str]) -> list[Scores]:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def ready(self) -> bool:
        return True


class PickyScorer(ScriptedScorer):
    """Raises on any batch with a poisonous text in it."""

    def score(self, texts: Sequence[str]) -> list[Scores]:
        scores = super().score(texts)
        if "poison" in texts:
            raise ValueError("cannot read this")
        return scores


GOOD: Scores = {"toxicity": 0.5}


@pytest.mark.parametrize(
    "answer",
    [
        [],
        [GOOD],
        [GOOD] * 3,
        [GOOD, {"toxicity": float("nan")}],
        [GOOD, {"toxicity": 1.5}],
        [GOOD, {"toxicity": -0.5}],
        RuntimeError("broken"),
    ],
    ids=repr,
)
def test_nonsense_and_errors_of_any_kind_are_one_error(answer: list[Scores] | Exception) -> None:
    with pytest.raises(ScorerUnavailable) as caught:
        score_checked(OddScorer(answer), ["a", "b"])
    assert caught.value.reason == "error"


def test_a_reason_that_the_scorer_gives_is_kept() -> None:
    with pytest.raises(ScorerUnavailable) as caught:
        score_checked(OddScorer(ScorerUnavailable("overloaded")), ["a"])
    assert caught.value.reason == "overloaded"


def test_sound_scores_pass_through() -> None:
    assert score_checked(OddScorer([GOOD, {"toxicity": 1.0}]), ["a", "b"]) == [GOOD, {"toxicity": 1.0}]


def test_the_log_names_the_error_but_does_not_quote_it(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING), pytest.raises(ScorerUnavailable):
        score_checked(OddScorer(ValueError("a private text")), ["a private text"])
    assert "ValueError" in caplog.text
    assert "private" not in caplog.text


def test_groups_share_a_pass_and_get_their_own_scores_back() -> None:
    scorer = ScriptedScorer({"one": 0.1, "two": 0.2, "three": 0.3})
    results = score_groups(scorer, [["one", "three"], ["two"]])
    assert results == [[{"toxicity": 0.1}, {"toxicity": 0.3}], [{"toxicity": 0.2}]]
    assert scorer.passes == 1


def test_a_poisonous_text_fails_only_its_own_group() -> None:
    scorer = PickyScorer({"one": 0.1})
    first, poisoned, last = score_groups(scorer, [["one"], ["one", "poison"], ["two"]])
    assert (first, last) == ([{"toxicity": 0.1}], [{"toxicity": 0.0}])
    assert isinstance(poisoned, ScorerUnavailable)
    assert scorer.passes == 4


@pytest.mark.parametrize(("reason", "passes"), [("error", 3), ("deadline", 1), ("overloaded", 1)])
def test_what_is_no_texts_fault_is_not_tried_again_for_each(reason: Reason, passes: int) -> None:
    scorer = ScriptedScorer({})
    scorer.fail(9, reason)
    results = score_groups(scorer, [["one"], ["two"]])
    assert [result.reason for result in results if isinstance(result, ScorerUnavailable)] == [reason] * 2
    assert scorer.passes == passes


def test_a_group_alone_is_not_tried_twice() -> None:
    scorer = PickyScorer({})
    assert isinstance(score_groups(scorer, [["poison"]])[0], ScorerUnavailable)
    assert scorer.passes == 1


def test_the_thread_delivers_in_order_survives_errors_and_says_when_it_ends() -> None:
    delivered: queue.Queue[tuple[Outcome | None, str]] = queue.Queue()
    thread = ScoringThread(
        PickyScorer({"one": 0.1}), lambda outcome: delivered.put((outcome, threading.current_thread().name))
    )
    thread.start()
    for groups in ([["poison"]], [["one"]]):
        thread.submit(groups)
    thread.stop()
    (failed, name), (scored, _), (last, _) = (delivered.get(timeout=10) for _ in range(3))
    assert failed is not None and isinstance(failed.results[0], ScorerUnavailable)
    assert scored is not None and scored.results == [[{"toxicity": 0.1}]] and scored.seconds >= 0
    assert (last, name) == (None, "unsay-scorer")


HALF: ThresholdValues = {"toxicity": 0.5}


class BoundingScorer(ScriptedScorer):
    """Gives half of the lowest threshold for a bound, and remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__({})
        self.asked: list[list[ThresholdValues]] = []

    def bounds(self, texts: Sequence[str], thresholds: Sequence[ThresholdValues]) -> list[Scores]:
        self.asked.append(list(thresholds))
        return [{"toxicity": min(each.values(), default=0.0) / 2} for each in thresholds]


def test_a_scorer_with_bounds_is_told_what_each_group_needs() -> None:
    scorer = BoundingScorer()
    found = score_groups(scorer, [["a", "b"], ["c"]], [HALF, EXACT])
    assert found == [[{"toxicity": 0.25}] * 2, [{"toxicity": 0.0}]]
    assert scorer.asked == [[HALF, HALF, EXACT]]


def test_exact_scores_are_asked_of_it_as_of_any_other() -> None:
    scorer = BoundingScorer()
    score_groups(scorer, [["a"]])
    score_groups(scorer, [["a"]], [EXACT])
    assert (scorer.asked, scorer.passes) == ([], 2)


def test_a_scorer_without_bounds_gives_exact_scores() -> None:
    assert score_checked(ScriptedScorer({"a": 0.3}), ["a"], [HALF]) == [{"toxicity": 0.3}]
