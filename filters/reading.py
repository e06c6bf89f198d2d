"""Scores of texts as they are read."""

from collections.abc import Sequence

from filters.batcher import Batcher
from filters.call import ANYBODY, Caller
from filters.highest import highest_of
from filters.normalize.readings import readings
from filters.scorer import EXACT, Scores, ThresholdValues


async def scores_as_read(
    batcher: Batcher, texts: Sequence[str], thresholds: ThresholdValues = EXACT, caller: Caller = ANYBODY
) -> list[Scores]:
    """Return for each text, in order, the highest score of each category over its readings.

    One call for the readings of all texts, so each reading counts as a text there. ScorerUnavailable if there are none.
    Below `thresholds` they may be upper bounds (Batcher.score).
    """
    every = [readings(text) for text in texts]
    return highest_of(every, await batcher.score([reading for each in every for reading in each], thresholds, caller))
