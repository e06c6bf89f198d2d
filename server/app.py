"""Where what the operator says becomes scorer, catalog and server; what surrounds the engine is in composition.py."""

import argparse
import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

import uvloop

from filters.batcher import Batcher, BatchObserver
from filters.judge import Judge
from filters.languages import find
from filters.scorer import Scorer
from filters.scorers import registry
from filters.scorers.cascade import CascadeObserver
from server import files, plugin, probes, several, upstreams
from server.composition import guard
from server.configuration import KEY, ScorerSettings, Settings, Start, configured
from server.embedded import Models
from server.environment import PLUGIN, cache_folder, development_mode, environment, plugged_in
from server.errors import StartError
from server.feedback import service
from server.keys.quotas import Quotas, storage_at
from server.learned import learned
from server.starting import starting
from server.telemetry import logs
from server.telemetry.metrics import Metrics
from server.told import telling

if TYPE_CHECKING:
    from server.engine.served import ServedClient
    from server.engine.several import Server

_UNNAMED = (
    "guarding every answer under the default policy, without reports, requests' own policies and /ready:"
    f" set VLLM_PLUGINS={PLUGIN} to have those, or name other plug-ins there to have no guard"
)

A_TEXT = "A first text."

log = logs.logger("server")


def load_scorer(settings: ScorerSettings, observer: CascadeObserver | None) -> Scorer:
    """Return the scorer that the settings name. ScorerLoadError if it cannot be had as they want it."""
    setup = registry.Setup(
        device=settings.scorer_device,
        threads=settings.scorer_threads,
        deadline_seconds=settings.scorer_deadline_seconds,
        screen=settings.screen,
        observer=observer,
    )
    return registry.load(settings.scorer, setup)


def make_batcher(scorer: Scorer, settings: ScorerSettings, observer: BatchObserver | None) -> Batcher:
    """Return a batcher over `scorer`, which is still to be started."""
    return Batcher(
        scorer,
        max_batch=settings.scorer_batch,
        max_characters=settings.scorer_characters,
        max_queue=settings.scorer_queue,
        deadline_seconds=settings.scorer_deadline_seconds,
        observer=observer,
    )


@asynccontextmanager
async def batching(scorer: Scorer, settings: ScorerSettings, observer: BatchObserver | None) -> AsyncIterator[Batcher]:
    """Provide a batcher over `scorer`, with its thread running."""
    batcher = make_batcher(scorer, settings, observer)
    await batcher.start()
    try:
        yield batcher
    finally:
        await batcher.aclose()


@asynccontextmanager
async def judging(scorer: Scorer, settings: ScorerSettings, metrics: Metrics) -> AsyncIterator[Judge]:
    """Provide a judge over `scorer`, with its thread running, that has told a language already."""
    async with batching(scorer, settings, metrics) as batcher:
        judge = Judge(batcher)
        await asyncio.to_thread(judge.language, A_TEXT)  # loads what tells languages apart
        yield judge


def settings_of(additional: Mapping[str, Any]) -> Settings:
    """Return what `additional` (vLLM's `--additional-config`), the environment and a file say. StartError if wrong."""
    return configured(Settings, additional.get(KEY, {}), environment())


