"""A scorer by words in several languages and categories, of which one breaks it: no model, in a process of its own."""

from collections.abc import Sequence

from filters.category import Category
from filters.scorer import ScorerUnavailable, Scores
from filters.scorers.registry import Setup

WORDS: dict[Category, tuple[str, ...]] = {
    "toxicity": ("the", "dummkopf"),
    "insult": ("blockhead", "dummkopf", "nigaud"),
    "threat": ("was",),
}
BREAKS = "breakdown"
"""Who reads this word gives no verdict."""


class Loud:
    """Scores a category .95 where one of its words is, else .02."""

    name = "words"
    categories: tuple[Category, ...] = tuple(WORDS)
    languages = frozenset({"en", "de", "fr"})

    def score(self, texts: Sequence[str]) -> list[Scores]:
        if any(BREAKS in text.casefold() for text in texts):
            raise ScorerUnavailable("error")
        return [{category: self._score(text.casefold(), words) for category, words in WORDS.items()} for text in texts]

    def ready(self) -> bool:
        return True

    def _score(self, text: str, words: Sequence[str]) -> float:
        return 0.95 if any(word in text for word in words) else 0.02


def made(setup: Setup) -> Loud:
    """What `--scorer` names."""
    return Loud()
