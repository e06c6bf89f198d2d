"""The scorer of the scorer's process: always right about a few common syllables, so that every answer is rewound.

What is wrong with it stands in the file that UNSAY_CHAOS_SCORER names, which is looked at before each pass.
"""

import os
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from filters.category import Category
from filters.scorer import Scores
from filters.scorers.registry import Setup
from server.policy.policy import DEFAULT_THRESHOLDS
from tests.chaos import flagged_in

WRONG = "UNSAY_CHAOS_SCORER"
LATE_SECONDS = 5.0
"""Longer than the deadline of the server that asks."""
WORKING_BYTES = 512 * 1024 * 1024
"""What a pass allocates, as a classifier would: more than there is where the fault is a lack of it."""


class ScorerWithFaults:
    """Scores 0.95 or 0 unless its file says `nan` or `late`."""

    name = "chaos"
    categories: tuple[Category, ...] = tuple(DEFAULT_THRESHOLDS)

    def __init__(self, wrong: Path) -> None:
        self._wrong = wrong

    def score(self, texts: Sequence[str]) -> list[Scores]:
        wrong = self._wrong.read_text(encoding="utf-8")
        if wrong == "late":
            time.sleep(LATE_SECONDS)
        np.empty(WORKING_BYTES, np.uint8)
        return [dict.fromkeys(self.categories, float("nan") if wrong == "nan" else _score(text)) for text in texts]

    def ready(self) -> bool:
        return True


def _score(text: str) -> float:
    return 0.95 if flagged_in(text) else 0.0


def make(setup: Setup) -> ScorerWithFaults:
    """What `--scorer` names."""
    return ScorerWithFaults(Path(os.environ[WRONG]))
