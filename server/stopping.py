"""Ending well when a signal asks for it, and what has to be looked after until then.

1. At SIGTERM or SIGINT the server drains: what is under way has the grace period to finish, rewinds included. The rest
   is then cut short, and vLLM's server is told to stop. The engine hears of it last.
2. A second signal ends the process at once.
3. One of several API servers is told to end by the process that has started them, by SIGTERM: interrupts are for that
   one, but for a second one while it drains. Where it is told so because another process of theirs has died, what is
   under way is cut short at once: vLLM waits for five seconds, and kills what is left.
4. vLLM handles these signals itself, and begins with its engine: our handlers take the place of its own as soon as its
   server runs, which is when the application's lifespan begins. The engine's processes are told to ignore SIGINT.
"""

import asyncio
import multiprocessing
import os
import signal
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, nullcontext
from types import FrameType
from typing import Any

from server.generation.ending import Ending
from server.siblings import Siblings
from server.telemetry import logs

SIGNALS = (signal.SIGTERM, signal.SIGINT)
LAST_SECONDS = 2
"""For answers that are cut short to be sent, and then for connections to close."""
ROUND_SECONDS = 1.0

Lifespan = Callable[[Any], AbstractAsyncContextManager[Any]]

log = logs.logger("server")


def tended(
    lifespan: Lifespan,
    ending: Ending,
    grace_seconds: float,
    *,
    begin: Callable[[], Awaitable[object]],
    round_: Callable[[Any], None],
    siblings: Siblings | None = None,
) -> Lifespan:
    """Return the lifespan of an application with ours in it.

    `round_` is called every second, with vLLM's server where that runs it (it is the state's `server`, uvicorn's), else
    with None. There `begin` is awaited first, and signals are heeded; another server has its own way to end. `siblings`
    are there for one of several API servers.
    """

    def look(server: Any) -> None:
        round_(server)
        if siblings is not None:
            siblings.look()

    async def end(server: Any) -> None:
        await stop(ending, server, grace_seconds if siblings is None or siblings.are_there() else 0)

    @asynccontextmanager
    async def tending(app: Any) -> AsyncIterator[Any]:
        async with lifespan(app) as state:
            server = getattr(app.state, "server", None)
            if server is not None:
                await begin()
            rounds = asyncio.create_task(_rounds(lambda: look(server)))
            with nullcontext() if server is None else heeding(lambda: end(server), told=siblings is not None):
                yield state
            rounds.cancel()

    return tending


def closed_after(lifespan: Lifespan, close: Callable[[], Awaitable[object]]) -> Lifespan:
    """Return a lifespan after which `close` is awaited: when the last answer has been sent."""

    @asynccontextmanager
    async def closing(app: Any) -> AsyncIterator[Any]:
        try:
            async with lifespan(app) as state:
                yield state
        finally:
            await close()

    return closing


async def _rounds(work: Callable[[], None]) -> None:
    while True:
        await asyncio.sleep(ROUND_SECONDS)
        work()


@contextmanager
def heeding(stop: Callable[[], Any], *, told: bool = False) -> Iterator[None]:
    """Begin the coroutine `stop` at the first signal; the next one ends the process.

    One that is `told` when to stop heeds SIGTERM alone, and an interrupt after it.
    Signals reach the main thread alone: in another one nothing is done.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop, stopping = asyncio.get_running_loop(), list[asyncio.Task[None]]()

    def first() -> None:
        if told:
            loop.add_signal_handler(signal.SIGTERM, _nothing)
            _at_once(loop, signal.SIGINT)
        else:
            _stop_at_once_from_now_on(loop)
        stopping.append(loop.create_task(stop()))

    for number in SIGNALS:
        loop.add_signal_handler(number, _nothing if told and number == signal.SIGINT else first)
    try:
        yield
    finally:
        _stop_at_once_from_now_on(loop)


def _stop_at_once_from_now_on(loop: asyncio.AbstractEventLoop) -> None:
    for number in SIGNALS:
        _at_once(loop, number)


def _at_once(loop: asyncio.AbstractEventLoop, number: signal.Signals) -> None:
    loop.remove_signal_handler(number)
    signal.signal(number, stop_at_once)


def _nothing() -> None:
    """Leave a signal to whoever is to heed it."""


async def stop(ending: Ending, server: Any, grace_seconds: float) -> None:
    """Let what is under way finish, cut the rest short, and have uvicorn's `server` stop."""
    log.info("stopping: no new requests", extra={"under_way": ending.requests, "grace_seconds": grace_seconds})
    ending.drain()
    if not await ending.idle_within(grace_seconds):
        log.warning("stopping: cutting short what has not finished", extra={"under_way": ending.requests})
        ending.close()
        await ending.idle_within(LAST_SECONDS)
    server.config.timeout_graceful_shutdown = LAST_SECONDS
    server.should_exit = True


def stop_at_once(number: int, _frame: FrameType | None) -> None:
    """End the process and its engine's: before the server runs, and at the second signal.

    Not by an exception: one that is raised while vLLM starts its engine can be swallowed there, and is waited out.
    """
    for child in multiprocessing.active_children():
        child.terminate()
    os._exit(128 + number)
