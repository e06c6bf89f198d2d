"""Whether the processes that a server stands and falls with are still there."""

import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest

from server.siblings import Siblings

WAITING = [sys.executable, "-c", "input()"]


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(WAITING, stdin=subprocess.PIPE) as running:
        yield running
        running.kill()


def test_all_are_there_until_one_has_ended(child: subprocess.Popen[bytes]) -> None:
    siblings = Siblings(psutil.Process())
    assert siblings.are_there()
    child.kill()
    psutil.wait_procs([psutil.Process(child.pid)], timeout=0)
    while siblings.are_there():  # until the kernel has ended it: from then on it is a zombie
        pass
    assert child.pid in {each.pid for each in psutil.Process().children()}
    siblings.look()
    assert not siblings.are_there(), "it may have died since the signal that tells of it was sent"
    siblings.look()
    assert siblings.are_there(), "those that were gone before are nobody's death"


def test_one_that_has_come_since_is_no_death(child: subprocess.Popen[bytes]) -> None:
    siblings = Siblings(psutil.Process(child.pid))
    assert siblings.are_there()


def test_where_the_parent_is_gone_nobody_is(child: subprocess.Popen[bytes]) -> None:
    parent = psutil.Process(child.pid)
    siblings = Siblings(parent)
    child.kill()
    child.wait()
    assert siblings.are_there()
    siblings.look()


def test_a_process_has_those_of_its_parent() -> None:
    code = "from server.siblings import Siblings; import os; print(os.getpid() in Siblings()._seen)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"


KILLED_AND_TOLD = """
import multiprocessing, os, signal, sys
from multiprocessing.connection import wait

def victim(ready):
    memory = bytearray(200_000_000)  # which takes the kernel a while to give back
    ready.send(1)
    signal.pause()

def told(ready):
    from server.siblings import Siblings
    siblings = Siblings()
    def answer(number, frame):
        os.write(1, b"missed" if not siblings.are_there() else b"not missed")
        os._exit(0)
    signal.signal(signal.SIGTERM, answer)
    here.recv()  # until the victim is there
    siblings.look()
    ready.send(1)
    while True:
        signal.pause()

if __name__ == "__main__":
    spawn = multiprocessing.get_context("fork")
    here, there = spawn.Pipe()
    victims, theirs = spawn.Pipe()
    first = spawn.Process(target=victim, args=(victims,))
    first.start()
    theirs.recv()
    ours, answers = spawn.Pipe()
    other = spawn.Process(target=told, args=(answers,))
    other.start()
    there.send(1)
    ours.recv()
    first.kill()
    wait([first.sentinel])
    other.terminate()  # as vLLM does, as soon as it is told
    other.join()
"""


def test_one_that_was_killed_is_missed_as_soon_as_its_starter_is_told() -> None:
    done = subprocess.run([sys.executable, "-c", KILLED_AND_TOLD], capture_output=True, text=True, check=False)
    assert done.stdout == "missed", done.stderr
