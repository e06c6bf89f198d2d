import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from benchmarks import phases
from benchmarks.errors import BenchError
from benchmarks.phases import bench, serving
from benchmarks.plan import Settings
from benchmarks.rounds import Rounds, Servers
from benchmarks.usage import Usage
from tests.benchmarks.builders import figures, settings

ABOUT = {"model": "mini", "max_model_len": 4096}


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Sequence[str]]:
    """The words of every server that was started; rounds cost nothing."""
    words: list[Sequence[str]] = []

    @contextmanager
    def serving(_settings: Settings, given: Sequence[str]) -> Iterator[tuple[Servers, dict[str, Any]]]:
        words.append(given)
        yield Servers("", "", Usage(1), "mini"), dict(ABOUT)

    async def run(self: Rounds, advance: Any) -> None:
        for pairs in self.pairs.values():
            pairs.append((figures(), figures(90)))

    monkeypatch.setattr(phases, "serving", serving)
    monkeypatch.setattr(Rounds, "run", run)
    return words


def test_each_model_has_its_servers(started: list[Sequence[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    from benchmarks import grown

    monkeypatch.setattr(grown, "grow", lambda source, target: 340_000_000)
    found, about = bench(settings(runs=("clean", "large"), streams=(8,), words=("--port", "1")))
    assert {"clean.c8.throughput_ratio", "large.c8.throughput_ratio"} <= found.keys()
    assert started[0] == ["--port", "1"]
    assert Path(started[1][0]).name.startswith("unsay-bench-") and started[1][1:] == ["--port", "1"]
    assert about == ABOUT


def test_another_model_is_named_to_the_servers(started: list[Sequence[str]]) -> None:
    bench(settings(runs=("clean",), model="some/model"))
    assert started == [["some/model"]]


def test_long_and_short_answers_are_compared(started: list[Sequence[str]]) -> None:
    found, _ = bench(settings(runs=("short", "long"), streams=(8,)))
    assert found["long.per_token_cost_ratio"] == 1.0
    assert "long.per_token_cost_ratio" not in bench(settings(runs=("short",)))[0]


def test_servers_that_do_not_start_are_told_with_what_they_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(BenchError, match="the server ended with status 1"), serving(settings(), []):
        raise AssertionError("nothing runs")


def test_a_wrong_word_for_the_servers_is_named() -> None:
    message = r"--scorer-batch.*what stands behind `--` is for `unsay serve`"
    with pytest.raises(BenchError, match=message), serving(settings(start_seconds=60.0), ["--scorer-batch", "0"]):
        raise AssertionError("nothing runs")
