from filters.category import KNOWN_CATEGORIES
from filters.scorers.detoxify import DetoxifyScorer


def test_what_the_bundled_classifier_scores_is_known(detoxify_scorer: DetoxifyScorer) -> None:
    assert set(detoxify_scorer.categories) < set(KNOWN_CATEGORIES)
    assert len(set(KNOWN_CATEGORIES)) == len(KNOWN_CATEGORIES)
