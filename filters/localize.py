"""Where in a flagged passage it turns: the rewind starts there, and the clean words before it are kept."""

from itertools import chain

from filters.batcher import Batcher
from filters.boundaries import word_start, word_starts
from filters.call import ANYBODY, Caller
from filters.normalize.encodings import encoded_spans
from filters.normalize.spelling import disguised_spans
from filters.passage import Passage
from filters.reading import scores_as_read
from filters.thresholds import Thresholds

NEAR = 40
"""Characters of context: with all of it onsets are found no better, and each prefix costs three times as much."""
NEARLY = 0.85
"""The part of a threshold from which a prefix counts: the word that tips the scales often just follows the one that
loaded them (benchmarks/onset.py, docs/decisions/0018)."""


def onset_candidates(passage: Passage) -> list[int]:
    """Return the indices at which a flagged span may begin, ascending, never empty, never before `fresh`.

    They are the starts of the fresh words. A word that begins before `fresh` counts as beginning there, and so does a
    row of single letters or of encoded ones, which is one word to a reader.
    """
    encoded = list(encoded_spans(passage.text))
    whole = chain(disguised_spans(passage.text), encoded)
    within = {index for span in whole for index in range(span.start + 1, span.end)}
    begun = {span.start for span in encoded if not passage.text[span.start - 1 : span.start].isalnum()}
    found = {*word_starts(passage.text, passage.fresh), *(start for start in begun if start >= passage.fresh)}
    starts = sorted(found - within)
    if not starts or passage.fresh in within or word_start(passage.text, passage.fresh) < passage.fresh:
        starts.insert(0, passage.fresh)
    return starts


async def onset(passage: Passage, batcher: Batcher, thresholds: Thresholds, caller: Caller = ANYBODY) -> int:
    """Return the start of the fresh word at which a flagged passage turns, in characters.

    It is the word with which a threshold is nearly reached, found by halving: is it reached at the end of the word in
    the middle? Prefixes begin shortly before the fresh text, and whether one reaches a threshold is all that is asked,
    which a screen can mostly tell. Where what was reached is lost again it is one of the words with which it is.
    ScorerUnavailable if there are no scores.
    """
    starts = onset_candidates(passage)
    begin = word_start(passage.text, max(0, starts[0] - NEAR))
    nearly = thresholds.scaled(NEARLY)
    first, last = 0, len(starts) - 1
    while first < last:
        middle = (first + last) // 2
        prefix = passage.text[begin : starts[middle + 1]].strip()
        (scores,) = await scores_as_read(batcher, [prefix], nearly.values, caller)
        if nearly.exceeded(scores):
            last = middle
        else:
            first = middle + 1
    return starts[first]
