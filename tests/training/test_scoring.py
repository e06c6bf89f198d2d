import random

import pytest

from filters.scorers.detoxify import DetoxifyScorer
from training.scoring import LENGTHS, changes, passage, shown, span, speeds, taken, verdicts


def test_passages_differ_and_keep_to_their_length() -> None:
    for length in LENGTHS:
        made = [passage(length, number) for number in range(16)]
        assert len(set(made)) == 16
        assert all(length // 2 <= len(each) <= length for each in made)


def test_every_way_has_its_turn_in_every_round() -> None:
    turns: list[str] = []
    seconds = taken((lambda _: turns.append("a"), lambda _: turns.append("b")), [], 3)
    assert turns == ["a", "b"] * 4
    assert [len(each) for each in seconds] == [3, 3]


def test_a_figure_is_the_median_for_a_passage_with_quartiles() -> None:
    assert shown([0.016, 0.032, 0.048], 16) == "2.00 (1.00 to 3.00)"


@pytest.mark.parametrize("count", [0, 5, 200])
def test_a_span_is_a_part_of_its_text(count: int) -> None:
    words = [str(number) for number in range(count)]
    assert span(words, random.Random(0)) in " ".join(words)


def test_changed_verdicts_are_counted_beside_the_flagged() -> None:
    line = changes([True, True, False, False], [True, False, False, True])
    assert line == "2 of 4 verdicts changed, 100.00% of the 2 flagged."
    assert "0.00%" in changes([False], [False])


def test_the_real_classifier_has_a_row_for_each_batch_and_the_same_verdicts(detoxify_scorer: DetoxifyScorer) -> None:
    rows = speeds(detoxify_scorer, 2)
    assert len(rows) == 12
    texts = ["You idiot", "A nice day"]
    assert (
        verdicts(detoxify_scorer, texts, rough=True) == verdicts(detoxify_scorer, texts, rough=False) == [True, False]
    )
