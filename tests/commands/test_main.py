"""The command line as a whole: which commands there are, and that each is loaded by itself."""

import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import pytest

import benchmarks.command
import evaluation.command
import learning.command
import probing.command
import server.__main__
import server.audit.command
import server.detector
import server.feedback.command
import server.keys.command
from commands.__main__ import COMMANDS, main, parser
from server.environment import vllm_version

ELSEWHERE = [
    ("serve", server.__main__, "run", ["serve"]),
    ("models", server.__main__, "run", ["models"]),
    ("eval", evaluation.command, "main", []),
    ("bench", benchmarks.command, "main", []),
    ("learn", learning.command, "main", []),
    ("audit", server.audit.command, "main", []),
    ("keys", server.keys.command, "main", []),
    ("fit-probe", probing.command, "main", []),
    ("scorer", server.detector, "main", []),
    ("feedback", server.feedback.command, "feedback", []),
    ("db", server.feedback.command, "db", []),
]


def ended(words: Sequence[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """The status that `unsay` ends with."""
    monkeypatch.setattr(sys, "argv", ["unsay", *words])
    with pytest.raises(SystemExit) as end:
        main()
    return end.value.code


@pytest.mark.parametrize(("name", "module", "function", "first"), ELSEWHERE)
def test_a_command_gets_the_words_after_it_and_gives_the_status(
    name: str, module: Any, function: str, first: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[list[str]] = []

    def run(words: Sequence[str]) -> int:
        told.append(list(words))
        return 7

    monkeypatch.setattr(module, function, run)
    assert ended([name, "--help", "x", "--", "--y"], monkeypatch) == 7
    assert told == [[*first, "--help", "x", "--", "--y"]]


def test_no_command_is_left_out_above() -> None:
    assert {name for name, *_ in ELSEWHERE} == COMMANDS.keys()


def test_the_help_has_a_line_for_every_command() -> None:
    text = " ".join(parser().format_help().split())  # a long name has a line of its own
    assert all(f" {name} {command.about} " in text for name, command in COMMANDS.items())


def test_the_version_is_ours_and_vllms(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(["--version"], monkeypatch) == 0
    out = capsys.readouterr().out
    assert out.startswith("unsay ") and f"vLLM {vllm_version()}" in out


@pytest.mark.parametrize(
    ("words", "named"), [([], "COMMAND"), (["nosuch", "serve"], "'nosuch'"), (["--nosuch"], "COMMAND")]
)
def test_what_is_no_command_ends_with_2_and_one_line(
    words: list[str], named: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended(words, monkeypatch) == 2
    assert named in capsys.readouterr().err.splitlines()[-1]


def test_nothing_is_loaded_before_it_is_asked_for() -> None:
    heavy = "server.app server.__main__ evaluation benchmarks vllm torch numpy httpx"
    told = f"import sys, commands.__main__; print([name for name in {heavy.split()} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_it_can_be_run_as_a_module() -> None:
    done = subprocess.run([sys.executable, "-m", "commands", "models"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("unsay-mini ")
