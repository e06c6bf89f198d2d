"""One scorer for all API servers of a vLLM, in a process of its own, or one in each of them.

1. Which of the two is decided once, by the process that starts the servers, before anything is started. A line of the
   log says what was chosen, and why.
2. The shared one is `unsay scorer` at a socket in a folder that nobody else may enter. The servers ask it as they would
   any `remote:` scorer: while it does not answer nothing is released, and `/ready` says so.
3. If it ends it is started again, after pauses that grow. It ends with the process that has started it, however that
   ends, and signals from a terminal do not reach it: what is under way then still has to be judged.
"""

import argparse
import atexit
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import psutil

from filters.scorer import ScorerLoadError
from filters.scorers.remote import RemoteScorer
from server.errors import StartError
from server.telemetry import logs

Wanted = Literal["auto", "own", "shared"]
MIB = 1024 * 1024
_BESIDE_WEIGHTS = 300 * MIB
"""Measured with the bundled classifier: libraries that vLLM has not loaded anyway, and what a pass needs."""
_UNKNOWN_WEIGHTS = 500 * MIB
"""detoxify's largest; how large one is that is not on this machine yet is not known."""
_COPIES = 2
"""Of the weights, while they are loaded."""
_SHARE = 4
"""Of the memory that is free, scorers of their own may take this part: the rest is for what vLLM has yet to load."""
_LOOK_SECONDS = 0.2
_END_SECONDS = 7.0
"""It gives its own connections five."""
_PAUSES = (0.5, 1.0, 2.0, 5.0, 15.0, 60.0)

log = logs.logger("sharing")


@dataclass(frozen=True)
class Place:
    """Where scores come from with several servers, and why, for the log."""

    shared: bool
    because: str


def add_sharing(group: "argparse._ArgumentGroup") -> None:
    """Add the option."""
    group.add_argument(
        "--scorer-process",
        choices=get_args(Wanted),
        help="with several API servers: one scorer in a process of its own for all (shared), one in each (own), or as"
        " memory allows (auto, default)",
    )


def place(wanted: Wanted, scorer: str, device: str, servers: int, free_bytes: int) -> Place:
    """Decide where the scorers of several servers are. StartError for what cannot be had."""
    kind, _, name = scorer.partition(":")
    if kind == "remote":
        if wanted == "shared":
            raise StartError(f"scorer_process: {scorer} is in a process of its own; leave scorer_process out")
        return Place(False, "it is in a process of its own already")
    if wanted != "auto":
        return Place(wanted == "shared", "scorer_process says so")
    if kind != "detoxify":
        return Place(False, "what it needs is not known")
    if device != "cpu":
        return Place(True, "it would take the engine's memory once for each")
    need = servers * (_COPIES * _weights(Path(name)) + _BESIDE_WEIGHTS)
    words = f"{servers} would take {need // MIB} MiB of {free_bytes // MIB} MiB that are free"
    return Place(need * _SHARE > free_bytes, words)


def _weights(path: Path) -> int:
    """Return how many bytes a checkpoint has."""
    if path.is_dir():
        return sum(file.stat().st_size for file in path.iterdir() if file.is_file())
    return path.stat().st_size if path.is_file() else _UNKNOWN_WEIGHTS


def free_memory(limits: Path = Path("/sys/fs/cgroup")) -> int:
    """Return how many bytes this process and its children may still take, of the machine or of its container."""
    free = int(psutil.virtual_memory().available)
    try:
        most, used = ((limits / name).read_text().strip() for name in ("memory.max", "memory.current"))
    except OSError:
        return free
    return free if most == "max" else min(free, max(0, int(most) - int(used)))


def listening(path: Path) -> bool:
    """Return whether somebody listens at a socket."""
    with socket.socket(socket.AF_UNIX) as sock:
        return sock.connect_ex(str(path)) == 0


class SharedScorer:
    """`unsay scorer` at a socket, running until `close`. `settings` are its variables, `load` asks whether it is up."""

    def __init__(
        self,
        environment: Mapping[str, str],
        *,
        command: tuple[str, ...] = (sys.executable, "-m", "commands", "scorer"),
        pauses: tuple[float, ...] = _PAUSES,
        load: Callable[[str], RemoteScorer] = RemoteScorer.load,
    ) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="unsay-")
        self.socket = Path(self._folder.name) / "scorer"
        self.url = f"unix:{self.socket}"
        self._environment = dict(environment)
        self._command = (*command, "--uds", str(self.socket), "--while-stdin")
        self._pauses = pauses
        self._load = load
        self._closed = threading.Event()
        self._process = self._started()

    def start(self) -> None:
        """Wait until it scores, and from then on see to it that it does. StartError if it ends before."""
        while not self._scores():
            if self._process.poll() is not None or self._closed.wait(_LOOK_SECONDS):
                self.close()
                raise StartError("scorer: its process has ended before it was ready; the lines above say why")
        threading.Thread(target=self._keep, name="unsay-shared-scorer", daemon=True).start()
        atexit.register(self.close)

    def close(self) -> None:
        """End it."""
        self._closed.set()
        self._process.terminate()
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
        _status(self._process)
        self._folder.cleanup()

    @property
    def pid(self) -> int:
        """The id of its process, another one after each start."""
        return self._process.pid

    def _scores(self) -> bool:
        if not listening(self.socket):
            return False
        try:
            self._load(self.url).close()
        except ScorerLoadError:
            return False
        return True

    def _started(self) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(self._command, env=self._environment, stdin=subprocess.PIPE, start_new_session=True)

    def _keep(self) -> None:
        restarts = 0
        while True:
            status = _status(self._process)
            pause = self._pauses[min(restarts, len(self._pauses) - 1)]
            if self._closed.is_set():
                return
            log.error("the scorer's process has ended: starting it again", extra={"status": status, "in": pause})
            if self._closed.wait(pause):
                return
            restarts += 1
            self._process = self._started()


def _status(process: "subprocess.Popen[bytes]") -> int:
    """Wait until a process has ended, and let go of what it was held by."""
    status = process.wait()
    if process.stdin is not None:
        process.stdin.close()
    return status
