"""Scorers to put through the contract, and `unsay scorer` as a process."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filters.scorer import Scorer
from filters.scorers.registry import Setup
from filters.scorers.scripted import ScriptedScorer

ROOT = Path(__file__).resolve().parents[2]
SCRIPTED = "entry:tests.contract.rigs:scripted"


def scripted(_setup: Setup) -> Scorer:
    """The scorer of words."""
    return ScriptedScorer({"idiot": 0.9, "meh": 0.3}, categories=("toxicity", "insult"))


@dataclass
class Process:
    """`unsay scorer`, up and listening."""

    url: str
    lines: list[str]
    """What it wrote on standard error until then."""
    running: subprocess.Popen[str]

    @property
    def port(self) -> str:
        return self.url.rpartition(":")[2]


@contextmanager
def serving(*words: str, port: str = "0") -> Iterator[Process]:
    """`unsay scorer` with these words, from its line at the start on."""
    command = [sys.executable, "-m", "commands", "scorer", "--port", port, *words]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        lines: list[str] = []
        try:
            for line in running.stderr:
                lines.append(line.rstrip())
                if " ready url=" in line:
                    break
            assert lines and " ready url=" in lines[-1], lines
            yield Process(lines[-1].partition(" url=")[2].split()[0], lines, running)
        finally:
            running.kill()
