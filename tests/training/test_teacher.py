from pathlib import Path

import numpy as np
import pytest

from training.teacher import Teacher

TEXTS = ["A calm day.", "You idiot.", "A calm day."]


def test_scores_are_computed_once(bundled_classifier: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = Teacher(bundled_classifier, tmp_path).scores(TEXTS, exact=True)
    again = Teacher(bundled_classifier, tmp_path)
    monkeypatch.setattr(again, "_scorer", None)
    assert np.allclose(again.scores(TEXTS, exact=True), first)
    assert first.shape == (3, len(again.categories))
    assert (first[0] == first[2]).all() and first[1, 0] > first[0, 0]
