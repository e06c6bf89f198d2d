from filters.scorers.detoxify import DetoxifyScorer
from filters.scorers.scripted import ScriptedScorer
from filters.scorers.teachable import Teachable


def test_detoxifys_scorer_can_be_taught_and_a_scripted_one_cannot(detoxify_scorer: DetoxifyScorer) -> None:
    assert isinstance(detoxify_scorer, Teachable)
    assert not isinstance(ScriptedScorer({}), Teachable)
