"""A scorer that a test can swap while the server runs."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from filters.category import Category
from filters.scorer import Scorer, Scores
from filters.scorers.scripted import ScriptedScorer


class SwitchableScorer:
    """Delegates to `current`; its name and categories are those of the scorer that it was made with."""

    def __init__(self, real: Scorer) -> None:
        self.real = self.current = real
        self.texts: list[str] = []
        """Every text that was given to a scorer since the last swap."""
        self.forget: Callable[[], None] = lambda: None
        """Drops what the server remembers of an earlier scorer."""

    @property
    def name(self) -> str:
        return self.real.name

    @property
    def categories(self) -> tuple[Category, ...]:
        return self.real.categories

    def score(self, texts: Sequence[str]) -> list[Scores]:
        current = self.current
        self.texts += texts
        return current.score(texts)

    def ready(self) -> bool:
        return self.current.ready()

    @contextmanager
    def using(self, scorer: Scorer) -> Iterator[None]:
        """Judge by `scorer` for a while."""
        self.texts = []
        self.current = scorer
        self.forget()
        try:
            yield
        finally:
            self.current = self.real
            self.forget()

    @contextmanager
    def flagging(self, *words: str, seconds: float = 0.0) -> Iterator[ScriptedScorer]:
        """Flag every text that holds one of `words`, in any case; no words: clear everything."""
        scorer = ScriptedScorer(dict.fromkeys(words, 0.95), categories=self.categories, seconds=seconds)
        with self.using(scorer):
            try:
                yield scorer
            finally:
                scorer.release()
