"""One engine, two real servers: plain vLLM's application and ours, in a thread of the test run.

The engine is vLLM's own multi-process one with the bundled model, started once a run (about 25 seconds on two cores).
What tests ask of the servers, they ask of `Servers`: doors.py has another one, over processes that an operator starts.
"""

import asyncio
import os
import socket
import threading
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import pytest
import uvicorn
import uvloop

from filters.scorers.registry import Setup
from server import app, environment, plugin
from server.configuration import parse
from server.engine import launcher
from server.settings import BUNDLED_MODEL_NAME
from server.telemetry import logs
from tests.live.commands import options
from tests.live.inside import guarding
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


class Servers(ABC):
    """Addresses of our server and of plain vLLM's, and what a test may reach behind them."""

    def __init__(self, guarded: str, plain: str, scorer: SwitchableScorer) -> None:
        self.guarded, self.plain, self.scorer = guarded, plain, scorer
        self.model = BUNDLED_MODEL_NAME

    @property
    @abstractmethod
    def tokenizer(self) -> Any:
        """The model's."""

    @property
    @abstractmethod
    def engine(self) -> Any:
        """The engine behind the guard. Skips the test where it is in another process."""

    @abstractmethod
    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the servers' event loop and wait for what it returns. Skips the test, as `engine`."""

    @abstractmethod
    def in_flight(self) -> int:
        """Requests that the guarded engine runs or has waiting."""

    @abstractmethod
    def tasks(self) -> list[str]:
        """The guard's tasks: the file of each."""

    @abstractmethod
    def forget_prefixes(self) -> bool:
        """Empty both servers' caches of prefixes. False, and nothing is done, while one holds a block."""

    @abstractmethod
    def closed(self) -> AbstractContextManager[None]:
        """Let nothing be drawn for a while: a request that comes to the guarded engine fails."""


class Here(Servers):
    """Both in this process, over one engine."""

    def __init__(
        self, guarded: str, plain: str, scorer: SwitchableScorer, engine: Any, loop: asyncio.AbstractEventLoop
    ) -> None:
        super().__init__(guarded, plain, scorer)
        self._engine, self.loop = engine, loop

    @property
    def tokenizer(self) -> Any:
        return self._engine.renderer.tokenizer

    @property
    def engine(self) -> Any:
        return self._engine

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(60)

    def in_flight(self) -> int:
        return int(self._engine.get_num_unfinished_requests())

    def tasks(self) -> list[str]:
        return self.run(guarding())

    def forget_prefixes(self) -> bool:
        return bool(self.run(self._engine.reset_prefix_cache()))

    @contextmanager
    def closed(self) -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(self._engine, "generate", None)
            yield


@contextmanager
def serving(scorer: SwitchableScorer) -> Iterator[Here]:
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
        uvloop.run(_serve(scorer, state, ready))
    except BaseException as error:
        state["error"] = error
        ready.set()


async def _serve(scorer: SwitchableScorer, state: dict[str, Any], ready: threading.Event) -> None:
    """Start ours as vLLM starts it with our plug-in in it, and plain vLLM's over the engine behind the guard."""
    environment.prepare_environment()
    environment.plug_in()
    os.environ["VLLM_ENABLE_RESPONSES_API_STORE"] = "1"  # both servers keep responses to be fetched later
    plugin.guard_vllm()  # vLLM does it but once in a process, and may have looked for plug-ins before
    plugin.check_in_place()
    judge.append(scorer)
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(logs, "configure", lambda level, format_: None)  # the test run's logging stays as it is
        ours = options(settings(Path(folder), f"entry:{__name__}:{judging.__name__}"))
        args = app.engine_arguments(parse(["serve", "mini", *ours, *FLAGS]))
        state["stop"] = asyncio.Event()
        async with launcher.engine(args) as client:
            patch.undo()  # it has been configured, and the run has tests of that
            scorer.forget = client.alternative_scores.forget
            guarded = await launcher.plugged_application(client, args)
            plain = await launcher.application(client.inner, args)
            async with listening(guarded) as ours_url, listening(plain) as plain_url:
                loop = asyncio.get_running_loop()
                state["servers"] = Here(ours_url, plain_url, scorer, client.inner, loop)
                ready.set()
                await state["stop"].wait()


judge: list[SwitchableScorer] = []
"""What the server of this process judges by."""


def judging(setup: Setup) -> SwitchableScorer:
    """What `--scorer` names."""
    return judge[-1]


def settings(folder: Path, scorer: str, deadline_seconds: float = SCORER_DEADLINE_SECONDS) -> dict[str, Any]:
    """What is set of ours, with the policy file in `folder`."""
    return {
        "scorer": scorer,
        "scorer_deadline_seconds": deadline_seconds,
        "max_scorer_backlog_seconds": 60,
        "max_under_way": 600,
        "policy_file": str(written(folder)),
    }


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
