"""A server process for the time of a measurement: started, waited for, and stopped at the end."""

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryFile
from typing import IO

import httpx

_STOP_SECONDS = 60.0
_LAST_SECONDS = 1.0
_TOLD = 2_000  # characters of what a failed server said
HOST = "127.0.0.1"


class ServerFailed(RuntimeError):
    """The server ended, or was not ready in time; the message has the last of its output."""


@contextmanager
def running(command: list[str], ready: str, seconds: float) -> Iterator[subprocess.Popen[bytes]]:
    """Run the command until the block ends, which begins when the URL `ready` answers with 200.

    ServerFailed if the command ends before, or is not ready in time.
    """
    with TemporaryFile() as log, subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT) as process:
        try:
            _wait(process, ready, seconds, log)
            yield process
        except Exception as error:
            if not isinstance(error, ServerFailed) and _has_ended(process):
                raise ServerFailed(_ended(process, log)) from error
            raise
        finally:
            _stop(process)


@contextmanager
def reserved_port() -> Iterator[int]:
    """Provide a port that the system gives to nobody until the block ends, but to a server that asks for this very one.

    Both sockets have SO_REUSEADDR, as servers commonly do, and ours does not listen: so theirs may be bound beside it,
    while no outgoing connection is given the port in the seconds until the server is up.
    """
    with socket.socket() as reserving:
        reserving.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        reserving.bind((HOST, 0))
        yield int(reserving.getsockname()[1])


def _wait(process: subprocess.Popen[bytes], ready: str, seconds: float, log: IO[bytes]) -> None:
    until = time.monotonic() + seconds
    with httpx.Client(timeout=5, trust_env=False) as web:  # one: each reads all certificates that there are
        while not _is_ready(web, ready):
            if process.poll() is not None:
                raise ServerFailed(_ended(process, log))
            if time.monotonic() > until:
                raise ServerFailed(f"the server was not ready after {seconds:g} seconds: {_end_of(log)}")
            time.sleep(0.2)


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Return whether it has ended, or is about to: its connections break before it is gone."""
    try:
        process.wait(_LAST_SECONDS)
    except subprocess.TimeoutExpired:
        return False
    return True


def _is_ready(web: httpx.Client, url: str) -> bool:
    try:
        return web.get(url).status_code == 200
    except httpx.TransportError:
        return False


def _ended(process: subprocess.Popen[bytes], log: IO[bytes]) -> str:
    return f"the server ended with status {process.returncode}: {_end_of(log)}"


def _end_of(log: IO[bytes]) -> str:
    log.seek(0)
    return log.read().decode(errors="replace")[-_TOLD:].strip()


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
