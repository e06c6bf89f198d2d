import threading

import pytest

from filters.scorer import ScorerUnavailable
from filters.scorers.scripted import ScriptedScorer


def test_a_text_has_the_highest_score_of_the_words_in_it_in_any_case() -> None:
    scorer = ScriptedScorer({"Idiot": 0.9, "silly": 0.4}, categories=("toxicity", "insult"))
    rude, mild, clean = scorer.score(["you silly IDIOT", "so Silly!", "hello"])
    assert rude == {"toxicity": 0.9, "insult": 0.9}
    assert mild == {"toxicity": 0.4, "insult": 0.4}
    assert clean == {"toxicity": 0.0, "insult": 0.0}


def test_it_takes_its_time_by_the_sleep_it_was_given() -> None:
    slept: list[float] = []
    scorer = ScriptedScorer({}, seconds=0.25, sleep=slept.append)
    scorer.score(["a", "b"])
    scorer.score(["c"])
    assert slept == [0.25, 0.25]
    assert scorer.passes == 2


def test_it_fails_as_often_as_told() -> None:
    scorer = ScriptedScorer({})
    scorer.fail(2, "overloaded")
    for _ in range(2):
        with pytest.raises(ScorerUnavailable, match="overloaded"):
            scorer.score(["a"])
    assert scorer.score(["a"]) == [{"toxicity": 0.0}]


def test_it_hangs_until_released() -> None:
    scorer = ScriptedScorer({"a": 0.5})
    scorer.hang()
    scored = threading.Event()

    def score() -> None:
        scorer.score(["a"])
        scored.set()

    thread = threading.Thread(target=score)
    thread.start()
    assert not scored.wait(0.02)
    scorer.release()
    assert scored.wait(10)
    thread.join()
