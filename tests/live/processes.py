"""Real processes, as an operator starts them, and what is below them."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


class Process:
    """A command of this environment in a process, its log in a file. `words` begin with the command's name."""

    def __init__(self, words: Sequence[str], log: Path, environment: Mapping[str, str]) -> None:
        self.log = log
        self._file = log.open("ab")
        own = {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.getcwd(), **environment}
        command = [str(Path(sys.executable).with_name(words[0])), *words[1:]]
        self._popen = subprocess.Popen(command, stdout=self._file, stderr=self._file, env=os.environ | own)
        self.inner = psutil.Process(self._popen.pid)

    @property
    def code(self) -> int | None:
        """What it ended with; None while it runs."""
        return self._popen.poll()

    def signal(self, number: int) -> None:
        self._popen.send_signal(number)

    def below(self, name: str) -> list[psutil.Process]:
        """The processes below it whose command line holds `name`."""
        return [each for each in self.inner.children(recursive=True) if name in " ".join(each.cmdline())]

    async def ended(self, seconds: float) -> int | None:
        """Wait for its end; return the exit code, None if it goes on."""
        until = time.monotonic() + seconds
        while self.code is None and time.monotonic() < until:  # noqa: ASYNC110 (a process has no event)
            await asyncio.sleep(0.1)
        return self.code

    def kill(self) -> None:
        """End it and all below it, whatever they are at."""
        family = [*self.inner.children(recursive=True), self.inner] if self.code is None else []
        for each in family:
            try:
                each.send_signal(signal.SIGKILL)
            except psutil.NoSuchProcess:
                continue
        self._popen.wait()
        self._file.close()
