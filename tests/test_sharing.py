"""One scorer for several servers, or one in each: what is chosen, and how the shared one is kept running."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from filters.scorer import ScorerUnavailable
from filters.scorers.remote import RemoteScorer
from server.errors import StartError
from server.settings import BUNDLED_CLASSIFIER
from server.sharing import MIB, Place, SharedScorer, free_memory, listening, place
from tests.contract.rigs import SCRIPTED

BUNDLED = f"detoxify:{BUNDLED_CLASSIFIER}"


@pytest.mark.parametrize(
    ("scorer", "device", "free", "shared", "because"),
    [
        (BUNDLED, "cpu", 64_000, False, "2 would take 863 MiB of 64000 MiB that are free"),
        (BUNDLED, "cpu", 2_000, True, "2 would take 863 MiB of 2000 MiB that are free"),
        ("detoxify:unbiased", "cpu", 10_400, False, "2 would take 2600 MiB of 10400 MiB that are free"),
        ("detoxify:unbiased", "cpu", 10_399, True, "2 would take 2600 MiB of 10399 MiB that are free"),
        (BUNDLED, "cuda", 64_000, True, "it would take the engine's memory once for each"),
        ("entry:a:b", "cpu", 100, False, "what it needs is not known"),
        ("remote:http://hap", "cpu", 100, False, "it is in a process of its own already"),
    ],
)
def test_memory_decides(scorer: str, device: str, free: int, shared: bool, because: str) -> None:
    assert place("auto", scorer, device, 2, free * MIB) == Place(shared, because)


def test_a_checkpoint_weighs_what_its_file_does(tmp_path: Path) -> None:
    file = tmp_path / "model.ckpt"
    file.write_bytes(bytes(100 * MIB))
    assert place("auto", f"detoxify:{file}", "cpu", 3, MIB).because == "3 would take 1500 MiB of 1 MiB that are free"


def test_the_operator_decides() -> None:
    assert place("own", BUNDLED, "cuda", 9, 0) == Place(False, "scorer_process says so")
    assert place("shared", "entry:a:b", "cpu", 2, 1 << 60) == Place(True, "scorer_process says so")
    with pytest.raises(StartError, match="scorer_process: remote:http://hap is in a process of its own"):
        place("shared", "remote:http://hap", "cpu", 2, 0)


def test_a_container_bounds_the_memory(tmp_path: Path) -> None:
    whole = psutil.virtual_memory().total
    assert 0 < free_memory(tmp_path) < whole
    (tmp_path / "memory.current").write_text("60\n")
    (tmp_path / "memory.max").write_text("max\n")
    assert 100 < free_memory(tmp_path) < whole
    (tmp_path / "memory.max").write_text("100\n")
    assert free_memory(tmp_path) == 40
    (tmp_path / "memory.current").write_text("101\n")
    assert free_memory(tmp_path) == 0


@pytest.fixture
def shared() -> Iterator[SharedScorer]:
    made = SharedScorer({**os.environ, "UNSAY_SCORER": SCRIPTED, "UNSAY_SCREEN": "none"}, pauses=(0.01,))
    try:
        made.start()
        yield made
    finally:
        made.close()


def eventually(happens: Callable[[], bool]) -> bool:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if happens():
            return True
        time.sleep(0.05)
    return False


def scores(scorer: RemoteScorer) -> bool:
    try:
        return scorer.score(["meh"]) == [{"toxicity": 0.3, "insult": 0.3}]
    except ScorerUnavailable:
        return False


def test_it_scores_at_a_socket_of_its_own_and_is_started_again(shared: SharedScorer) -> None:
    assert shared.socket.parent.stat().st_mode & 0o077 == 0 and shared.socket.stat().st_mode & 0o077 == 0
    with closing(RemoteScorer.load(shared.url)) as scorer:
        assert scores(scorer) and scorer.name == "remote:scripted"
        first = shared.pid
        os.kill(first, signal.SIGKILL)
        assert eventually(lambda: not psutil.pid_exists(first))
        assert eventually(lambda: shared.pid != first and listening(shared.socket))
        assert eventually(lambda: scores(scorer))


def test_signals_of_a_terminal_do_not_reach_it(shared: SharedScorer) -> None:
    assert os.getpgid(shared.pid) == shared.pid != os.getpgid(0)


def test_in_the_end_nothing_is_left(shared: SharedScorer) -> None:
    shared.close()
    assert not psutil.pid_exists(shared.pid) and not shared.socket.parent.exists()


def test_one_that_cannot_be_had_ends_the_start() -> None:
    broken = SharedScorer({**os.environ, "UNSAY_SCORER": "entry:tests.contract.rigs:nobody", "UNSAY_SCREEN": "none"})
    with pytest.raises(StartError, match="its process has ended before it was ready"):
        broken.start()
    assert not broken.socket.parent.exists()


def test_it_ends_with_the_process_that_started_it_however_that_ends() -> None:
    code = (
        "import os, sys; from server.sharing import SharedScorer; made = SharedScorer(os.environ); made.start();"
        " print(made.pid, flush=True); sys.stdin.read()"
    )
    own = {**os.environ, "UNSAY_SCORER": SCRIPTED, "UNSAY_SCREEN": "none"}
    command, pipe = [sys.executable, "-c", code], subprocess.PIPE
    with subprocess.Popen(command, env=own, stdin=pipe, stdout=pipe) as starter:
        assert starter.stdout is not None
        scorer = int(starter.stdout.readline())
        starter.kill()
    assert eventually(lambda: not psutil.pid_exists(scorer))
