"""Cohen's kappa, by hand."""

import pytest

from server.feedback.agreement import agreement, kappa
from server.feedback.tables import ReviewRow


def review(reviewer: str, toxic: bool | None, category: str | None = None, about: str = "answer") -> ReviewRow:
    return ReviewRow(reviewer=reviewer, toxic=toxic, category=category, about=about)


def test_the_example_of_the_books() -> None:
    """Two readers of 50 grant proposals: 20 both yes, 15 both no, 5 and 10 apart."""
    pairs = [(1, 1)] * 20 + [(1, 0)] * 5 + [(0, 1)] * 10 + [(0, 0)] * 15
    assert kappa(pairs) == pytest.approx(0.4)


@pytest.mark.parametrize("pairs", [[], [(1, 1)], [(0, 0)] * 9])
def test_where_nothing_else_could_be_expected_there_is_none(pairs: list[tuple[int, int]]) -> None:
    assert kappa(pairs) is None


def test_chance_alone_is_zero_and_worse_than_chance_is_below() -> None:
    assert kappa([(1, 1), (1, 0), (0, 1), (0, 0)]) == 0
    assert kappa([(1, 0), (0, 1)]) == -1


def test_those_are_compared_who_judged_the_same_text_and_had_something_to_say() -> None:
    judged = [
        [review("bob", True, "insult"), review("ann", True, "threat")],
        [review("ann", False), review("bob", False)],
        [review("ann", True), review("bob", False)],
        [review("ann", True), review("bob", None)],
        [review("ann", True), review("bob", True, about="taken_back")],
        [review("ann", True)],
    ]
    found = agreement(judged)
    assert (found["judged_twice"], found["agreed"]) == (3, 2)
    assert found["kappa_toxic"] == pytest.approx(0.4, abs=1e-3)
    assert found["kappa_category"] == pytest.approx(kappa([(1, 2), (3, 3), (4, 3)]), abs=1e-3)
