"""Fixtures over the bundled classifier, for every folder whose tests need a real one."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from filters.scorers.detoxify import DetoxifyScorer
    from learning.reader import Reader

BUNDLED_CLASSIFIER = Path(__file__).resolve().parents[3] / "models" / "classifier"


@pytest.fixture(scope="session")
def bundled_classifier() -> Path:
    """The folder of the bundled classifier."""
    return BUNDLED_CLASSIFIER


@pytest.fixture(scope="session")
def detoxify_scorer(bundled_classifier: Path) -> "DetoxifyScorer":
    """The real detoxify with the bundled weights, loaded once."""
    from filters.scorers.detoxify import DetoxifyScorer  # imports torch: seconds that runs without it are spared

    return DetoxifyScorer.load(str(bundled_classifier))


@pytest.fixture(scope="session")
def reader(detoxify_scorer: "DetoxifyScorer") -> "Reader":
    """What learning reads with: it keeps what it has read, so that base data are read once."""
    from learning.reader import Reader

    return Reader(detoxify_scorer)
