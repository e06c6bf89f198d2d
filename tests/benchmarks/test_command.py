from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from benchmarks import command
from benchmarks.command import main
from benchmarks.errors import BenchError
from benchmarks.measures import of_cell
from benchmarks.plan import RUNS, Settings
from tests.benchmarks.builders import ABOUT, figures


def _asked(monkeypatch: pytest.MonkeyPatch, words: Sequence[str], failure: BaseException | None = None) -> Any:
    """Exit code, and the settings that the benchmark was called with."""
    seen: list[Settings] = []

    def bench(settings: Settings) -> tuple[dict[str, float], dict[str, Any]]:
        seen.append(settings)
        if failure is not None:
            raise failure
        return of_cell("clean.c8", [(figures(), figures(95))]), ABOUT

    monkeypatch.setattr(command, "bench", bench)
    return main(words), *seen


def test_a_run_ends_with_0_a_table_and_its_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    status, _ = _asked(monkeypatch, ["--out", str(tmp_path / "new")])
    assert status == 0
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["latest.json", "latest.md", "latest.svg"]
    out, err = capsys.readouterr()
    assert out.startswith("| traffic |") and "latest.json" in err


def test_the_defaults_are_those_of_the_issue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, found = _asked(monkeypatch, ["--out", str(tmp_path)])
    assert (found.runs, found.streams, found.rounds, found.tokens) == (tuple(RUNS), (1, 8, 32), 7, 128)
    assert (found.model, found.rate, found.requests, found.words) == (None, None, None, ())


def test_what_stands_behind_two_dashes_is_for_the_servers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["--out", str(tmp_path), "--rounds", "2", "--", "--max-model-len", "512", "--", "--rounds", "9"]
    _, found = _asked(monkeypatch, words)
    assert (found.rounds, found.words) == (2, ("--max-model-len", "512", "--", "--rounds", "9"))


def test_long_brings_short_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, found = _asked(monkeypatch, ["--out", str(tmp_path), "--runs", "long"])
    assert found.runs == ("long", "short")


def test_a_failure_ends_with_1_and_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    status, _ = _asked(monkeypatch, ["--out", str(tmp_path)], BenchError("the server ended"))
    assert status == 1
    assert capsys.readouterr().err.splitlines() == ["unsay bench: the server ended"]


def test_an_interruption_ends_with_130(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _asked(monkeypatch, ["--out", str(tmp_path)], KeyboardInterrupt())[0] == 130
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_is_told_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert _asked(monkeypatch, ["--out", str(tmp_path / "file")]) == (1,)
    assert str(tmp_path / "file") in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--runs", "clean,dirty"], "argument --runs: expected some of clean, flag5, noop"),
        (["--runs", "clean,clean"], "argument --runs: expected each of them once"),
        (["--streams", "1,0"], "argument --streams: expected a whole number of at least 1, found 0"),
        (["--streams", "8,8"], "argument --streams: expected each of them once"),
        (["--rounds", "many"], "argument --rounds: expected a whole number of at least 1, found many"),
        (["--rate", "0"], "argument --rate: expected a number above 0, found 0"),
        (["--timeout", "soon"], "argument --timeout: expected a number above 0, found soon"),
        (["--max-model-len", "9"], "unrecognized arguments: --max-model-len"),
    ],
)
def test_a_wrong_word_ends_with_2_and_is_named(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert message in " ".join(capsys.readouterr().err.split())


def test_help_has_examples_and_says_what_the_runs_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    out = " ".join(capsys.readouterr().out.split())
    assert ended.value.code == 0
    assert "unsay bench --model Qwen/Qwen3-8B -- --max-model-len 8192" in out
    assert "about 5% of the spans flagged on purpose" in out
