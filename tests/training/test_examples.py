from pathlib import Path

import pytest

from tests.training.texts import write_rows
from training.examples import CATEGORIES, Example, clean, draw, labelled, letters, read_rows

_SIX = {"toxic": 1, "severe_toxic": 0, "obscene": 1, "threat": 0, "insult": 0, "identity_hate": 1}


def test_six_labels_become_six_known_targets_in_detoxifys_order() -> None:
    example = labelled({"text": "a", "labels": _SIX, "source": "jigsaw/x"})
    assert dict(zip(CATEGORIES, example.targets, strict=True)) == {
        "toxicity": 1.0,
        "severe_toxicity": 0.0,
        "obscene": 1.0,
        "threat": 0.0,
        "insult": 0.0,
        "identity_attack": 1.0,
    }
    assert set(example.weights) == {1.0}


@pytest.mark.parametrize("labels", [{"toxic": 1}, {"toxicity_fraction": 0.4}])
def test_what_a_toxic_text_is_besides_is_masked(labels: dict[str, float]) -> None:
    example = labelled({"text": "a", "labels": labels, "source": "x"})
    assert example.toxicity == next(iter(labels.values()))
    assert example.weights == (1.0, 0.0, 0.0, 0.0, 0.0, 0.0)


def test_a_text_that_is_not_toxic_is_taken_for_clean_in_the_rest_but_counts_less() -> None:
    example = labelled({"text": "a", "labels": {"toxicity_fraction": 0.0}, "source": "x"})
    assert example.targets == (0.0,) * 6
    assert example.weights[0] == 1.0
    assert all(0 < weight < 0.5 for weight in example.weights[1:])


def test_unknown_labels_and_a_wrong_number_of_targets_are_refused() -> None:
    with pytest.raises(KeyError):
        labelled({"text": "a", "labels": {"spam": 1}, "source": "x"})
    with pytest.raises(ValueError, match="6 targets"):
        Example("a", (0.0,), (1.0,), "x")


def test_clean_examples_are_known_to_be_clean() -> None:
    assert clean("a", "prose", 0.5) == Example("a", (0.0,) * 6, (0.5,) * 6, "prose")


def test_copies_that_differ_in_case_and_punctuation_are_drawn_alike() -> None:
    assert letters("Hello, World 2!") == "helloworld2"
    assert draw("Hello, World!", 1000) == draw("hello world", 1000)
    assert len({draw(f"text {number}", 4) for number in range(50)}) == 4


def test_rows_are_read_as_they_were_written(tmp_path: Path) -> None:
    rows = [{"text": "caf\u00e9", "labels": {"toxic": 0}, "source": "x"}]
    assert read_rows(write_rows(tmp_path / "rows.jsonl.gz", rows)) == rows
