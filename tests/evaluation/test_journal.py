from pathlib import Path

import pytest

from evaluation.errors import EvaluationError
from evaluation.journal import Journal


def test_lines_stay_and_are_added_to(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    for number in range(2):
        with Journal(path) as journal:
            journal.append([{"n": number}, {"text": "a\u2028b"}])
    with Journal(path) as journal:
        assert list(journal.rows()) == [{"n": 0}, {"text": "a\u2028b"}, {"n": 1}, {"text": "a\u2028b"}]


@pytest.mark.parametrize("torn", ['{"n": 1, "te', '{"n": 1}', "\x00\x00"])
def test_a_torn_last_line_is_dropped_and_written_anew(tmp_path: Path, torn: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"n": 0}\n' + torn)
    with Journal(path) as journal:
        assert list(journal.rows()) == [{"n": 0}]
        journal.append([{"n": 1}])
        assert list(journal.rows()) == [{"n": 0}, {"n": 1}]


@pytest.mark.parametrize("line", ["nonsense", "[1]"])
def test_any_other_broken_line_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(f'{{"n": 0}}\n{line}\n{{"n": 2}}\n')
    with Journal(path) as journal, pytest.raises(EvaluationError, match="line 2 is not a JSON object"):
        list(journal.rows())


def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    with Journal(tmp_path / "a.jsonl"):
        assert (tmp_path / "a.jsonl").stat().st_mode & 0o777 == 0o600


def test_two_runs_do_not_write_to_one_file(tmp_path: Path) -> None:
    with (
        Journal(tmp_path / "a.jsonl"),
        pytest.raises(EvaluationError, match="written by another run"),
        Journal(tmp_path / "a.jsonl"),
    ):
        pass
    with Journal(tmp_path / "a.jsonl"):
        pass
