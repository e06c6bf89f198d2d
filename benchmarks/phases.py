"""A benchmark from end to end: for each model its servers, its rounds, and the figures of all."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import uvloop

from benchmarks import measures
from benchmarks.errors import BenchError
from benchmarks.measures import Pair
from benchmarks.plan import Settings, cells
from benchmarks.process import HOST, ServerFailed, reserved_port, running
from benchmarks.rounds import Rounds, Servers
from benchmarks.usage import Usage
from reporting.progress import progress, say
from server.settings import BUNDLED_MODEL

Found = tuple[dict[str, float], dict[str, Any]]
"""Figures by key, and what the servers say of themselves."""


def bench(settings: Settings) -> Found:
    """Carry the benchmark out. BenchError if it cannot."""
    figures: dict[str, float] = {}
    about: dict[str, Any] = {}
    if cells(settings, 1 << 30, large=False):
        figures, about = _measured(settings, settings.model, large=False)
    if cells(settings, 1 << 30, large=True):
        from benchmarks.grown import grow  # and torch with it, which spares other runs some seconds

        with TemporaryDirectory(prefix="unsay-bench-") as folder:
            say(f"growing the bundled model to {grow(BUNDLED_MODEL, Path(folder)) / 1e6:.0f} million parameters")
            more, its = _measured(settings, folder, large=True)
        figures, about = figures | more, its | about
    return figures, about


def _measured(settings: Settings, model: str | None, *, large: bool) -> Found:
    with serving(settings, ([model] if model else []) + list(settings.words)) as (servers, about):
        chosen = cells(settings, int(about["max_model_len"]), large=large)
        rounds = Rounds(servers, settings, chosen)
        with progress("large model" if large else "rounds", settings.rounds * len(chosen)) as advance:
            uvloop.run(rounds.run(advance))
    figures: dict[str, float] = {}
    for cell, pairs in rounds.pairs.items():
        figures |= measures.of_cell(cell.key, pairs)
    return figures | _lengths({cell.run.name: pairs for cell, pairs in rounds.pairs.items()}), about


def _lengths(pairs: dict[str, list[Pair]]) -> dict[str, float]:
    return measures.of_lengths(pairs["long"], pairs["short"]) if {"long", "short"} <= pairs.keys() else {}


@contextmanager
def serving(settings: Settings, words: Sequence[str]) -> Iterator[tuple[Servers, dict[str, Any]]]:
    """Provide both servers, run like `unsay serve` with these words, and what runs there. BenchError if they fail."""
    say("starting the servers (10 to 60 seconds for models that come along)")
    try:
        with reserved_port() as plain_port, reserved_port() as guarded_port:
            plain, guarded = f"http://{HOST}:{plain_port}", f"http://{HOST}:{guarded_port}"
            command = [sys.executable, "-m", "benchmarks.serving", str(plain_port), str(guarded_port), *words]
            with running(command, f"{guarded}/ready", settings.start_seconds) as process:
                about = httpx.get(f"{guarded}/bench", trust_env=False).json()
                yield Servers(plain, guarded, Usage(process.pid), about["model"]), about
    except ServerFailed as error:
        raise BenchError(f"{error} (what stands behind `--` is for `unsay serve`)") from None
    except httpx.HTTPError as error:
        raise BenchError(f"the server under test does not answer ({type(error).__name__})") from None
