"""What a probe says of a window of the answer, from what it saw of the model's states there.

1. Of each state it saw two numbers for each head, both linear in it: one counts by its mean over the window, one at its
   last token. Heads estimate log odds: of the highest score that the gate would give, then of each category's, and at
   last of the highest score of the sentence that is being written, once it is over: a forecast.
2. An estimate says something only by its calibration, which is a screen's (filters/scorers/screen.py): the lowest
   point below which a known share of the windows that the gate gives more do not lie.
3. What was seen is kept with the tokens (server/generation/transcript.py): what a rewind drops is gone from every mean.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from filters.category import Category
from filters.scorer import Scores
from filters.scorers.screen import Calibration


@dataclass(frozen=True)
class Probe:
    """A probe, its linear parts left out: they are where the model is (server/engine/core/sight.py), from `folder`.

    `biases` (1 + categories + 1) belong to the heads. Sentences with a forecast above `alarm` are likely to be flagged.
    """

    folder: Path
    calibration: Calibration
    biases: NDArray[np.float32]
    alarm: float
    is_named: bool = False
    """Whether the operator asked for it by name."""

    @property
    def categories(self) -> tuple[Category, ...]:
        """Every category that it bounds."""
        return self.calibration.categories

    def estimates(self, seen: bytes) -> NDArray[np.float32]:
        """Return log odds (1 + categories), the highest score's first, from what was seen of a window's tokens."""
        return self._found(seen)[:-1]

    def forecast(self, seen: bytes) -> float:
        """Return log odds of the highest score of the sentence that is being written, once it is over."""
        return float(self._found(seen)[-1])

    def _found(self, seen: bytes) -> NDArray[np.float32]:
        rows, heads = np.frombuffer(seen, np.float32).reshape(-1, 2 * len(self.biases)), len(self.biases)
        found: NDArray[np.float32] = rows[:, :heads].mean(axis=0) + rows[-1, heads:] + self.biases
        return found

    def bounds(self, seen: bytes) -> Scores:
        """Return upper bounds of the gate's scores of a window; above 1 where there is none."""
        (row,) = self.calibration.bounds(self.estimates(seen)[None]).tolist()
        return dict(zip(self.categories, row, strict=True))

    def alarms(self, seen: bytes) -> bool:
        """Return whether the sentence that is being written is likely to end flagged."""
        return self.forecast(seen) > self.alarm
