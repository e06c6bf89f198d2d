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
