"""`unsay audit`: what is printed, and the exit status that says whether a log can be relied on."""

from pathlib import Path

import pytest

from server.audit.command import main
from tests.audit.builders import log


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "audit.jsonl"


def test_verify_says_what_it_finds_and_the_hash_to_keep(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log(path)
    assert main(["verify", str(path)]) == 0
    said = capsys.readouterr().out
    assert said.startswith("whole: every record fits\n6 records in 1 chain, the last 5 with the hash ")
    assert main(["verify", str(path), "--head", said.split()[-1]]) == 0
    assert main(["verify", str(path), "--head", "0" * 64]) == 3


def test_report_counts_and_says_beside_it_whether_the_log_is_whole(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = log(path)
    path.write_bytes(b"".join(lines[:1] + lines[2:]))
    assert main(["report", str(path)]) == 1
    said = capsys.readouterr()
    assert said.out.startswith("3 answers") and said.err.startswith("broken: ")


def test_a_file_that_cannot_be_used_is_one_line(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(path)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
