import gzip
from pathlib import Path

import pytest

from learning.errors import LearnError
from learning.rows import Row, read_rows
from tests.learning.conftest import Write

GOOD = {"text": "a text", "label": True}


def test_a_row_has_a_text_a_label_and_perhaps_spans(write: Write) -> None:
    rows = [GOOD, {"text": "b", "label": 0}, {**GOOD, "span": [0, 1]}, {**GOOD, "spans": [[0, 1], [2, 6]]}]
    assert read_rows(write(rows)) == [
        Row("a text", True, line=1),
        Row("b", False, line=2),
        Row("a text", True, ((0, 1),), 3),
        Row("a text", True, ((0, 1), (2, 6)), 4),
    ]


def test_hatechecks_own_names_are_read_zipped_or_not(tmp_path: Path) -> None:
    path = tmp_path / "cases.jsonl.gz"
    lines = '{"test_case": "a", "label_gold": "hateful"}\n\n{"text": "b", "hateful": 0}\n'
    path.write_bytes(gzip.compress(lines.encode()))
    assert [(row.text, row.label, row.line) for row in read_rows(path)] == [("a", True, 1), ("b", False, 3)]


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("{", "line 2: expected a JSON object in one line"),
        ("[1]", "line 2: found list, expected a JSON object"),
        ({"label": True}, "line 2: text: found nothing, expected a text"),
        ({"text": " ", "label": True}, "line 2: text: found ' ', expected a text"),
        ({"text": "x" * 10_001, "label": True}, "line 2: text: found 10001 characters, expected at most 10000"),
        ({"text": "a"}, "line 2: label: found nothing, expected true or false, or 1 or 0"),
        ({"text": "a", "label": "maybe"}, "line 2: label: found 'maybe', expected true or false, or 1 or 0"),
        ({**GOOD, "span": [3, 99]}, "line 2: span: expected [start, end] in characters, within the text's 6"),
        ({**GOOD, "spans": 1}, "line 2: spans: found 1, expected a list of [start, end]"),
        ({"text": "ab", "label": 0, "span": [0, 1]}, "line 2: spans: only a text of the category has them"),
    ],
)
def test_a_broken_row_is_one_line_that_says_which(row: object, problem: str, write: Write) -> None:
    path = write([GOOD, row])
    with pytest.raises(LearnError) as error:
        read_rows(path)
    assert str(error.value) == f"{path}: {problem}"


def test_a_file_that_is_not_there_or_empty_is_told(tmp_path: Path, write: Write) -> None:
    with pytest.raises(LearnError, match=r"none.jsonl: expected a readable file .* \(FileNotFoundError\)"):
        read_rows(tmp_path / "none.jsonl")
    with pytest.raises(LearnError, match="found no row"):
        read_rows(write([]))
