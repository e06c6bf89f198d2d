from collections.abc import Sequence

import pytest

from filters.scorer import Bounding, Scores, ThresholdValues
from filters.scorers.marked import MARK, MarkedScorer
from filters.scorers.scripted import ScriptedScorer

TEXT = "The river rises in the mountains and flows through three valleys before it meets the sea at last"


class BoundingScorer(ScriptedScorer):
    """Counts how often bounds were enough."""

    bounded = 0

    def bounds(self, texts: Sequence[str], thresholds: Sequence[ThresholdValues]) -> list[Scores]:
        self.bounded += 1
        return [{"toxicity": 0.0} for _ in texts]


def _marked(scorer: MarkedScorer, text: str) -> bool:
    return max(scorer.score([text])[0].values()) == MARK


def _words(count: int) -> list[str]:
    return [f"word{number}" for number in range(count)]


def test_about_the_wanted_share_of_places_is_marked() -> None:
    words = _words(4002)
    scorer = MarkedScorer(ScriptedScorer({}), 0.05)
    places = [" ".join(words[at : at + 3]) for at in range(4000)]
    assert sum(_marked(scorer, place) for place in places) / 4000 == pytest.approx(0.05, abs=0.01)


def test_a_place_is_marked_in_every_text_that_shows_it() -> None:
    words = _words(200)
    scorer = MarkedScorer(ScriptedScorer({}), 0.02)
    found = [at for at in range(198) if _marked(scorer, " ".join(words[at : at + 3]))]
    assert found
    assert _marked(scorer, " ".join(words))
    assert all(_marked(scorer, " ".join(words[max(0, at - 9) : at + 6]).upper() + "!") for at in found)
    assert not _marked(scorer, " ".join(words[: found[0] + 2]))  # the place is not whole yet


def test_another_seed_marks_other_places() -> None:
    texts = [" ".join(_words(300)[at : at + 3]) for at in range(297)]
    one, other = (MarkedScorer(ScriptedScorer({}), 0.2, seed) for seed in (0, 1))
    assert one.score(texts) == one.score(texts) != other.score(texts)


def test_the_scores_of_the_wrapped_one_do_not_count() -> None:
    scorer = MarkedScorer(ScriptedScorer({"river": 1.0}, categories=("a", "b")), 0.0)
    assert scorer.score([TEXT]) == [{"a": 0.0, "b": 0.0}]


def test_its_work_is_done_all_the_same() -> None:
    real = ScriptedScorer({})
    scorer = MarkedScorer(real, 0.5)
    scorer.score([TEXT, TEXT])
    scorer.bounds([TEXT], [{"toxicity": 0.5}])
    assert real.passes == 2
    bounding = BoundingScorer({})
    assert isinstance(MarkedScorer(bounding, 0.5), Bounding)
    MarkedScorer(bounding, 0.0).bounds([TEXT], [{"toxicity": 0.5}])
    assert (bounding.bounded, bounding.passes) == (1, 0)


def test_what_is_marked_is_scored_exactly_too_as_what_is_flagged() -> None:
    bounding = BoundingScorer({})
    assert MarkedScorer(bounding, 1.0).bounds(["two words", TEXT], [{"toxicity": 0.5}] * 2)[1]["toxicity"] == MARK
    assert (bounding.bounded, bounding.passes) == (1, 1)


def test_it_is_ready_when_the_wrapped_one_is() -> None:
    assert MarkedScorer(ScriptedScorer({}), 0.5).ready()
