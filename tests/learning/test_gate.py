from filters.scorers.heads import Heads, with_correction
from learning.command import thresholds
from learning.gate import Test as Held
from learning.gate import flagged, run
from learning.reader import Reader
from learning.rows import Row

HELD = thresholds(None)
ROWS = [Row("The soup was good.", False), Row("You are a stupid idiot.", True)]


def shifted(reader: Reader, alone: Heads, by: float) -> Heads:
    """A candidate that moves every score of the first category."""
    return with_correction(alone, 0, 0 * reader.seen(["a"], alone).embeddings[0], by, 0.0)


def test_a_candidate_that_is_no_worse_passes(reader: Reader, alone: Heads) -> None:
    (outcome,) = run([Held("held out", ROWS)], reader, alone, alone, HELD)
    assert outcome.passed
    assert outcome.line() == "passed  held out: false alarms 0 -> 0 of 1, misses 0 -> 0 of 1"


def test_a_candidate_that_flags_what_is_clean_or_misses_what_is_toxic_fails(reader: Reader, alone: Heads) -> None:
    (blocking,) = run([Held("benign", ROWS[:1])], reader, alone, shifted(reader, alone, 20.0), HELD)
    assert blocking.line() == "FAILED  benign: false alarms 0 -> 1 of 1, misses 0 -> 0 of 0"
    (missing,) = run([Held("toxic", ROWS)], reader, alone, shifted(reader, alone, -20.0), {"toxicity": 0.2})
    assert missing.line() == "FAILED  toxic: false alarms 0 -> 0 of 1, misses 0 -> 1 of 1"
    assert missing.noted()["passed"] is False


def test_of_many_texts_one_in_two_hundred_may_be_lost(reader: Reader, alone: Heads) -> None:
    many = [Row("The soup was good.", False)] * 199
    louder = shifted(reader, alone, 20.0)
    assert not run([Held("benign", many)], reader, alone, louder, HELD)[0].passed
    half = run([Held("benign", many, allowed=1.0)], reader, alone, louder, HELD)
    assert half[0].passed


def test_a_test_without_rows_is_none(reader: Reader, alone: Heads) -> None:
    assert run([Held("labels", [])], reader, alone, alone, HELD) == []


def test_the_part_that_is_flagged() -> None:
    assert flagged([{"toxicity": 0.9}, {"toxicity": 0.1}], HELD) == 0.5
    assert flagged([], HELD) == 0
