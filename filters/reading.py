"""Scores of texts as they are read."""

from collections.abc import Iterable, Sequence

from filters.batcher import Batcher
from filters.normalize.readings import readings
from filters.scorer import EXACT, Scores, ThresholdValues


async def scores_as_read(batcher: Batcher, texts: Sequence[str], thresholds: ThresholdValues = EXACT) -> list[Scores]:
    """Return for each text, in order, the highest score of each category over its readings.

    One call for the readings of all texts, so each reading counts as a text there. ScorerUnavailable if there are none.
    Below `thresholds` they may be upper bounds (Batcher.score).
    """
    every = [readings(text) for text in texts]
    return highest_of(every, await batcher.score([reading for each in every for reading in each], thresholds))


def highest_of(every: Sequence[Sequence[str]], scores: Iterable[Scores]) -> list[Scores]:
    """Return for each group of texts the highest score of each category, of the scores of all texts in order."""
    found = iter(scores)
    return [highest([next(found) for _ in each]) for each in every]


def highest(scores: Sequence[Scores]) -> Scores:
    """Return the highest score of each category, of at least one text."""
    if len(scores) == 1:
        return scores[0]
    return {category: max(each[category] for each in scores) for category in scores[0]}
