"""One engine, two real servers: plain vLLM's application and ours, in a thread of the test run.

The engine is vLLM's own multi-process one with the bundled model, started once a run (about 25 seconds on two cores).
"""

import asyncio
import os
import socket
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import pytest
import uvicorn

from filters.scorers.registry import Setup
from server import app, plugin, settings
from server.configuration import parse
from server.engine import launcher
from server.telemetry import logs
from tests.live.policies import written
from tests.live.scorer import SwitchableScorer

T = TypeVar("T")

SCORER_DEADLINE_SECONDS = 2.0
FLAGS = (
    *("--dtype", "float32"),
    *("--max-model-len", "1024"),
    *("--kv-cache-memory-bytes", str(128 * 1024 * 1024)),
    *("--max-num-seqs", "64"),
    *("--enable-auto-tool-choice", "--tool-call-parser", "hermes"),
    "--enable-prompt-embeds",
    "--enable-scale-out",
)


@dataclass
class Servers:
    """Addresses of both servers, and what a test may reach behind them."""

    guarded: str
    plain: str
    model: str
    scorer: SwitchableScorer
    engine: Any
    loop: asyncio.AbstractEventLoop

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the servers' event loop and wait for what it returns."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(60)


@contextmanager
def serving(scorer: SwitchableScorer) -> Iterator[Servers]:
    """Both servers, up and listening; gone again at the end. What fails in their thread is raised here."""
    ready = threading.Event()
    state: dict[str, Any] = {}
    thread = threading.Thread(target=_run, args=(scorer, state, ready), name="servers")
    thread.start()
    ready.wait()
    if "error" in state:
        thread.join()
        raise state["error"]
    try:
        yield state["servers"]
    finally:
        state["servers"].loop.call_soon_threadsafe(state["stop"].set)
        thread.join(60)


def _run(scorer: SwitchableScorer, state: dict[str, Any], ready: threading.Event) -> None:
    try:
        asyncio.run(_serve(scorer, state, ready))
    except BaseException as error:
        state["error"] = error
        ready.set()


async def _serve(scorer: SwitchableScorer, state: dict[str, Any], ready: threading.Event) -> None:
    """Start ours as vLLM starts it with our plug-in in it, and plain vLLM's over the engine behind the guard."""
    settings.prepare_environment()
    settings.plug_in()
    os.environ["VLLM_CPU_OMP_THREADS_BIND"] = "auto"  # the tests themselves need a core
    os.environ["VLLM_ENABLE_RESPONSES_API_STORE"] = "1"  # both servers keep responses to be fetched later
    plugin.guard_vllm()  # vLLM does it but once in a process, and may have looked for plug-ins before
    plugin.check_in_place()
    judge.append(scorer)
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(logs, "configure", lambda level, format_: None)  # the test run's logging stays as it is
        args = app.engine_arguments(parse(["serve", "mini", *_ours(Path(folder)), *FLAGS]))
        state["stop"] = asyncio.Event()
        async with launcher.engine(args) as client:
            patch.undo()  # it has been configured, and the run has tests of that
            scorer.forget = client.alternative_scores.forget
            ours = await launcher.plugged_application(client, args)
            plain = await launcher.application(client.inner, args)
            async with listening(ours) as ours_url, listening(plain) as plain_url:
                loop = asyncio.get_running_loop()
                state["servers"] = Servers(ours_url, plain_url, settings.BUNDLED_MODEL_NAME, scorer, client.inner, loop)
                ready.set()
                await state["stop"].wait()


judge: list[SwitchableScorer] = []
"""What the server of this process judges by."""


def judging(setup: Setup) -> SwitchableScorer:
    """What `--scorer` names."""
    return judge[-1]


def _ours(folder: Path) -> list[str]:
    scorer = f"entry:{__name__}:{judging.__name__}"
    return [
        *("--scorer", scorer, "--scorer-deadline", str(SCORER_DEADLINE_SECONDS), "--max-scorer-backlog", "60"),
        *("--max-under-way", "600"),
        *("--policy-file", str(written(folder))),
    ]


@asynccontextmanager
async def listening(application: Any) -> AsyncIterator[str]:
    """A uvicorn server on a free port; yields its address."""
    sock = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(application, log_level="warning", timeout_graceful_shutdown=5))
    running = asyncio.create_task(server.serve(sockets=[sock]))
    while not server.started and not running.done():  # noqa: ASYNC110 (uvicorn has no event for it)
        await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{sock.getsockname()[1]}"
    finally:
        server.should_exit = True
        await running
