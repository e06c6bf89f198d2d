"""Insults amid plain text, counted for a scorer that sees them only among little else."""

import random

import pytest

from tests.filters.test_judge import Drowning
from training.dilution import COUNT, LENGTHS, insults, missed, surround, table
from training.examples import CATEGORIES, all_known, clean

PROSE = ["The river is wide here.", "A boat came by at noon and nobody looked up."]
_INSULT = tuple(float(name == "insult") for name in CATEGORIES)


def test_the_insults_are_short_and_labelled_so() -> None:
    examples = [
        clean("a kind word for everybody", "x"),
        all_known("too short", _INSULT, "x"),
        all_known("much " * 12, _INSULT, "x"),
        *(all_known(f"you are number {n} of them", _INSULT, "x") for n in range(COUNT + 3)),
    ]
    assert insults(examples) == [f"you are number {n} of them" for n in range(COUNT)]


@pytest.mark.parametrize("before", LENGTHS)
def test_what_surrounds_is_whole_words_of_about_that_length(before: int) -> None:
    text = surround("you idiot", before, 50, PROSE, random.Random(0))
    start = text.index("you idiot")
    assert max(0, before - 12) <= start <= before + 1
    assert set(text[:start].split()) <= {word for said in PROSE for word in said.split()}


def test_judged_whole_it_goes_under_and_in_parts_it_does_not() -> None:
    texts = [surround("You are an idiot.", 400, 400, PROSE, random.Random(n)) for n in range(5)]
    assert missed(Drowning(), texts) == (1.0, 0.0)
    assert missed(Drowning(), ["You are an idiot."]) == (0.0, 0.0)
    assert missed(Drowning(), ["You are kind."]) == (1.0, 1.0)


def test_the_table_has_a_cell_for_every_pair_of_lengths() -> None:
    lines = table(Drowning(), ["You are an idiot."], PROSE, seed=0).splitlines()
    assert len(lines) == 2 + len(LENGTHS)
    assert lines[2].startswith("| 0 before | 0%, 0% |") and "100%, 0%" in lines[-1]
