"""The one place where concrete classes are chosen and put together."""

import argparse
import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from filters.batcher import Batcher, BatchObserver
from filters.judge import Judge
from filters.languages import CODES
from filters.scorer import Scorer
from filters.scorers import registry
from filters.scorers.cascade import CascadeObserver
from server.api.gateway import Gateway
from server.api.routes import router
from server.embedded import Models
from server.generation.pairs import Pairs
from server.generation.services import Services
from server.policy import catalog as catalogs
from server.policy.catalog import Catalog
from server.settings import ScorerSettings, Settings, cache_folder, vllm_version
from server.telemetry import logs
from server.telemetry.metrics import Metrics
from server.telemetry.pairs import writing

if TYPE_CHECKING:
    from fastapi import FastAPI

GENERATING = ("/v1/chat/completions", "/v1/completions", "/v1/responses", "/v1/messages")
"""The routes whose series exist from the start; others appear with their first request."""

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


@asynccontextmanager
async def batching(scorer: Scorer, settings: ScorerSettings, observer: BatchObserver | None) -> AsyncIterator[Batcher]:
    """Provide a batcher over `scorer`, with its thread running."""
    batcher = Batcher(
        scorer,
        max_batch=settings.scorer_batch,
        max_queue=settings.scorer_queue,
        deadline_seconds=settings.scorer_deadline_seconds,
        observer=observer,
    )
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
        await asyncio.to_thread(judge.language, "A first text.")  # loads what tells languages apart
        yield judge


async def guarded_application(
    engine: Any,
    args: argparse.Namespace,
    judge: Judge,
    catalog: Catalog,
    metrics: Metrics,
    *,
    allow_loosen: bool,
    pairs: Pairs | None = None,
) -> "FastAPI":
    """Build vLLM's application over the guarded engine, with our routes and gateway. `pairs` takes rewinds' pairs."""
    from server.engine import launcher, stored
    from server.engine.client import GuardedEngineClient
    from server.engine.core import arming

    tokenizer = engine.renderer.tokenizer
    model = args.served_model_name[0] if args.served_model_name else args.model

    def encode(text: str) -> list[int]:
        return list(tokenizer.encode(text, add_special_tokens=False))

    services = Services(judge, metrics, model, encode, pairs=pairs)
    guarded = GuardedEngineClient(engine, services, catalog.default, exact=arming.armed(engine))
    app = await launcher.application(guarded, args)
    app.include_router(router(services, catalog, engine, allow_loosen=allow_loosen))
    # At the router: inside vLLM's authentication, and without building (and counting) its middleware a second time.
    app.router.middleware_stack = Gateway(
        app.router.middleware_stack,
        catalog=catalog,
        observer=metrics,
        allow_loosen=allow_loosen,
        store=stored.find(app),
    )
    introduce(metrics, catalog, judge, model)
    return app


def introduce(metrics: Metrics, catalog: Catalog, judge: Judge, model: str) -> None:
    """Fill the first page of metrics: every series that this server can count, at 0, and what runs here."""
    named = {code for policy in catalog.policies.values() for code in policy.languages}
    languages = named | (judge.languages or frozenset())
    metrics.expect(policies=catalog.policies, model=model, routes=GENERATING, languages=languages & CODES)
    metrics.build_info(
        version=version("unsay"),
        vllm_version=vllm_version(),
        detoxify_version=version("detoxify"),
        scorer=judge.scorer_name,
        model=model,
    )


def engine_arguments(settings: Settings) -> argparse.Namespace:
    """Return vLLM's arguments, with a model that exists. StartError for words that vLLM does not know, or no model."""
    from server.engine import launcher

    args = launcher.parse(settings.rest, Models(cache_folder(), log.info))
    if fitted := launcher.fit_cpu(args):
        log.info(fitted)
    return args


async def run(settings: Settings, catalog: Catalog) -> None:
    """Serve until told to stop. StartError if that cannot begin."""
    with writing(settings.pairs_out) as pairs:
        await _serve(settings, catalog, pairs)


async def _serve(settings: Settings, catalog: Catalog, pairs: Pairs | None) -> None:
    log.info("loading vLLM")
    from server.engine import launcher, quiet

    args = engine_arguments(settings)
    address, sock = launcher.bind(args)
    quiet.hide_progress()
    log.info("loading the scorer", extra={"scorer": settings.scorer, "screen": str(settings.screen or "none")})
    metrics = Metrics()
    scorer = load_scorer(settings, metrics)
    catalog = catalogs.check_categories(catalog, scorer.categories)
    if settings.allow_loosen:
        log.warning("--allow-loosen: every request may switch its guard off")
    log.info(
        "loading the model and starting the engine (10 to 30 seconds for those that come along)",
        extra={"model": args.model},
    )
    async with judging(scorer, settings, metrics) as judge:
        async with launcher.engine(args) as engine:
            app = await guarded_application(
                engine, args, judge, catalog, metrics, allow_loosen=settings.allow_loosen, pairs=pairs
            )
            log.info("ready", extra={"url": address, "policy": catalog.default.name, "scorer": judge.scorer_name})
            stopped = await launcher.listen(app, sock, args)
        await stopped
    sock.close()
