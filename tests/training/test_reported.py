"""Reported cases, counted for a scorer that knows one word."""

import json
from pathlib import Path

import pytest

from tests.filters.test_judge import Drowning
from training.reported import Case, by_kind, figures, read_cases, wrong

CASES = [
    Case("You are kind.", "praise", False),
    Case("The idiot of the novel is its hero.", "quote", False),
    Case("You are an idiot.", "insult", True),
    Case("Nobody likes you.", "insult", True),
]
WRONGLY = [False, True, False, True]


def test_a_case_is_wrong_if_it_is_flagged_and_should_not_be_or_the_other_way_round() -> None:
    assert wrong(Drowning(), CASES) == WRONGLY


def test_the_shares_are_of_the_benign_and_of_the_toxic_each() -> None:
    benign, toxic = figures(CASES, WRONGLY)
    assert (benign.value, benign.texts, benign.is_met) == (0.5, 2, False)
    assert (toxic.value, toxic.texts, toxic.is_met) == (0.5, 2, False)


def test_the_table_has_the_kinds_that_are_wrong_and_no_text() -> None:
    said = by_kind(CASES, WRONGLY)
    assert "quote | flagged | 1 of 1" in said
    assert "insult | missed | 1 of 2" in said
    assert "praise" not in said
    assert "novel" not in said


def test_rows_that_expect_something_else_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "cases.jsonl"
    row = {"input": "Hello", "cat": "greeting", "expected": "not flagged"}
    path.write_text(json.dumps(row) + "\n")
    assert read_cases(path) == [Case("Hello", "greeting", False)]
    path.write_text(json.dumps({**row, "expected": "perhaps"}) + "\n")
    with pytest.raises(KeyError, match="perhaps"):
        read_cases(path)
