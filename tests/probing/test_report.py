"""Figures of a report; what it says of a fit: tests/probing/test_fitting.py."""

import pytest

from probing.report import Figures


@pytest.mark.parametrize(("passed", "flagged", "most"), [(0, 0, 1.0), (0, 100, 0.037), (1, 1000, 0.0056)])
def test_the_share_that_passes_has_an_upper_end(passed: int, flagged: int, most: float) -> None:
    assert Figures(0, flagged, passed, 0, 0).most_passed == pytest.approx(most, abs=0.001)
