"""The demonstration shows what it claims, with the real classifier."""

from pathlib import Path

import pytest

from examples.learning_demo import TERM, Demonstration, reports, sentences
from learning.reader import Reader

pytestmark = pytest.mark.timeout(300)
"""Whichever test is first reads all base data."""


def test_a_hostile_key_moves_nothing_and_an_insult_is_learned(
    reader: Reader, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    demonstration = Demonstration(reader, tmp_path)
    made = demonstration.insult()
    unseen = [text.format(word="snorbel") for text in sentences("insult")[40:]]
    assert demonstration.part(unseen, made.heads) >= 0.9
    assert demonstration.hostile(made) < 0.01
    demonstration.steps(made.name)
    assert "rolled back to: the classifier alone" in capsys.readouterr().out


def test_an_innocent_term_is_freed_and_what_it_means_otherwise_is_held_by_base_data(
    reader: Reader, tmp_path: Path
) -> None:
    demonstration = Demonstration(reader, tmp_path)
    freed, held = demonstration.innocent()
    every = [text.format(word=TERM) for text in sentences("term")]
    unseen = [text for text in every if demonstration.part([text], demonstration.nothing)][40:]
    insults = [text.format(word=TERM) for text in sentences("insult")[40:]]
    judges = (demonstration.nothing, held.heads, freed.heads)
    before, kept, lost = (demonstration.part(insults, each) for each in judges)
    assert max(demonstration.part(unseen, each.heads) for each in (freed, held)) <= 0.1
    assert lost < kept and before - kept < 0.05


def test_sentences_are_many_and_in_the_same_order_every_time() -> None:
    for name in ("insult", "name", "term"):
        assert sentences(name) == sentences(name)
        assert len(set(sentences(name))) == 80


def test_reports_are_by_several_keys() -> None:
    assert len({row["key"] for row in reports(["a"] * 20, "missed")}) == 8
