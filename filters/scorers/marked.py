"""A scorer that flags on purpose: for benchmarks, where a known share of the spans is to be flagged at the real cost.

1. The wrapped scorer scores every text, in the way it would have done, and its scores are thrown away. Where bounds are
   asked for, it scores a marked text exactly besides: no bound would have cleared what it flags.
2. What is flagged is decided by the text alone: three words in a row are marked if their hash says so. A marked place
   is found again in whatever text shows it, like a word that a lexicon knows, so locating it and rewinding behind it
   work as with a real scorer, and a text that was cleared stays clear as context.
"""

import hashlib
import re
from collections.abc import Sequence

from filters.category import Category
from filters.scorer import Bounding, Scorer, Scores, ThresholdValues

MARK = 0.95
_WORD = re.compile(r"\w+")
_RANGE = 1 << 32


class MarkedScorer:
    """Scores MARK in its first category if a text holds a marked place, else 0.

    `share` is the probability that a place (three words in a row) is marked; another `seed` marks others.
    """

    def __init__(self, real: Scorer, share: float, seed: int = 0) -> None:
        self.name = f"{real.name}, marked"
        self.categories: tuple[Category, ...] = real.categories
        self._real = real
        self._bound = int(share * _RANGE)
        self._seed = seed

    def score(self, texts: Sequence[str]) -> list[Scores]:
        """The marks of each text, once the wrapped scorer has scored them all."""
        self._real.score(texts)
        return [self._scores(text) for text in texts]

    def bounds(self, texts: Sequence[str], thresholds: Sequence[ThresholdValues]) -> list[Scores]:
        """The same, with no more work of the wrapped scorer than bounds take if such texts are flagged."""
        if not isinstance(self._real, Bounding):
            return self.score(texts)
        self._real.bounds(texts, thresholds)
        found = [self._scores(text) for text in texts]
        if marked := [text for text, scores in zip(texts, found, strict=True) if any(scores.values())]:
            self._real.score(marked)
        return found

    def ready(self) -> bool:
        """Whether the wrapped scorer is."""
        return self._real.ready()

    def _scores(self, text: str) -> Scores:
        marked = self._bound > 0 and self._is_marked(_WORD.findall(text.casefold()))
        return {**dict.fromkeys(self.categories, 0.0), self.categories[0]: MARK if marked else 0.0}

    def _is_marked(self, words: Sequence[str]) -> bool:
        return any(self._hash(place) < self._bound for place in zip(words, words[1:], words[2:], strict=False))

    def _hash(self, place: tuple[str, ...]) -> int:
        digest = hashlib.blake2b(f"{self._seed} {' '.join(place)}".encode(), digest_size=4).digest()
        return int.from_bytes(digest)
