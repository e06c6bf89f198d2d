"""The highest scores of what was scored in several texts."""

from filters.highest import highest, highest_of


def test_each_category_has_the_highest_of_its_scores() -> None:
    assert highest([{"a": 0.1, "b": 0.9}, {"a": 0.3, "b": 0.2}]) == {"a": 0.3, "b": 0.9}


def test_a_category_that_only_some_have_counts_and_nothing_has_none() -> None:
    assert highest([{}, {"a": 0.3}, {"a": 0.1, "b": 0.2}]) == {"a": 0.3, "b": 0.2}
    assert highest([]) == {}


def test_each_group_of_texts_has_its_own() -> None:
    scores = [{"a": 0.1}, {"a": 0.7}, {"a": 0.4}]
    assert highest_of([["x", "y"], ["z"]], scores) == [{"a": 0.7}, {"a": 0.4}]
    assert highest_of([], []) == []
