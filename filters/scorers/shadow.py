"""A candidate beside what judges: it scores a share of the same texts, in the same pass, and decides nothing.

1. Which texts are in the share is told by the text alone: the same text is always in it, or never.
2. What is kept holds no text: how often the two agree, and the scores of the last differences.
"""

import hashlib
import json
import threading
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple, Protocol, get_args

from filters.category import Category
from filters.scorer import Scores, ThresholdValues
from filters.scorers.heads import Heads
from reporting.files import write_whole

# Which of the two flag a text.
Agreement = Literal["neither", "both", "current", "candidate"]
AGREEMENTS: tuple[Agreement, ...] = get_args(Agreement)
KEPT = 200
"""Differences whose scores are kept."""
_RANGE = 1 << 32


class Difference(NamedTuple):
    """The category in which one of the two is over its threshold, and what both give it."""

    category: Category
    current: float
    candidate: float


class ShadowObserver(Protocol):
    """Is told what shadows see, in the thread that scores."""

    def compared(self, agreement: Agreement) -> None:
        """Count a text that both have scored."""


class NullShadowObserver:
    """Ignores everything."""

    def compared(self, agreement: Agreement) -> None:
        """Do nothing."""


@dataclass
class Shadow:
    """`heads` are the candidate; `share` of the texts (0 to 1) are compared."""

    heads: Heads
    share: float
    observer: ShadowObserver = field(default_factory=NullShadowObserver)
    counts: Counter[Agreement] = field(default_factory=Counter)
    differences: deque[Difference] = field(default_factory=lambda: deque(maxlen=KEPT))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def takes(self, text: str) -> bool:
        """Return whether a text is in the share."""
        return _place(text) < self.share

    def compare(
        self,
        texts: Sequence[str],
        thresholds: Sequence[ThresholdValues],
        current: Sequence[Scores],
        candidate: Sequence[Scores],
    ) -> None:
        """Count what the two say of those texts that are in the share and held against thresholds."""
        for text, held, now, then in zip(texts, thresholds, current, candidate, strict=True):
            if held and self.takes(text):
                self._note(held, now, then)

    def write(self, path: Path) -> None:
        """Write what was counted so far; OSError if that cannot be."""
        with self._lock:
            said = {"counts": dict(self.counts), "differences": [list(each) for each in self.differences]}
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, json.dumps(said) + "\n")

    def _note(self, thresholds: ThresholdValues, current: Scores, candidate: Scores) -> None:
        over = [_over(each, thresholds) for each in (current, candidate)]
        agreement = _agreement(bool(over[0]), bool(over[1]))
        with self._lock:
            self.counts[agreement] += 1
            if agreement in ("current", "candidate"):
                name = (over[0] or over[1])[0]
                found = (current.get(name, 0.0), candidate.get(name, 0.0))
                self.differences.append(Difference(name, round(found[0], 3), round(found[1], 3)))
        self.observer.compared(agreement)


def _over(scores: Scores, thresholds: ThresholdValues) -> list[Category]:
    return [name for name, least in thresholds.items() if scores.get(name, 0.0) >= least]


def _agreement(current: bool, candidate: bool) -> Agreement:
    if current == candidate:
        return "both" if current else "neither"
    return "current" if current else "candidate"


def _place(text: str) -> float:
    digest = hashlib.blake2b(text.encode(errors="replace"), digest_size=4).digest()
    return int.from_bytes(digest) / _RANGE
