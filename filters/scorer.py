"""The port of everything that scores text, and the errors of scoring.

FilterError
  ScorerUnavailable   no usable score now: nothing unscored may be released (fail closed)
  ScorerLoadError     this scorer cannot be had at all: the server refuses to start
"""

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Literal, Protocol, get_args, runtime_checkable

from filters.category import Category

Scores = Mapping[Category, float]
ThresholdValues = Mapping[Category, float]
"""The thresholds that scores will be compared with, by category: below them upper bounds will do."""
EXACT: ThresholdValues = MappingProxyType({})
"""No thresholds: every score is to be exact."""

# deadline: not in time; overloaded: too many texts wait; error: it raised or returned nonsense; closed: shut down.
Reason = Literal["deadline", "overloaded", "error", "closed"]
REASONS: tuple[Reason, ...] = get_args(Reason)


class FilterError(Exception):
    """Root of the errors of this package."""


class ScorerUnavailable(FilterError):
    """There is no usable score for a text."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(f"no score: {reason}")
        self.reason: Reason = reason


class ScorerLoadError(FilterError):
    """A scorer cannot be loaded. The message is one line that names it and says what was expected."""

    def __init__(self, path_or_name: str, expected: str) -> None:
        super().__init__(" ".join(f"scorer {path_or_name}: {expected}".split()))
        self.path_or_name = path_or_name
        self.expected = expected


class Scorer(Protocol):
    """Scores texts, each by itself: what else is in the batch makes no difference to a text's scores."""

    @property
    def name(self) -> str:
        """For reports and metrics."""

    @property
    def categories(self) -> tuple[Category, ...]:
        """Every category that each of its scores holds."""

    def score(self, texts: Sequence[str]) -> list[Scores]:
        """Return one `Scores` for each text, same length and order, each value in 0..1.

        Blocking. Called from one thread at a time, which is not the event loop's. May raise anything; a
        ScorerUnavailable keeps its reason.
        """

    def ready(self) -> bool:
        """Return whether `score` can be called. Never blocks; called from any thread."""


@runtime_checkable
class Bounding(Protocol):
    """Optional fast path of a scorer: upper bounds instead of exact scores, where those are not needed."""

    def bounds(self, texts: Sequence[str], thresholds: Sequence[ThresholdValues]) -> list[Scores]:
        """As `score`, but where all scores of a text are below its `thresholds` (`is_below`), they may be upper bounds.

        The bounds are below them too. `thresholds` has an entry for each text.
        """


@runtime_checkable
class Multilingual(Protocol):
    """Optional word of a scorer on the languages that it reads; one that says nothing is taken to read all."""

    @property
    def languages(self) -> frozenset[str] | None:
        """ISO 639-1 codes. None if nothing is known of it."""


@runtime_checkable
class Gated(Protocol):
    """Optional word of a scorer on what exactly judges now: it may change while it is used."""

    @property
    def gate(self) -> str:
        """What tells this judge from any other: for reports, metrics and whoever learns from them."""


@runtime_checkable
class Insisting(Protocol):
    """Optional word of a scorer on texts that it has to read itself: it has learned what no screen or probe knows."""

    def must_read(self, text: str) -> bool:
        """Return whether a text may be cleared by nothing but this scorer. Never blocks; called from any thread."""


def must_read(scorer: Scorer, text: str) -> bool:
    """Return whether no screen and no probe may clear a text for a scorer; False if it says nothing."""
    return isinstance(scorer, Insisting) and scorer.must_read(text)


def gate_of(scorer: Scorer) -> str:
    """Return what exactly judges now; the scorer's name if it says nothing."""
    return scorer.gate if isinstance(scorer, Gated) else scorer.name


def languages_of(scorer: Scorer) -> frozenset[str] | None:
    """Return the ISO 639-1 codes of what a scorer reads; None for all."""
    return scorer.languages if isinstance(scorer, Multilingual) else None


def is_below(scores: Scores, thresholds: ThresholdValues) -> bool:
    """Return whether every score is below its threshold (below 1 if it has none); False without any thresholds."""
    return bool(thresholds) and all(value < thresholds.get(category, 1.0) for category, value in scores.items())


def is_valid(scores: Scores) -> bool:
    """Return whether every score is a finite number in 0..1."""
    return all(math.isfinite(value) and 0.0 <= value <= 1.0 for value in scores.values())
