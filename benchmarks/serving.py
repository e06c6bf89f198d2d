"""The servers that are measured: plain vLLM's application and ours, in one process, over one engine.

    python -m benchmarks.serving PLAIN_PORT GUARDED_PORT [words of unsay serve]

Only one is under load at a time, so neither has to share the engine; everything but the guard is the same for both.
Ours has two routes more: `GET /bench` says what runs here, `POST /bench/scorer` has another scorer judge from now on.
"""

import argparse
import asyncio
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import uvicorn
import uvloop
from fastapi import APIRouter

from benchmarks.process import HOST
from filters.category import Category
from filters.scorer import Bounding, Scorer, ScorerLoadError, Scores, ThresholdValues
from filters.scorers.marked import MarkedScorer
from filters.scorers.scripted import ScriptedScorer
from server import app, composition, environment, files
from server.configuration import Settings, parse
from server.errors import StartError
from server.policy.catalog import Catalog, check_categories
from server.telemetry import logs
from server.telemetry.metrics import Metrics

FLAGGED_SHARE = 0.05
"""The intended share of the default policy's windows; the benchmark reports the actual one."""
WORDS_IN_A_STRIDE = 12
"""About as many words as a window of 20 tokens has: each begins a place that may be marked."""


class Switch:
    """One of several scorers with the same categories, exchangeable while the server runs. `name` is the real one's."""

    def __init__(self, scorers: Mapping[str, Scorer]) -> None:
        self.scorers = scorers
        self.use("real")
        self.name = scorers["real"].name
        self.categories: tuple[Category, ...] = scorers["real"].categories

    def use(self, name: str) -> None:
        """Judge by this one from now on. KeyError if there is none of that name."""
        self._current = self.scorers[name]

    def score(self, texts: Sequence[str]) -> list[Scores]:
        """Return the scores of the current one."""
        return self._current.score(texts)

    def bounds(self, texts: Sequence[str], thresholds: Sequence[ThresholdValues]) -> list[Scores]:
        """Return the bounds of the current one, or its scores if it has none."""
        current = self._current
        return current.bounds(texts, thresholds) if isinstance(current, Bounding) else current.score(texts)

    def ready(self) -> bool:
        """Return whether the current one is ready."""
        return self._current.ready()


def scorers(real: Scorer) -> dict[str, Scorer]:
    """Return the real one; one that flags on purpose, at the same cost; one that does nothing."""
    return {
        "real": real,
        "flagging": MarkedScorer(real, FLAGGED_SHARE / WORDS_IN_A_STRIDE),
        "nothing": ScriptedScorer({}, categories=real.categories),
    }


def routes(switch: Switch, about: Mapping[str, Any]) -> APIRouter:
    """Return the routes of the benchmark."""
    router = APIRouter()

    @router.get("/bench")
    async def tell() -> Mapping[str, Any]:
        """Return what runs here."""
        return about

    @router.post("/bench/scorer")
    async def use(body: dict[str, str]) -> dict[str, str]:
        """Judge by `scorer` from now on."""
        switch.use(body["scorer"])
        return body

    return router


@asynccontextmanager
async def listening(application: Any, port: int = 0) -> AsyncIterator[str]:
    """Provide the address of a uvicorn server on this machine alone, on a free port if 0."""
    sock = socket.create_server((HOST, port))
    server = uvicorn.Server(uvicorn.Config(application, log_level="warning", timeout_graceful_shutdown=5))
    running = asyncio.create_task(server.serve(sockets=[sock]))
    while not server.started and not running.done():  # noqa: ASYNC110 (uvicorn has no event for it)
        await asyncio.sleep(0.01)
    try:
        yield f"http://{HOST}:{sock.getsockname()[1]}"
    finally:
        server.should_exit = True
        await running


async def serve(plain_port: int, guarded_port: int, words: Sequence[str]) -> None:
    """Serve both until the process is told to stop. StartError if that cannot begin."""
    # A closed loop asks for no more than it is given; what is refused would only be missing.
    start = parse(["serve", "--max-scorer-backlog", "60", *words])
    known = start.settings
    catalog = files.load_catalog(known)
    from server.engine import launcher, quiet

    args = app.engine_arguments(start)
    quiet.hide_progress()
    metrics, before = Metrics(), psutil.Process().memory_info().rss
    real = app.load_scorer(known, metrics)
    scorer_bytes = psutil.Process().memory_info().rss - before
    switch, catalog = Switch(scorers(real)), check_categories(catalog, real.categories)
    async with app.judging(switch, known, metrics) as judge, launcher.engine(args) as engine:
        ours = await composition.guarded_application(engine, args, judge, catalog, metrics, known.room)
        ours.include_router(routes(switch, _about(known, args, engine, catalog, scorer_bytes)))
        plain = await launcher.application(engine, args)
        async with listening(plain, plain_port), listening(ours, guarded_port):
            await _told_to_stop()


def _about(
    known: Settings, args: argparse.Namespace, engine: Any, catalog: Catalog, scorer_bytes: int
) -> dict[str, Any]:
    from server.engine import launcher

    return {
        "model": args.served_model_name[0] if args.served_model_name else args.model,
        "max_model_len": engine.model_config.max_model_len,
        "device": launcher.device_name(),
        "dtype": str(engine.model_config.dtype).removeprefix("torch."),
        "vllm": environment.vllm_version(),
        "policy": catalog.default.model_dump(mode="json"),
        "classifier": Path(known.scorer.removeprefix("detoxify:")).name,  # a path on this machine is nobody's business
        "screen": known.screen is not None,
        "scorer_device": known.scorer_device,
        "scorer_bytes": scorer_bytes,
    }


async def _told_to_stop() -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await stop.wait()


def main() -> None:
    """Be the entry point; exit with one line on what is wrong with the words of `unsay serve`."""
    logs.configure("warning")
    try:
        environment.prepare_environment()
        environment.leave_plugin_out()  # both servers are made here, over one engine
        uvloop.run(serve(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]))
    except (StartError, ScorerLoadError) as error:
        sys.exit(f"unsay: {error}")


if __name__ == "__main__":
    main()
