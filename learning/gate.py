"""The tests that no candidate may fail: held-out texts on which it must be no worse than what judges now.

A test is a file given with `--gate`, a part of the base data, or reviewers' labels. It is failed if there are more
false alarms or more misses than before: by more than `ALLOWED` of its clean or toxic texts, rounded down, so by one
only where there are 200 of them. Of reviewers' labels none may be lost.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from filters.scorer import Scores, ThresholdValues
from filters.scorers.heads import Heads
from filters.thresholds import Thresholds
from learning.reader import Reader
from learning.rows import Row

ALLOWED = 0.005


@dataclass(frozen=True, slots=True)
class Test:
    """Held-out rows under a name; `allowed` is the part of them that may be lost."""

    name: str
    rows: Sequence[Row]
    allowed: float = ALLOWED


@dataclass(frozen=True, slots=True)
class Outcome:
    """Clean and toxic texts of a test, and how many of each are judged wrongly, before and by the candidate."""

    name: str
    clean: int
    false_alarms: tuple[int, int]
    toxic: int
    misses: tuple[int, int]
    passed: bool

    def line(self) -> str:
        """Return it as a line of the report."""
        alarms, misses = (f"{before} -> {after}" for before, after in (self.false_alarms, self.misses))
        word = "passed" if self.passed else "FAILED"
        return f"{word}  {self.name}: false alarms {alarms} of {self.clean}, misses {misses} of {self.toxic}"

    def noted(self) -> dict[str, object]:
        """Return it as it is noted of a version."""
        return asdict(self)


def run(
    tests: Sequence[Test], reader: Reader, current: Heads, candidate: Heads, thresholds: ThresholdValues
) -> list[Outcome]:
    """Return the outcome of every test that has a row."""
    return [_outcome(test, reader, current, candidate, Thresholds(thresholds)) for test in tests if test.rows]


def _outcome(test: Test, reader: Reader, current: Heads, candidate: Heads, thresholds: Thresholds) -> Outcome:
    texts = [row.text for row in test.rows]
    alarms, misses = [], []
    for heads in (current, candidate):
        flagged = [bool(thresholds.exceeded(scores)) for scores in reader.scores(texts, heads)]
        pairs = list(zip(flagged, test.rows, strict=True))
        alarms.append(sum(found and not row.label for found, row in pairs))
        misses.append(sum(row.label and not found for found, row in pairs))
    toxic = sum(row.label for row in test.rows)
    clean = len(texts) - toxic
    lost = alarms[1] - alarms[0] > int(test.allowed * clean) or misses[1] - misses[0] > int(test.allowed * toxic)
    return Outcome(test.name, clean, (alarms[0], alarms[1]), toxic, (misses[0], misses[1]), not lost)


def flagged(scores: Sequence[Scores], thresholds: ThresholdValues) -> float:
    """Return the part of texts with these scores that is flagged."""
    held = Thresholds(thresholds)
    return sum(bool(held.exceeded(each)) for each in scores) / max(1, len(scores))
