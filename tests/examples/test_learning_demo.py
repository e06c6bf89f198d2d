"""The demonstration shows what it claims, with the real classifier."""

from pathlib import Path

import pytest

from examples.learning_demo import Demonstration, reports, sentences
from learning.reader import Reader


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


def test_sentences_are_many_and_in_the_same_order_every_time() -> None:
    for name in ("insult", "name"):
        assert sentences(name) == sentences(name)
        assert len(set(sentences(name))) == 80


def test_reports_are_by_several_keys() -> None:
    assert len({row["key"] for row in reports(["a"] * 20, "missed")}) == 8
