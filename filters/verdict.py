"""What a judge says of a passage."""

from dataclasses import dataclass

from filters.category import Category
from filters.scorer import Scores
from filters.span import TextSpan


@dataclass(frozen=True, slots=True)
class Cleared:
    """Nothing exceeds its threshold."""

    scores: Scores


@dataclass(frozen=True, slots=True)
class Flagged:
    """The passage exceeds a threshold.

    `span` is what to rewind, in characters of the passage's text, never before its `fresh` mark.
    `category` is the one with the highest excess; `scores` are those of the whole passage.
    """

    span: TextSpan
    scores: Scores
    category: Category


Verdict = Cleared | Flagged
