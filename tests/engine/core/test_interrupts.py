"""Who heeds Ctrl-C: not a process that the engine runs in, and any other as ever."""

import multiprocessing
import signal
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from server.engine.core.interrupts import ignore_interrupts
from server.engine.core.worker import RewindingWorker


@pytest.fixture(autouse=True)
def interrupts() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a run in the background begins with it ignored
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("ignore", [ignore_interrupts, RewindingWorker().unsay_ignore_interrupts])
def test_a_process_that_was_started_by_another_ignores_them(ignore: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multiprocessing, "parent_process", object)
    ignore()
    assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN


def test_a_process_of_its_own_heeds_them() -> None:
    ignore_interrupts()
    assert signal.getsignal(signal.SIGINT) != signal.SIG_IGN


def test_outside_the_main_thread_nothing_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multiprocessing, "parent_process", object)
    thread = threading.Thread(target=ignore_interrupts)
    thread.start()
    thread.join()
    assert signal.getsignal(signal.SIGINT) != signal.SIG_IGN
