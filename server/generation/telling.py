"""What one choice came to, for those who look at it later: its report, where it was flagged, and what it says.

1. Places are characters of the answer's text as far as it was released.
2. What was flagged is a stretch of that text that was let through (monitored, or released as the least toxic), or was
   taken back: then the stretch is what is said instead, empty where the answer ends there.
3. Text is in here, and may be kept for no longer than the policy of the answer says.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from server.generation.report import Report


@dataclass(frozen=True, slots=True)
class FlaggedText:
    """Characters of the answer, the leading category that was flagged there, and the flagged text, if it was kept."""

    start: int
    end: int
    category: str
    taken_back: bool
    text: str | None = None


@dataclass(frozen=True, slots=True)
class ChoiceRecord:
    """`text` was released. `disagreement`: how far apart probe and classifier were at most, where there is a probe."""

    report: Report
    text: str
    spans: tuple[FlaggedText, ...] = ()
    prompt: str | None = None
    disagreement: float | None = None


def record(report: Report, said: str, flagged: Iterable[FlaggedText]) -> ChoiceRecord:
    """Return the record of a choice of which `said` was released, and `flagged` is all that was flagged."""
    return ChoiceRecord(report, said, within(flagged, len(said)))


def within(spans: Iterable[FlaggedText], released: int) -> tuple[FlaggedText, ...]:
    """Return the spans as far as they were released. What was flagged behind that has been withheld."""
    cut = (replace(each, start=min(each.start, released), end=min(each.end, released)) for each in spans)
    return tuple(replace(each, taken_back=True) if each.start == each.end else each for each in cut)
