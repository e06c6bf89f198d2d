"""A deterministic scorer without a model: for tests, for trying out a server, for demonstrations."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence

from filters.category import Category
from filters.scorer import Reason, ScorerUnavailable, Scores


class ScriptedScorer:
    """Scores a text by the words that occur in it, and fails or hangs when told to. Obeys the port of `Scorer`."""

    name = "scripted"

    def __init__(
        self,
        words: Mapping[str, float],
        *,
        categories: tuple[Category, ...] = ("toxicity",),
        languages: frozenset[str] | None = None,
        seconds: float = 0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Script it: `words` maps a word (any substring, any case) to its score; a pass takes `seconds`."""
        self.categories = categories
        self.languages = languages
        self.passes = 0  # calls of `score` so far
        self._words = {word.casefold(): score for word, score in words.items()}
        self._seconds = seconds
        self._sleep = sleep
        self._failures: list[Reason] = []
        self._open = threading.Event()
        self._open.set()

    def score(self, texts: Sequence[str]) -> list[Scores]:
        """Return for every category the highest score of the words in the text, 0 if there is none."""
        self.passes += 1
        self._open.wait()
        if self._seconds:
            self._sleep(self._seconds)
        if self._failures:
            raise ScorerUnavailable(self._failures.pop())
        return [dict.fromkeys(self.categories, self._highest(text.casefold())) for text in texts]

    def ready(self) -> bool:
        """Return True: there is nothing to load."""
        return True

    def fail(self, times: int, reason: Reason = "error") -> None:
        """Make the next `times` passes raise ScorerUnavailable(reason)."""
        self._failures = [reason] * times

    def hang(self) -> None:
        """Make every pass from now on wait for `release`."""
        self._open.clear()

    def release(self) -> None:
        """Let waiting passes go on."""
        self._open.set()

    def _highest(self, text: str) -> float:
        return max((score for word, score in self._words.items() if word in text), default=0.0)
