"""`unsay scorer` as the process that it is, and the gate that asks it."""

import asyncio
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import httpx
import pytest

from filters.batcher import Batcher
from filters.scorer import Reason, ScorerUnavailable
from filters.scorers.remote import RemoteScorer
from server.detector import bind, bind_socket
from server.errors import StartError
from server.sharing import listening
from tests.contract.rigs import ROOT, SCRIPTED, Process, serving


@pytest.fixture(scope="module")
def process() -> Iterator[Process]:
    with serving("--scorer", SCRIPTED) as running:
        yield running


Load = Callable[..., RemoteScorer]


@pytest.fixture
def load() -> Iterator[Load]:
    """Loads remote scorers, whose connections are closed in the end."""
    with ExitStack() as opened:
        yield lambda *args, **options: opened.enter_context(closing(RemoteScorer.load(*args, **options)))


def failing(scorer: RemoteScorer) -> Reason:
    with pytest.raises(ScorerUnavailable) as caught:
        scorer.score(["a"])
    return caught.value.reason


def eventually(happens: Callable[[], bool]) -> bool:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        if happens():
            return True
        time.sleep(0.05)
    return False


def test_it_says_one_line_when_it_is_ready(process: Process) -> None:
    (line,) = process.lines
    assert re.search(r" info unsay\.scorer: ready url=http://127\.0\.0\.1:\d+ scorer=scripted categories=", line)


def test_the_gate_learns_name_and_categories(process: Process, monkeypatch: pytest.MonkeyPatch, load: Load) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")  # passages go nowhere else
    scorer = load(process.url)
    assert (scorer.name, scorer.categories) == ("remote:scripted", ("toxicity", "insult"))
    assert scorer.score(["meh", ""]) == [{"toxicity": 0.3, "insult": 0.3}, {"toxicity": 0.0, "insult": 0.0}]


def test_the_operator_may_map_its_types(process: Process, load: Load) -> None:
    scorer = load(f"{process.url}#toxicity=harm&insult=")
    assert scorer.categories == ("harm",) and scorer.score(["meh"]) == [{"harm": 0.3}]


def test_thresholds_reach_it(process: Process, load: Load) -> None:
    """It refuses what is no threshold, so they arrive; any other detector is not told (filters/scorers)."""
    scorer = load(process.url)
    assert scorer.bounds(["meh"], [{"toxicity": 0.5}]) == [{"toxicity": 0.3, "insult": 0.3}]
    with pytest.raises(ScorerUnavailable):
        scorer.bounds(["meh"], [{"toxicity": 7.0}])


async def test_what_it_refuses_fails_the_texts_callers_alone(process: Process, load: Load) -> None:
    batcher = Batcher(load(process.url), max_characters=200_000)  # or it would cut the long one
    await batcher.start()
    calls = (batcher.score(["meh"]), batcher.score(["a" * 60_000]), batcher.score(["fine"]))
    results = await asyncio.gather(*calls, return_exceptions=True)
    await batcher.aclose()
    meh, long, fine = results
    assert isinstance(meh, list) and isinstance(fine, list) and isinstance(long, ScorerUnavailable)


def test_one_that_is_stuck_is_left_at_the_deadline_and_is_ready_again_when_it_goes_on(load: Load) -> None:
    with serving("--scorer", SCRIPTED) as process:
        scorer = load(process.url, deadline_seconds=0.5)
        process.running.send_signal(signal.SIGSTOP)
        began = time.monotonic()
        assert failing(scorer) == "deadline" and time.monotonic() - began < 5
        assert eventually(lambda: not scorer.ready())
        process.running.send_signal(signal.SIGCONT)
        assert eventually(scorer.ready) and eventually(lambda: bool(scorer.score(["meh"])))


def test_one_that_dies_takes_nobody_along_and_may_come_back(load: Load) -> None:
    with serving("--scorer", SCRIPTED) as process:
        scorer = load(process.url)
        process.running.kill()
        process.running.wait()
        assert failing(scorer) == "error" and eventually(lambda: not scorer.ready())
        with serving("--scorer", SCRIPTED, port=process.port):
            assert eventually(scorer.ready) and scorer.score(["meh"])[0]["toxicity"] == 0.3


@pytest.mark.parametrize("signalled", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_when_it_is_told_to(signalled: signal.Signals) -> None:
    with serving("--scorer", SCRIPTED) as process:
        assert httpx.get(f"{process.url}/health", trust_env=False).status_code == 200
        process.running.send_signal(signalled)
        status = process.running.wait(timeout=20)
        assert status in (0, 130, 143, -signalled) and "Traceback" not in (process.running.stderr or sys.stderr).read()


@pytest.mark.parametrize(
    ("words", "status", "named"),
    [
        (["--scorer", "lexicon"], 1, "unsay scorer: scorer lexicon: expected detoxify:NAME|PATH, remote:URL"),
        (["--detoxify", "nowhere"], 1, "unsay scorer: scorer nowhere: expected a checkpoint file"),
        (["--no-such-flag"], 2, "--no-such-flag"),
        (["--host", "no.such.host.invalid"], 1, "unsay scorer: --host no.such.host.invalid --port 8001: "),
    ],
)
def test_what_it_cannot_begin_with_is_one_line(words: list[str], status: int, named: str) -> None:
    command = [sys.executable, "-m", "commands", "scorer", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == status and named in done.stderr.splitlines()[-1] and "Traceback" not in done.stderr


def test_a_taken_port_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(StartError, match=f"--port {port}: .*choose another"):
            bind("127.0.0.1", port)
    with pytest.raises(StartError, match="--port 70000"):
        bind("127.0.0.1", 70_000)


def test_a_socket_that_is_left_of_one_that_died_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "scorer"
    bind_socket(path).close()
    with bind_socket(path) as sock:
        assert path.stat().st_mode & 0o777 == 0o600 and listening(path)
        assert sock.getsockname() == str(path)


@pytest.mark.parametrize("taken", ["by another scorer", "by a file", "nowhere"])
def test_a_socket_that_cannot_be_had_is_one_line(taken: str, tmp_path: Path) -> None:
    path = tmp_path / "no" / "scorer" if taken == "nowhere" else tmp_path / "scorer"
    with ExitStack() as others:
        if taken == "by another scorer":
            others.enter_context(bind_socket(path))
        if taken == "by a file":
            path.touch()
        with pytest.raises(StartError, match=r"--uds .*scorer: .*; choose another"):
            bind_socket(path)
