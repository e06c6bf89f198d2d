"""Where in a flagged passage it turns: the rewind starts there, and the clean words before it are kept."""

from collections.abc import Sequence
from itertools import pairwise

from filters.batcher import Batcher
from filters.boundaries import word_start, word_starts
from filters.normalize.folding import scores_as_read
from filters.normalize.spelling import disguised_spans
from filters.passage import Passage
from filters.scorer import ScorerUnavailable
from filters.thresholds import Thresholds

MAX_PREFIXES = 16
STEEP = 0.8
"""The part of the steepest rise that counts as one (benchmarks/onset.py, benchmarks/NOTES.md)."""


def onset_candidates(passage: Passage, most: int = MAX_PREFIXES) -> list[int]:
    """The indices at which a flagged span may begin, ascending, at most `most`, never empty, never before `fresh`.

    They are the starts of the fresh words; of too many, an even selection that holds the first. A word that begins
    before `fresh` counts as beginning there, and so does a row of single letters, which is one word to a reader.
    """
    within = {index for span in disguised_spans(passage.text) for index in range(span.start + 1, span.end)}
    starts = [start for start in word_starts(passage.text, passage.fresh) if start not in within]
    if not starts or passage.fresh in within or word_start(passage.text, passage.fresh) < passage.fresh:
        starts.insert(0, passage.fresh)
    return [starts[index * len(starts) // most] for index in range(most)] if len(starts) > most else starts


async def onset(passage: Passage, batcher: Batcher, thresholds: Thresholds) -> int:
    """The start of the fresh word at which the passage turns, in characters.

    One batch: the text before the first candidate word, every prefix that ends before another one, and the whole. Of
    the words up to the first with which a threshold is exceeded, it is the first whose rise is (nearly) the steepest:
    the word that tips the scales often only follows the one that loaded them. With more words than prefixes the answer
    may be early, never late. ScorerUnavailable if there are no scores, or if even the whole does not exceed.
    """
    starts = onset_candidates(passage)
    ends = [*starts, len(passage.text)]
    if len(starts) == 1:
        return starts[0]
    prefixes = [passage.text[:end].strip() for end in ends]
    # Exact scores: upper bounds would hide the rise.
    scores = iter(await scores_as_read(batcher, [prefix for prefix in prefixes if prefix]))
    return starts[_turn([thresholds.excess(next(scores)) if prefix else -thresholds.lowest for prefix in prefixes])]


def _turn(excess: Sequence[float]) -> int:
    """The index of the word that turns it: `excess` has that before the first word, and after each."""
    crossing = next((index for index, value in enumerate(excess[1:]) if value >= 0), None)
    if crossing is None:
        raise ScorerUnavailable("error")
    rises = [after - before for before, after in pairwise(excess[: crossing + 2])]
    return next((index for index, rise in enumerate(rises) if rise > 0 and rise >= STEEP * max(rises)), 0)
