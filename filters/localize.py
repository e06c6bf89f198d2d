"""Where in a flagged passage it turns: the rewind starts there, and the clean words before it are kept."""

from filters.batcher import Batcher
from filters.boundaries import word_start, word_starts
from filters.passage import Passage
from filters.scorer import ScorerUnavailable
from filters.thresholds import Thresholds

MAX_PREFIXES = 16


def onset_candidates(passage: Passage, most: int = MAX_PREFIXES) -> list[int]:
    """The indices at which a flagged span may begin, ascending, at most `most`, never empty, never before `fresh`.

    They are the starts of the fresh words; of too many, an even selection that holds the first. A word that begins
    before `fresh` counts as beginning there.
    """
    starts = list(word_starts(passage.text, passage.fresh))
    if not starts or word_start(passage.text, passage.fresh) < passage.fresh:
        starts.insert(0, passage.fresh)
    return [starts[index * len(starts) // most] for index in range(most)] if len(starts) > most else starts


async def onset(passage: Passage, batcher: Batcher, thresholds: Thresholds) -> int:
    """The start of the first fresh word with which the passage exceeds a threshold, in characters.

    One batch: every prefix that ends before a candidate word, and the whole. With more words than prefixes the answer
    is the first word since the last prefix that was clean, so it may be early but never late.
    ScorerUnavailable if there are no scores, or if even the whole passage does not exceed.
    """
    starts = onset_candidates(passage)
    ends = [*starts[1:], len(passage.text)]
    if len(ends) == 1:
        return starts[0]
    scores = await batcher.score([passage.text[:end].strip() for end in ends])
    for start, score in zip(starts, scores, strict=True):
        if thresholds.exceeded(score):
            return start
    raise ScorerUnavailable("error")
