"""Texts to fit on: read from files as they come, refused in one line that says which row."""

import gzip
import json
from pathlib import Path

import pytest

from probing.texts import OPENINGS, ProbeError, Text, given, openings


def test_rows_hold_texts_under_several_names(tmp_path: Path) -> None:
    rows = [
        {"text": "An answer."},
        {"prompt": {"text": "It"}, "continuation": {"text": " rained."}},
        {"prompt": "Only an opening"},
        {"prompt": "She said", "chosen": " thanks.", "rejected": " no."},
    ]
    path = tmp_path / "rows.jsonl.gz"
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.write("\n".join(map(json.dumps, rows)))
    pair = [Text("She said", " no."), Text("She said", " thanks.")]
    assert given(path) == [Text("", "An answer."), Text("It", " rained."), *pair]
    assert openings(path) == [Text("It"), Text("Only an opening"), Text("She said")]


def test_lines_of_a_folder_are_either(tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_text("two\n\nthree\n", encoding="utf-8")
    (tmp_path / "a.txt").write_text("one\n", encoding="utf-8")
    (tmp_path / "c.md").write_text("not read\n", encoding="utf-8")
    assert [text.answer for text in given(tmp_path)] == ["one", "two", "three"]
    assert [text.prompt for text in openings(tmp_path)] == ["one", "two", "three"]


@pytest.mark.parametrize(
    ("line", "problem"), [("[1]", "line 1: expected an object"), ("{", "line 1"), ("{}", "found none")]
)
def test_what_is_no_text_is_refused_in_one_line(tmp_path: Path, line: str, problem: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(line + "\n", encoding="utf-8")
    for read in (given, openings):
        with pytest.raises(ProbeError) as error:
            read(path)
        assert problem in str(error.value) and "\n" not in str(error.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ProbeError, match=r"nowhere\.jsonl: expected a file"):
        given(tmp_path / "nowhere.jsonl")


def test_openings_come_along() -> None:
    assert len(openings(OPENINGS)) == 80