def prepare(
    additional: Mapping[str, Any],
    metrics: Metrics | None = None,
    server: "Server | None" = None,
    model: str | None = None,
) -> "Callable[[Any], ServedClient]":
    """Make what guards, as `additional` (vLLM's `--additional-config`), the environment and a file say.

    It counts in `metrics` (None: in its own). `server` is one of several, perhaps (None: the only one). `model` is the
    one that is served here: a folder, or a name on a hub. Returns what guards an engine with it, on the event loop that
    runs; StartError or ScorerLoadError if it cannot be.
    """
    loop = _running_loop()
    count = 1 if server is None else server.count
    said = settings_of(additional)
    logs.configure(said.log_level, said.log_format)
    if count == 1:
        several.refuse_alone(said)
    settings = several.asking(said)
    warn(settings)
    if (settings.keys_file or settings.pages_need_key) and not plugged_in():
        raise StartError(f"keys_file, pages_need_key: nobody would be asked for a key; set VLLM_PLUGINS={PLUGIN}")
    closing = AsyncExitStack()
    starting.phase("loading the scorer", scorer=settings.scorer, screen=str(settings.screen or "none"))
    metrics = metrics or Metrics()
    scorer = load_scorer(settings, metrics)
    find(A_TEXT)  # loads what tells languages apart
    told = telling(settings, metrics, closing)
    probe = probes.find(said, model, scorer)  # by the scorer as it was named, before it is taught
    taught = learned(settings.learned, scorer, metrics)
    catalog = files.policies(settings, scorer, probe, metrics)
    if taught is not None:
        taught.catalog = catalog
    known = files.keys(settings, catalog, metrics, count)
    quotas = Quotas(storage_at(settings.rate_limits_url), metrics)
    closing.push_async_callback(quotas.aclose)
    feedback = service.begun(settings, metrics, closing, told.records)

    def guard_started(engine: Any) -> "ServedClient":
        batcher = make_batcher(scorer, settings, metrics)
        starting = loop.create_task(batcher.start())  # vLLM awaits nothing here; until it is done nothing is released
        closing.callback(starting.cancel)
        closing.push_async_callback(batcher.aclose)
        return guard(
            engine,
            Judge(batcher),
            catalog,
            metrics,
            closing,
            allow_loosen=settings.allow_loosen,
            told=told,
            limits=settings.limits,
            room=settings.room,
            patience=settings.patience,
            keys=known,
            quotas=quotas,
            probe=probe,
            learned=taught,
            feedback=feedback,
        )

    return guard_started


def _running_loop() -> asyncio.AbstractEventLoop:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        remedy = f"make it within one, as vLLM's server does, or leave {PLUGIN} out of VLLM_PLUGINS"
        raise StartError(f"vLLM's engine is made outside of an event loop and cannot be guarded: {remedy}") from None


def warn(settings: Settings) -> None:
    """Say aloud what an operator may not have meant."""
    if settings.allow_loosen:
        log.warning("--allow-loosen: every request may switch its guard off")
    if settings.allow_trace:
        log.warning("--allow-trace: every request may see how its answer is scored before it is released")
    if development_mode():
        log.warning("VLLM_SERVER_DEV_MODE: vLLM's development routes reach the engine behind the guard; unset it")
    if not plugged_in():
        log.warning(_UNNAMED)


def engine_arguments(start: Start) -> argparse.Namespace:
    """Return vLLM's arguments, with a model that exists, and say on the log if nobody else may reach the server.

    StartError for words that vLLM does not know, no model, or routes that must not be open.
    """
    from server.engine import access, launcher

    elsewhere = bool(start.settings.upstream)
    args = launcher.parse(start.rest, Models(cache_folder(), log.info), elsewhere=elsewhere)
    if KEY in args.additional_config:
        raise StartError(f"--additional-config: leave {KEY} out: `unsay serve` has options for what it says")
    args.additional_config = {**args.additional_config, KEY: start.settings.said()}
    if elsewhere and (args.api_server_count or 1) > 1:
        raise StartError("--api-server-count: before upstreams there is one server: start more of them")
    check_open(args, start.settings)
    if closed := access.close_to_others(args, keyed=start.settings.keys_file is not None):
        log.info(closed)
    if not elsewhere and (told := launcher.told_of_cpu(args)):
        log.info(told)
    return args


def check_open(args: argparse.Namespace, settings: Settings) -> None:
    """StartError if something would be open to all that the operator did not open."""
    from server.engine import access

    keyed, dev_mode, pages = settings.keys_file is not None, settings.allow_dev_mode, settings.pages_need_key
    access.refuse_open(args, keyed=keyed, dev_mode=dev_mode, pages=pages)


def run(start: Start) -> None:
    """Have vLLM serve, with our plug-in in it, until told to stop. StartError if that cannot begin."""
    starting.begin(cache_folder())
    starting.phase("loading vLLM")
    from server.engine import launcher, quiet

    args = engine_arguments(start)
    plugin.check_in_place()
    address, sock = launcher.bind(args)
    quiet.hide_progress()
    if (args.api_server_count or 1) > 1:
        starting.phase("starting vLLM's servers", args.model, url=address, servers=args.api_server_count)
        launcher.serve_several(sock, args)
    elif start.settings.upstream:
        starting.phase("starting vLLM's server, without an engine", args.model, url=address)
        uvloop.run(launcher.serve(address, sock, args, engine=upstreams.guarding))
    else:
        starting.phase("starting vLLM (10 to 30 seconds for the models that come along)", args.model, url=address)
        uvloop.run(launcher.serve(address, sock, args))
