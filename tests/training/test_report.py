import hashlib
import sys
from pathlib import Path

import pytest

from filters.scorers.detoxify import DetoxifyScorer
from tests.training.encoders import write_packed
from tests.training.texts import write_collection
from training import report
from training.evaluate import Figure

_MET = Figure("Set", "area", 0.951, 2_200, 0.95)


def test_the_table_has_a_row_for_each_figure_and_a_column_for_each_classifier() -> None:
    rows = report.table([("new", [_MET]), ("old", [Figure("Set", "area", 0.5, 2_200, 0.95)])]).splitlines()
    assert rows == [
        "| set | figure | texts | new | old | goal |",
        "|---|---|---|---|---|---|",
        "| Set | area | 2,200 | 0.951 | 0.500 | >= 0.95: met |",
    ]


def test_a_goal_that_is_missed_says_by_how_much() -> None:
    assert report.goal(Figure("Set", "area", 0.9, 1, 0.98)) == ">= 0.98: short by 0.080"
    assert report.goal(Figure("Set", "flagged", 0.05, 1, 0.03, less_is_better=True)) == "<= 0.03: short by 0.020"
    assert report.goal(Figure("Set", "area", 0.9, 1)) == ""


def test_each_file_has_its_hash(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")
    assert report.file_hashes([tmp_path / "a"]) == f"{hashlib.sha256(b'x').hexdigest()}  a"


def test_a_passage_takes_time(detoxify_scorer: DetoxifyScorer) -> None:
    alone, together = report.milliseconds(detoxify_scorer, 32)
    assert 0 < alone < 1_000
    assert 0 < together < 1_000


def test_the_command_prints_figures_seed_and_hashes_and_no_text(
    bundled_classifier: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    packed, data = write_packed(tmp_path, bundled_classifier), write_collection(tmp_path)
    monkeypatch.setattr(sys, "argv", ["report", "--data", str(data), "--classifier", str(packed)])
    report.main()
    printed = capsys.readouterr().out
    assert "| Jigsaw, cased, held out | AUC toxicity | 2,200 |" in printed
    assert "Seed 0, 2 threads." in printed
    assert hashlib.sha256((packed / "detoxify.ckpt").read_bytes()).hexdigest() in printed
    assert "idiot" not in printed
