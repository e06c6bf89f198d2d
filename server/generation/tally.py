"""Counts of one choice while it runs, for its report and for the audit log."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from server.generation.observer import Judgement

MOST_SPANS = 64
"""So many flagged spans of a choice are remembered: a policy that rewinds has fewer, one that only looks may not."""


@dataclass(frozen=True, slots=True)
class FlaggedSpan:
    """A span that was flagged: characters of the answer as it stood at an attempt, and scores by exceeded category.

    `text` is kept only where the policy says so (`audit_text`), and told to nobody but the audit log.
    """

    attempt: int
    start: int
    end: int
    scores: Mapping[str, float]
    text: str | None = field(default=None, repr=False)


@dataclass(slots=True)
class Tally:
    """Counts of one choice while it runs."""

    spans_scored: int = 0
    spans_flagged: int = 0
    spans_failed: int = 0
    flagged_spans: list[FlaggedSpan] = field(default_factory=list)
    scores: dict[str, float] = field(default_factory=dict)
    strategies: list[str] = field(default_factory=list)
    detected: set[str] = field(default_factory=set)
    """The categories for which spans were flagged."""
    cause: Mapping[str, float] = field(default_factory=dict)
    """The scores of the last flagged span, by the categories it was flagged for: what ends an answer that ends so."""
    failure: str | None = None
    """Why the scorer gave no verdict, if it did not."""
    language: str | None = None
    """The code of the language of the answer, or that it is unknown; None as long as nobody has looked."""
    unread: bool = False
    """Whether any of it is in a language that the scorer does not read."""

    @property
    def verdict(self) -> Judgement | None:
        """What an answer without a guard would have come to: until the first flag it is the same. None: not judged."""
        if self.spans_flagged:
            return "flagged"
        if self.spans_failed:
            return "failed"
        return "cleared" if self.spans_scored else None

    @property
    def turned(self) -> str | None:
        """The category that the first flagged span exceeded most; None if there is none."""
        return next(iter(self.flagged_spans[0].scores)) if self.flagged_spans else None

    def judged(self) -> None:
        """Count a span that has its verdict."""
        self.spans_scored += 1

    def flagged(self, span: FlaggedSpan) -> None:
        """Count a span flagged for these categories, with these scores."""
        self.spans_flagged += 1
        self.detected.update(span.scores)
        self.cause = span.scores
        if len(self.flagged_spans) < MOST_SPANS:
            self.flagged_spans.append(span)

    def failed(self, reason: str) -> None:
        """Count a span that got no verdict."""
        self.spans_failed += 1
        self.failure = reason
        self.cause = {}

    def keep(self, scores: Mapping[str, float]) -> None:
        """Keep the highest score of each category among the spans that were let through."""
        for category, score in scores.items():
            if score > self.scores.get(category, -1.0):
                self.scores[category] = score

    def tried(self, strategy: str) -> None:
        """Remember a strategy, once."""
        if strategy not in self.strategies:
            self.strategies.append(strategy)
