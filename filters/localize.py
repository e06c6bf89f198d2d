"""Where in a flagged passage it turns: the rewind starts there, and the clean words before it are kept."""

import math
from collections.abc import Sequence
from itertools import pairwise

from filters.batcher import Batcher
from filters.boundaries import word_start, word_starts
from filters.normalize.folding import scores_as_read
from filters.normalize.spelling import disguised_spans
from filters.passage import Passage
from filters.thresholds import Thresholds

MAX_WORDS = 64
"""Candidates: 16 prefixes are scored of so many."""
FEW = 4
"""So few words are tried all at once."""
NEAR = 40
"""Characters of context: with all of it onsets are found no better, and each prefix costs three times as much."""
STEEP = 0.8
"""The part of the steepest rise that counts as one (benchmarks/onset.py, benchmarks/NOTES.md)."""


def onset_candidates(passage: Passage, most: int = MAX_WORDS) -> list[int]:
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
    """The start of the fresh word at which a flagged passage turns, in characters.

    Of the words up to the first with which a threshold is exceeded, it is the first whose rise is (nearly) the
    steepest: the word that tips the scales often only follows the one that loaded them. A rise is told by the prefixes
    that end before and behind it, begun shortly before the fresh text. Of many words, first the stretch is found in
    which the passage turns, then the word in it: two batches, together about twice the root of the number of words.
    ScorerUnavailable if there are no scores.
    """
    starts = onset_candidates(passage)
    if len(starts) == 1:
        return starts[0]
    begin = word_start(passage.text, max(0, starts[0] - NEAR))

    async def excess(ends: Sequence[int]) -> list[float]:
        return await _excess([passage.text[begin:end].strip() for end in ends], batcher, thresholds)

    size = 1 if len(starts) <= FEW else math.isqrt(len(starts) - 1) + 1
    reached = await excess([*starts[::size], len(passage.text)])
    turn = _turn(reached)
    words = starts[turn * size : (turn + 1) * size]
    within = await excess(words[1:])
    return words[_turn([reached[turn], *within, reached[turn + 1]])]


async def _excess(prefixes: Sequence[str], batcher: Batcher, thresholds: Thresholds) -> list[float]:
    """By how much each exceeds. Exact scores: upper bounds would hide a rise."""
    scores = iter(await scores_as_read(batcher, [prefix for prefix in prefixes if prefix]))
    return [thresholds.excess(next(scores)) if prefix else -thresholds.lowest for prefix in prefixes]


def _turn(excess: Sequence[float]) -> int:
    """The index of the word (or stretch) that turns it: `excess` has that before the first one, and after each."""
    crossing = next((index for index, value in enumerate(excess[1:]) if value >= 0), len(excess) - 2)
    rises = [after - before for before, after in pairwise(excess[: crossing + 2])]
    return next((index for index, rise in enumerate(rises) if rise > 0 and rise >= STEEP * max(rises)), 0)
