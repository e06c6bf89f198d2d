"""Scores of texts as they are read."""

from collections.abc import Sequence

from filters.batcher import Batcher
from filters.normalize.readings import readings
from filters.scorer import EXACT, Scores, ThresholdValues


async def scores_as_read(batcher: Batcher, texts: Sequence[str], thresholds: ThresholdValues = EXACT) -> list[Scores]:
    """For each text, same order, the highest score of each category over its readings.

    One call for the readings of all texts, so each reading counts as a text there. ScorerUnavailable if there are none.
    Below `thresholds` they may be upper bounds (Batcher.score).
    """
    every = [readings(text) for text in texts]
    scores = iter(await batcher.score([reading for each in every for reading in each], thresholds))
    return [highest([next(scores) for _ in each]) for each in every]


def highest(scores: Sequence[Scores]) -> Scores:
    """The highest score of each category, of at least one text."""
    if len(scores) == 1:
        return scores[0]
    return {category: max(each[category] for each in scores) for category in scores[0]}
