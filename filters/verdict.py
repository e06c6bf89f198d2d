"""What a judge says of a passage."""

from dataclasses import dataclass

from filters.category import Category
from filters.scorer import Scores
from filters.span import TextSpan


@dataclass(frozen=True, slots=True)
class Cleared:
    """Nothing exceeds its threshold. `unread`: some of it is in a language that the scorer does not read."""

    scores: Scores
    unread: bool = False


@dataclass(frozen=True, slots=True)
class Flagged:
    """The passage exceeds a threshold.

    `span` is what to rewind, in characters of the passage's text, never before its `fresh` mark.
    `exceeded` are the categories, that with the highest excess first; `scores` are those of the whole passage.
    `unread`: as of `Cleared`.
    """

    span: TextSpan
    scores: Scores
    exceeded: tuple[Category, ...]
    unread: bool = False

    @property
    def category(self) -> Category:
        """The one with the highest excess."""
        return self.exceeded[0]


Verdict = Cleared | Flagged
