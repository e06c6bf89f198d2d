from pathlib import Path

import pytest

from filters.scorers.detoxify import DetoxifyScorer
from tests.training.encoders import write_packed
from training import report_classifier
from training.evaluate import Figure
from training.setting import Setting

_MET = Figure("Set", "area", 0.951, 2_200, 0.95)


def test_the_table_has_a_row_for_each_figure_and_a_column_for_each_classifier() -> None:
    columns = [("new", [_MET]), ("old", [Figure("Set", "area", 0.5, 2_200, 0.95)])]
    assert report_classifier.table(columns).splitlines() == [
        "| set | figure | texts | new | old | goal |",
        "|---|---|---|---|---|---|",
        "| Set | area | 2,200 | 0.951 | 0.500 | >= 0.95: met |",
    ]


def test_a_goal_that_is_missed_says_by_how_much() -> None:
    goal = report_classifier.goal
    assert goal(Figure("Set", "area", 0.9, 1, 0.98)) == ">= 0.98: short by 0.080"
    assert goal(Figure("Set", "flagged", 0.05, 1, 0.03, less_is_better=True)) == "<= 0.03: short by 0.020"
    assert goal(Figure("Set", "area", 0.9, 1)) == ""


def test_a_passage_takes_time(detoxify_scorer: DetoxifyScorer) -> None:
    alone, together = report_classifier.milliseconds(detoxify_scorer, 32)
    assert 0 < alone < 1_000
    assert 0 < together < 1_000


def test_another_classifier_is_a_further_column(
    bundled_classifier: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = write_packed(tmp_path, bundled_classifier)
    monkeypatch.setattr(report_classifier, "figures", lambda scorer, tokenizer, data, seed: [_MET])
    _, table, note = report_classifier.blocks(Setting(data=tmp_path, classifier=packed, against=(packed,)))
    assert table.splitlines()[0] == "| set | figure | texts | packed | packed | goal |"
    assert table.splitlines()[2] == "| Set | area | 2,200 | 0.951 | 0.951 | >= 0.95: met |"
    assert note.startswith("Seed 0, 2 threads. packed: ")
