"""The triad's figures for a scorer that knows one word."""

import pytest

from tests.filters.test_judge import Drowning
from training.triad import Texts, f1, head, over_blocking, row

SETS = [
    Texts("Some", ["You idiot.", "You are kind.", "Go away.", "An idiot, said the poet."], [True, False, True, False]),
    Texts("Calm", ["A river.", "An idiot."], [False, False]),
]


@pytest.mark.parametrize(
    ("flagged", "expected"), [([True, True, False], 1.0), ([True, False, True], 0.5), ([False] * 3, 0.0)]
)
def test_f1_is_the_harmonic_mean_of_precision_and_recall(flagged: list[bool], expected: float) -> None:
    assert f1(flagged, [True, True, False]) == pytest.approx(expected)


def test_over_blocked_is_the_share_of_the_harmless_that_is_flagged() -> None:
    assert over_blocking([True, True, False, False], [True, False, False, True]) == 0.5


def test_a_row_has_a_cell_for_each_word_of_the_head_but_the_latency() -> None:
    cells = row("one", Drowning(), SETS)
    assert cells == ("one", "50.0%", "0.500", "50.0%")
    assert head(SETS)[:-2] == ("classifier", "Some: over-blocked", "Some: F1", "Calm: over-blocked")
