"""`unsay feedback` and `unsay db`, as they are typed."""

import json
from pathlib import Path

import pytest

from server.feedback.command import db, feedback
from server.feedback.database import Database
from tests.feedback.rows import TEXT, judge, kept, row, said, say


@pytest.fixture
def file(tmp_path: Path) -> str:
    """A database with a verdict, and a judgement."""
    path = str(tmp_path / "f.db")
    database = Database(path)
    (item,) = kept(database, row(user="jo"))
    say(database, said(comment="naïve"))
    judge(database, item, toxic=False, fluency=3)
    database.close()
    return path


def test_lines_go_to_standard_output_or_a_file_of_ones_own(
    file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert feedback(["export", "verdicts", "--feedback-db", file]) == 0
    (line,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert (line["text"], line["comment"], line["label"]["toxic"]) == (TEXT, "naïve", False)
    out = tmp_path / "lines.jsonl"
    words = ["export", "labels", "--feedback-db", file, "--out", str(out)]
    assert feedback(words) == 0
    assert json.loads(out.read_text(encoding="utf-8"))["text"] == TEXT and out.stat().st_mode & 0o077 == 0
    assert feedback(words) == 1
    assert "name a file that is not there yet" in capsys.readouterr().err


def test_the_report_is_json(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert feedback(["report", "--feedback-db", file]) == 0
    assert json.loads(capsys.readouterr().out)["quality"]["fluency"]["untouched"]["mean"] == 3


def test_a_user_is_erased(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert feedback(["erase", "--user", "nobody", "--feedback-db", file]) == 0
    assert feedback(["erase", "--user", "jo", "--feedback-db", file]) == 0
    assert [line.split(",")[0] for line in capsys.readouterr().out.splitlines()] == [
        "erased: 0 answers",
        "erased: 1 answers",
    ]
    assert feedback(["export", "verdicts", "--feedback-db", file]) == 0
    assert capsys.readouterr().out == ""
    assert feedback(["erase", "--feedback-db", file]) == 1
    assert "--key NAME, --user ID" in capsys.readouterr().err


def test_the_tables_go_up_and_down(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--feedback-db", str(tmp_path / "f.db")]
    for command in (["current"], ["upgrade"], ["current"], ["downgrade", "base"]):
        assert db([command[0], *words, *command[1:]]) == 0
    said_first = [line.split(" (")[0] for line in capsys.readouterr().out.splitlines()]
    assert said_first == ["no tables", "0001", "0001", "no tables"]
    assert db(["downgrade", "nosuch", *words]) == 1
    assert "nosuch" in capsys.readouterr().err


def test_the_variable_names_the_database_too(
    file: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("UNSAY_FEEDBACK_DB", raising=False)
    assert db(["current"]) == 1
    assert "UNSAY_FEEDBACK_DB" in capsys.readouterr().err
    monkeypatch.setenv("UNSAY_FEEDBACK_DB", file)
    assert db(["current"]) == 0


def test_a_password_is_not_taken_from_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert db(["current", "--feedback-db", "postgresql://u:secret@h/n"]) == 1
    said_of_it = capsys.readouterr().err
    assert "UNSAY_FEEDBACK_DB" in said_of_it and "secret" not in said_of_it
