"""Ending well: what a signal sets off, in which order, and what a second one does."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from server import stopping
from server.errors import ShuttingDown
from server.generation.ending import Ending
from server.stopping import SIGNALS, closed_after, heeding, stop, stop_at_once, tended

pytestmark = pytest.mark.usefixtures("signal_handlers")

SERVER_OF_TWO_SIGNALS = """
import asyncio
import uvloop
from server.stopping import heeding

async def stop():
    print("stopping", flush=True)

async def main():
    with heeding(stop):
        print("up", flush=True)
        await asyncio.Event().wait()

uvloop.run(main())
"""


def uvicorn_server() -> Any:
    config = SimpleNamespace(timeout_graceful_shutdown=None)
    return SimpleNamespace(should_exit=False, config=config, server_state=SimpleNamespace(connections=set()))


async def test_with_nothing_under_way_the_server_stops_at_once() -> None:
    ending, server = Ending(), uvicorn_server()
    await stop(ending, server, 3600)
    assert ending.phase == "draining" and server.should_exit
    assert server.config.timeout_graceful_shutdown == stopping.LAST_SECONDS


async def test_what_is_under_way_finishes_before_the_server_is_told_to_stop() -> None:
    ending, server = Ending(), uvicorn_server()
    with ending.during():
        stopping = asyncio.create_task(stop(ending, server, 3600))
        for _ in range(9):
            await asyncio.sleep(0)
        assert ending.phase == "draining" and not server.should_exit
    await stopping
    assert ending.phase == "draining" and server.should_exit


async def test_what_has_not_finished_within_the_grace_period_is_cut_short_first() -> None:
    ending, server, ended = Ending(), uvicorn_server(), list[str]()

    async def request() -> None:
        with ending.during():
            try:
                await ending.unless_closed(asyncio.Event().wait())
            except ShuttingDown:
                ended.append("before" if not server.should_exit else "after")

    requesting = asyncio.create_task(request())
    await asyncio.sleep(0)
    await stop(ending, server, 0)
    await requesting
    assert ending.phase == "closed" and ended == ["before"] and server.should_exit


async def test_what_cannot_even_be_cut_short_holds_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stopping, "LAST_SECONDS", 0)
    ending, server = Ending(), uvicorn_server()
    with ending.during():
        await stop(ending, server, 0)
    assert server.should_exit


@pytest.mark.parametrize("number", SIGNALS)
async def test_the_first_signal_begins_to_stop_in_place_of_whoever_handled_it(number: signal.Signals) -> None:
    stopped, vllm = asyncio.Event(), list[str]()
    for each in SIGNALS:
        asyncio.get_running_loop().add_signal_handler(each, lambda: vllm.append("told"))

    async def stop() -> None:
        stopped.set()

    with heeding(stop):
        os.kill(os.getpid(), number)
        await stopped.wait()
        assert vllm == [] and all(signal.getsignal(each) is stop_at_once for each in SIGNALS)


def test_a_second_signal_ends_the_process_at_once() -> None:
    process = subprocess.Popen([sys.executable, "-c", SERVER_OF_TWO_SIGNALS], stdout=subprocess.PIPE)
    with process:
        assert process.stdout is not None and process.stdout.readline() == b"up\n"
        process.send_signal(signal.SIGTERM)
        assert process.stdout.readline() == b"stopping\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 128 + signal.SIGINT


SERVER_THAT_IS_TOLD = SERVER_OF_TWO_SIGNALS.replace("heeding(stop)", "heeding(stop, told=True)")


def test_one_of_several_is_told_to_stop_and_leaves_interrupts_to_its_starter() -> None:
    process = subprocess.Popen([sys.executable, "-c", SERVER_THAT_IS_TOLD], stdout=subprocess.PIPE)
    with process:
        assert process.stdout is not None and process.stdout.readline() == b"up\n"
        process.send_signal(signal.SIGINT)  # of a terminal, which its starter gets as well
        process.send_signal(signal.SIGTERM)
        assert process.stdout.readline() == b"stopping\n"
        process.send_signal(signal.SIGTERM)  # of a supervisor that tells all processes
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.5)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 128 + signal.SIGINT


@pytest.mark.parametrize(("are_there", "phase"), [(True, "draining"), (False, "closed")])
async def test_where_one_of_several_has_died_the_others_cut_short_at_once(are_there: bool, phase: str) -> None:
    ending, server, finishing = Ending(), uvicorn_server(), asyncio.Event()
    siblings: Any = SimpleNamespace(look=lambda: None)
    siblings.are_there = lambda: are_there

    @asynccontextmanager
    async def own(app: Any) -> AsyncIterator[Mapping[str, Any] | None]:
        yield None

    async def begin() -> None:
        pass

    async def request() -> None:
        with ending.during():
            await ending.unless_closed(finishing.wait())

    app: Any = SimpleNamespace(state=SimpleNamespace(server=server))
    tending = tended(own, ending, 3600, begin=begin, round_=lambda found: None, siblings=siblings)
    async with tending(app):
        requesting = asyncio.create_task(request())
        await asyncio.sleep(0)
        os.kill(os.getpid(), signal.SIGTERM)
        while ending.phase == "open":  # noqa: ASYNC110
            await asyncio.sleep(0)
        if are_there:
            finishing.set()
        while not server.should_exit:  # noqa: ASYNC110
            await asyncio.sleep(0)
    await asyncio.gather(requesting, return_exceptions=True)
    assert ending.phase == phase


def test_in_another_thread_signals_are_left_alone() -> None:
    async def heed() -> None:
        with heeding(lambda: None):
            pass

    before = [signal.getsignal(number) for number in SIGNALS]
    thread = threading.Thread(target=lambda: asyncio.run(heed()))
    thread.start()
    thread.join()
    assert [signal.getsignal(number) for number in SIGNALS] == before


async def test_the_lifespan_of_an_application_looks_after_its_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stopping, "ROUND_SECONDS", 0)
    seen, looked, server = list[str](), asyncio.Event(), uvicorn_server()

    @asynccontextmanager
    async def own(app: Any) -> AsyncIterator[Mapping[str, Any] | None]:
        seen.append("up")
        yield {"own": 1}
        seen.append("down")

    def look(found: Any) -> None:
        assert found is server
        looked.set()

    app = SimpleNamespace(state=SimpleNamespace(server=server))
    before = asyncio.all_tasks()

    async def begin() -> None:
        seen.append("begun")

    async with tended(own, Ending(), 0, begin=begin, round_=look)(app) as state:
        await looked.wait()
        assert state == {"own": 1} and seen == ["up", "begun"]
        os.kill(os.getpid(), signal.SIGTERM)
        while not server.should_exit:  # noqa: ASYNC110
            await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert seen == ["up", "begun", "down"] and asyncio.all_tasks() == before


async def test_an_application_of_another_server_is_looked_after_and_heeds_no_signal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stopping, "ROUND_SECONDS", 0)
    looked = asyncio.Event()

    def look(found: Any) -> None:
        assert found is None
        looked.set()

    @asynccontextmanager
    async def own(app: Any) -> AsyncIterator[Mapping[str, Any] | None]:
        yield None

    async def begin() -> None:
        raise AssertionError("there is nothing to begin with")

    before = [signal.getsignal(number) for number in SIGNALS]
    tending = tended(own, Ending(), 0, begin=begin, round_=look)
    async with tending(SimpleNamespace(state=SimpleNamespace())):
        await looked.wait()
        assert [signal.getsignal(number) for number in SIGNALS] == before


async def test_what_is_closed_after_a_lifespan_is_closed_last_whatever_happens() -> None:
    steps = list[str]()

    @asynccontextmanager
    async def lifespan(app: str) -> AsyncIterator[str]:
        steps.append(f"{app} begins")
        yield "state"
        steps.append(f"{app} ends")

    async def close() -> None:
        steps.append("closed")

    async with closed_after(lifespan, close)("app") as state:
        assert state == "state"
    assert steps == ["app begins", "app ends", "closed"]
    with pytest.raises(ValueError, match="within"):
        async with closed_after(lifespan, close)("app"):
            raise ValueError("within")
    assert steps.count("closed") == 2
