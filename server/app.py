"""The one place where concrete classes are chosen and put together."""

import argparse
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, get_args

from filters.batcher import Batcher
from filters.judge import Judge
from filters.scorer import Scorer
from filters.scorers.cascade import Cascade
from filters.scorers.checkpoint import find_checkpoint, sha256
from filters.scorers.detoxify import DetoxifyScorer
from filters.scorers.screen import Screen
from server.api.gateway import Gateway
from server.api.routes import router
from server.embedded import Models
from server.errors import StartError
from server.generation.guarded import Setting
from server.generation.pairs import Pairs
from server.guard.commands import Strategy
from server.policy import catalog as catalogs
from server.policy.catalog import Catalog
from server.settings import Settings, cache_folder, vllm_version
from server.telemetry import logs
from server.telemetry.metrics import Metrics
from server.telemetry.pairs import writing

if TYPE_CHECKING:
    from fastapi import FastAPI

GENERATING = ("/v1/chat/completions", "/v1/completions", "/v1/responses", "/v1/messages")
"""The routes whose series exist from the start; others appear with their first request."""

STRATEGIES = get_args(Strategy)

log = logs.logger("server")


def load_catalog(settings: Settings) -> Catalog:
    """The policies, from the file or the built-in ones."""
    return catalogs.load(settings.policy_file) if settings.policy_file else catalogs.builtin()


def load_scorer(settings: Settings, metrics: Metrics) -> Scorer:
    """The classifier, behind its screen if there is one. StartError for a screen of another classifier."""
    classifier = DetoxifyScorer.load(settings.detoxify, device=settings.scorer_device, threads=settings.scorer_threads)
    if settings.screen is None:
        return classifier
    screen = Screen.load(settings.screen)
    if screen.teacher != sha256(find_checkpoint(settings.detoxify)):
        raise StartError(
            f"--screen: {settings.screen} was made from another classifier than {settings.detoxify};"
            " make one with `python -m training.screen`, or say --screen none"
        )
    return Cascade(screen, classifier, metrics)


@asynccontextmanager
async def judging(scorer: Scorer, settings: Settings, metrics: Metrics) -> AsyncIterator[Judge]:
    """A judge over `scorer`, with its thread running."""
    batcher = Batcher(
        scorer,
        max_batch=settings.scorer_batch,
        max_queue=settings.scorer_queue,
        deadline_seconds=settings.scorer_deadline_seconds,
        observer=metrics,
    )
    await batcher.start()
    try:
        yield Judge(batcher)
    finally:
        await batcher.aclose()


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
    """vLLM's application over the guarded engine, with our routes and the gateway. `pairs` takes those of rewinds."""
    from server.engine import arming, launcher, stored
    from server.engine.client import GuardedEngineClient

    tokenizer = engine.renderer.tokenizer
    model = args.served_model_name[0] if args.served_model_name else args.model

    def encode(text: str) -> list[int]:
        return list(tokenizer.encode(text, add_special_tokens=False))

    setting = Setting(judge, metrics, model, encode, pairs=pairs)
    guarded = GuardedEngineClient(engine, setting, catalog.default, exact=arming.armed(engine))
    app = await launcher.application(guarded, args)
    app.include_router(router(setting, catalog, engine, allow_loosen=allow_loosen))
    # At the router: inside vLLM's authentication, and without building (and counting) its middleware a second time.
    app.router.middleware_stack = Gateway(
        app.router.middleware_stack,
        catalog=catalog,
        observer=metrics,
        allow_loosen=allow_loosen,
        store=stored.find(app),
    )
    metrics.expect(policies=catalog.policies, model=model, routes=GENERATING, strategies=STRATEGIES)
    metrics.build_info(
        version=version("unsay"),
        vllm_version=vllm_version(),
        detoxify_version=version("detoxify"),
        scorer=judge.scorer_name,
        model=model,
    )
    return app


def engine_arguments(settings: Settings) -> argparse.Namespace:
    """vLLM's arguments, of a model that is there. StartError for words that vLLM does not know, or no such model."""
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
    log.info("loading the classifier", extra={"detoxify": settings.detoxify, "screen": str(settings.screen or "none")})
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
