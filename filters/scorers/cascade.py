"""A screen before a classifier: the screen clears the obvious, the classifier judges the rest.

The rules:
1. The screen only clears. Whatever it does not clear is scored by the classifier, in one batch.
2. Without `thresholds` there is nothing below which a bound would do: the classifier scores every text.
3. The classifier is told `thresholds` too, and may be content with less than exact scores (`Bounding`).
4. A screen that fails, or says too little, clears nothing: every text goes to the classifier.
5. What the screen clears has upper bounds for scores, all below `thresholds`, never an estimate.
6. The screen was made from the classifier alone. A text that is judged by what was learned beside it, or is compared by
   a candidate, goes to the classifier whatever the screen would say.
"""

import logging
from collections.abc import Sequence
from typing import Protocol

from filters.category import Category
from filters.scorer import (
    Bounding,
    Scorer,
    Scores,
    ThresholdValues,
    gate_of,
    is_below,
    is_valid,
    languages_of,
    must_read,
)

_log = logging.getLogger(__name__)


class Clearing(Protocol):
    """What a cascade needs of a screen."""

    @property
    def name(self) -> str:
        """For the log."""

    @property
    def categories(self) -> tuple[Category, ...]:
        """Every category that it bounds."""

    def clear(self, texts: Sequence[str], thresholds: Sequence[ThresholdValues]) -> list[Scores | None]:
        """Return for each text upper bounds of its scores, all below its `thresholds`, or None. May raise anything."""

    def ready(self) -> bool:
        """Return whether `clear` can be called. Never blocks; called from any thread."""


class CascadeObserver(Protocol):
    """Is told what a cascade does, in the thread that scores."""

    def screened(self, cleared: int, judged: int) -> None:
        """Count the texts of a pass that the screen cleared, and those that went on to the classifier."""

    def screen_failed(self) -> None:
        """Count a pass whose screen raised or answered nonsense; all of it goes to the classifier."""


class NullCascadeObserver:
    """Ignores everything."""

    def screened(self, cleared: int, judged: int) -> None:
        """Do nothing."""

    def screen_failed(self) -> None:
        """Do nothing."""


class Cascade:
    """Scores with a classifier, and with a screen where exact scores are not needed. ValueError unless they fit."""

    def __init__(self, screen: Clearing, classifier: Scorer, observer: CascadeObserver | None = None) -> None:
        if set(screen.categories) != set(classifier.categories):
            raise ValueError(f"{screen.name} bounds {screen.categories}, {classifier.name} scores others")
        # A report names what judges: the screen only leaves out what would be cleared.
        self.name = classifier.name
        self.languages = languages_of(classifier)
        self._screen = screen
        self._classifier = classifier
        self._observer = observer or NullCascadeObserver()

    @property
    def classifier(self) -> Scorer:
        """What judges what the screen does not clear."""
        return self._classifier

    @property
    def categories(self) -> tuple[Category, ...]:
        """Those of the classifier."""
        return self._classifier.categories

    @property
    def gate(self) -> str:
        """That of the classifier."""
        return gate_of(self._classifier)

    def score(self, texts: Sequence[str]) -> list[Scores]:
        """Return the classifier's scores."""
        return self._classifier.score(texts)

    def bounds(self, texts: Sequence[str], thresholds: Sequence[ThresholdValues]) -> list[Scores]:
        """Return for each text the screen's upper bounds if all are below its `thresholds`, else the classifier's."""
        skipping = [self.must_read(text) for text in texts]
        if all(skipping):
            return self._judged(texts, thresholds)
        cleared = self._cleared(texts, thresholds)
        cleared = [None if skips else bounds for skips, bounds in zip(skipping, cleared, strict=True)]
        rest = [index for index, bounds in enumerate(cleared) if bounds is None]
        judged = iter(
            self._judged([texts[index] for index in rest], [thresholds[index] for index in rest]) if rest else []
        )
        self._observer.screened(len(texts) - len(rest), len(rest))
        return [next(judged) if bounds is None else bounds for bounds in cleared]

    def _judged(self, texts: Sequence[str], thresholds: Sequence[ThresholdValues]) -> list[Scores]:
        classifier = self._classifier
        return classifier.bounds(texts, thresholds) if isinstance(classifier, Bounding) else classifier.score(texts)

    def must_read(self, text: str) -> bool:
        """Return whether the classifier has to read a text."""
        return must_read(self._classifier, text)

    def ready(self) -> bool:
        """Return whether both are ready."""
        return self._screen.ready() and self._classifier.ready()

    def _cleared(self, texts: Sequence[str], thresholds: Sequence[ThresholdValues]) -> list[Scores | None]:
        try:
            cleared = self._screen.clear(texts, thresholds)
            if len(cleared) == len(texts) and all(map(self._is_sound, cleared, thresholds)):
                return cleared
            _log.warning("screen %s returned bounds that are none", self._screen.name)
        except Exception as error:
            # Only the type is logged: the message may quote the text.
            _log.warning("screen %s failed: %s", self._screen.name, type(error).__name__)
        self._observer.screen_failed()
        return [None] * len(texts)

    def _is_sound(self, bounds: Scores | None, thresholds: ThresholdValues) -> bool:
        if bounds is None:
            return True
        return bounds.keys() == set(self.categories) and is_valid(bounds) and is_below(bounds, thresholds)
