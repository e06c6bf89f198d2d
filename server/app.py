"""The one place where concrete classes are chosen and put together."""

import argparse
import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from filters.batcher import Batcher, BatchObserver
from filters.judge import Judge
from filters.scorer import Scorer
from filters.scorers import registry
from filters.scorers.cascade import CascadeObserver
from server import plugin
from server.api.gateway import Gateway
from server.api.routes import router
from server.configuration import KEY, ScorerSettings, Settings, Start, configured
from server.embedded import Models
from server.errors import StartError
from server.generation.pairs import Pairs
from server.generation.services import Services
from server.limits import Limits
from server.policy import catalog as catalogs
from server.policy.catalog import Catalog
from server.settings import PLUGIN, cache_folder, development_mode, environment, plugged_in, vllm_version
from server.telemetry import logs
from server.telemetry.metrics import Metrics
from server.telemetry.pairs import writing

if TYPE_CHECKING:
    from fastapi import FastAPI

    from server.engine.served import ServedClient

GENERATING = ("/v1/chat/completions", "/v1/completions", "/v1/responses", "/v1/messages")
"""The routes whose series exist from the start; others appear with their first request."""

_UNNAMED = (
    "guarding every answer under the default policy, without reports, requests' own policies and /ready:"
    f" set VLLM_PLUGINS={PLUGIN} to have those, or name other plug-ins there to have no guard"
)

log = logs.logger("server")


def load_catalog(settings: Settings) -> Catalog:
    """Return the policies, from the file or the built-in ones."""
    return catalogs.load(settings.policy_file) if settings.policy_file else catalogs.builtin()


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
    """Provide a judge over `scorer`, with its thread running."""
    async with batching(scorer, settings, metrics) as batcher:
        yield Judge(batcher)


def settings_of(additional: Mapping[str, Any]) -> Settings:
    """Return what `additional` (vLLM's `--additional-config`), the environment and a file say. StartError if wrong."""
    return configured(Settings, additional.get(KEY, {}), environment())


def prepare(additional: Mapping[str, Any]) -> "Callable[[Any], ServedClient]":
    """Make what guards, as `additional` (vLLM's `--additional-config`), the environment and a file say.

    Returns what guards an engine with it, on the event loop that runs. StartError if there is none, StartError or
    ScorerLoadError if something cannot be made.
    """
    loop = _running_loop()
    settings = settings_of(additional)
    logs.configure(settings.log_level)
    warn(settings)
    closing = AsyncExitStack()
    pairs = closing.enter_context(writing(settings.pairs_out))
    log.info("loading the scorer", extra={"scorer": settings.scorer, "screen": str(settings.screen or "none")})
    metrics = Metrics()
    scorer = load_scorer(settings, metrics)
    catalog = catalogs.check_categories(load_catalog(settings), scorer.categories)

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
            pairs=pairs,
            limits=settings.limits,
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
    if development_mode():
        log.warning("VLLM_SERVER_DEV_MODE: vLLM's development routes reach the engine behind the guard; unset it")
    if not plugged_in():
        log.warning(_UNNAMED)


def guard(
    engine: Any,
    judge: Judge,
    catalog: Catalog,
    metrics: Metrics,
    closing: AsyncExitStack,
    *,
    allow_loosen: bool,
    pairs: Pairs | None = None,
    limits: Limits | None = None,
) -> "ServedClient":
    """Put the guard before vLLM's engine. `pairs` takes rewinds' pairs, `closing` ends with the server.

    `limits` are the most that one request may ask for (None: the defaults).
    """
    from server.engine.core import arming
    from server.engine.served import ServedClient

    tokenizer, model = engine.renderer.tokenizer, str(engine.vllm_config.model_config.served_model_name)

    def encode(text: str) -> list[int]:
        return list(tokenizer.encode(text, add_special_tokens=False))

    services = Services(judge, metrics, model, encode, pairs=pairs, limits=limits or Limits())
    introduce(metrics, catalog, judge.scorer_name, model)
    exact = arming.armed(engine)
    return ServedClient(engine, services, catalog, closing, allow_loosen=allow_loosen, exact=exact)


def attach(app: "FastAPI", client: "ServedClient", args: argparse.Namespace) -> None:
    """Add our routes, the gateway and the wall that asks for keys to vLLM's application over the client."""
    from server.engine import access, stored

    app.include_router(router(client.services, client.catalog, client.inner, allow_loosen=client.allow_loosen))
    access.ask_for_keys(app, access.keys(args))
    # At the router: inside vLLM's authentication, and without building (and counting) its middleware a second time.
    app.router.middleware_stack = Gateway(
        app.router.middleware_stack,
        catalog=client.catalog,
        observer=client.services.observer,
        allow_loosen=client.allow_loosen,
        store=stored.find(app),
    )


async def guarded_application(
    engine: Any, args: argparse.Namespace, judge: Judge, catalog: Catalog, metrics: Metrics
) -> "FastAPI":
    """Build vLLM's application over an engine that is not guarded yet, with our guard, routes and gateway."""
    from server.engine import launcher

    client = guard(engine, judge, catalog, metrics, AsyncExitStack(), allow_loosen=False)
    app = await launcher.application(client, args)
    attach(app, client, args)
    return app


def introduce(metrics: Metrics, catalog: Catalog, scorer: str, model: str) -> None:
    """Fill the first page of metrics: every series that this server can count, at 0, and what runs here."""
    metrics.expect(policies=catalog.policies, model=model, routes=GENERATING)
    metrics.build_info(
        version=version("unsay"),
        vllm_version=vllm_version(),
        detoxify_version=version("detoxify"),
        scorer=scorer,
        model=model,
    )


def check_open(args: argparse.Namespace, settings: Settings) -> None:
    """Raise StartError for routes that must not be open to all."""
    from server.engine import access

    access.refuse_open_dev_mode(args, allowed=settings.allow_dev_mode)


def engine_arguments(start: Start) -> argparse.Namespace:
    """Return vLLM's arguments, with a model that exists, and say on the log if nobody else may reach the server.

    StartError for words that vLLM does not know, no model, or routes that must not be open.
    """
    from server.engine import access, launcher

    args = launcher.parse(start.rest, Models(cache_folder(), log.info))
    if KEY in args.additional_config:
        raise StartError(f"--additional-config: leave {KEY} out: `unsay serve` has options for what it says")
    args.additional_config = {**args.additional_config, KEY: start.settings.said()}
    check_open(args, start.settings)
    if closed := access.close_to_others(args):
        log.info(closed)
    if fitted := launcher.fit_cpu(args):
        log.info(fitted)
    return args


async def run(start: Start) -> None:
    """Have vLLM serve, with our plug-in in it, until told to stop. StartError if that cannot begin."""
    log.info("loading vLLM")
    from server.engine import launcher, quiet

    args = engine_arguments(start)
    plugin.check_in_place()
    address, sock = launcher.bind(args)
    quiet.hide_progress()
    log.info(
        "starting vLLM (10 to 30 seconds for the models that come along)", extra={"model": args.model, "url": address}
    )
    await launcher.serve(address, sock, args)
