"""Puts the guard before vLLM's engine, and our routes, gateway and doorway into vLLM's application."""

import argparse
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from filters.judge import Judge
from filters.languages import CODES
from server.api import feedback, review
from server.api.access import SCRAPED
from server.api.asgi import Scope
from server.api.doorway import Doorway
from server.api.gateway import Gateway, Keep
from server.api.heads import Heads
from server.api.routes import router
from server.audit.file import AuditFile
from server.feedback.records import Records
from server.feedback.service import Feedback
from server.generation.capacity import Bounds, Capacity
from server.generation.ending import Ending
from server.generation.request import GuardedRequest
from server.generation.services import Services
from server.keys.file import Keys
from server.keys.quotas import MEMORY, Quotas, storage_at
from server.limits import Limits, Room
from server.patience import Patience
from server.policy.catalog import Catalog
from server.reloading import Current, Reloaded
from server.settings import vllm_version
from server.siblings import Siblings
from server.stopping import tended
from server.telemetry import logs
from server.telemetry.metrics import Metrics
from server.told import Told

if TYPE_CHECKING:
    from fastapi import FastAPI

    from server.engine.served import ServedClient
    from server.engine.watched import WatchedClient

log = logs.logger("server")

GENERATING = ("/v1/chat/completions", "/v1/completions", "/v1/responses", "/v1/messages")
"""The routes whose series exist from the start; others appear with their first request."""


def guard(
    engine: Any,
    judge: Judge,
    catalog: Current[Catalog],
    metrics: Metrics,
    closing: AsyncExitStack,
    *,
    allow_loosen: bool,
    told: Told | None = None,
    limits: Limits | None = None,
    room: Room | None = None,
    patience: Patience | None = None,
    keys: Current[Keys] | None = None,
    quotas: Quotas | None = None,
    feedback: Feedback | None = None,
) -> "ServedClient":
    """Put the guard before vLLM's engine. `told` hears of every answer, `closing` ends with the server.

    `limits` are the most that one request may ask for, `room` is for all together, `patience` is how long is waited for
    what (None: the defaults).
    `keys` are those of the file, and `quotas` what they have asked for (None: counted in memory). What is `Reloaded` of
    `catalog` and `keys` is looked after while the server runs. `feedback` keeps what was answered (None: nobody does).
    """
    from server.engine.core import arming
    from server.engine.served import ServedClient
    from server.engine.several import server_of
    from server.engine.upstream.client import UpstreamClient
    from server.engine.watched import WatchedClient

    server = server_of(engine.vllm_config)
    patience, told = patience or Patience(), told or Told()
    watched = WatchedClient(engine, patience.engine_seconds, metrics)
    tokenizer, model = engine.renderer.tokenizer, str(engine.vllm_config.model_config.served_model_name)

    def encode(text: str) -> list[int]:
        return list(tokenizer.encode(text, add_special_tokens=False))

    capacity = _capacity(engine, room or Room(), judge, metrics)
    services = Services(
        judge,
        metrics,
        model,
        encode,
        pairs=told.pairs,
        records=told.records,
        tracing=told.tracing,
        limits=limits or Limits(),
        capacity=capacity,
    )
    introduce(metrics, catalog.value, judge, model)
    files = [each for each in (catalog, keys) if isinstance(each, Reloaded)]
    if isinstance(catalog, Reloaded):
        catalog.then = lambda new: expect(metrics, new, judge, model)

    def keep(app: "FastAPI") -> None:
        watched_files = [*files, *([told.records] if told.records else [])]
        siblings = Siblings() if server.is_one_of_several else None
        look_after(app, services.ending, patience, metrics, watched, watched_files, siblings)

    return ServedClient(
        watched,
        services,
        catalog,
        closing,
        keep,
        allow_loosen=allow_loosen,
        exact=arming.armed(engine),
        spells=not isinstance(engine, UpstreamClient),
        quotas=quotas or Quotas(storage_at(MEMORY), metrics),
        keys=keys,
        feedback=feedback,
    )


def _capacity(engine: Any, room: Room, judge: Judge, metrics: Metrics) -> Capacity:
    from server.engine.room import fitting

    bounds = Bounds(choices=room.choices or fitting(engine), backlog_seconds=room.backlog_seconds)
    log.info("taking in", extra={"most_under_way": bounds.choices, "most_scorer_backlog": bounds.backlog_seconds})
    return Capacity(bounds, lambda: judge.backlog_seconds, metrics)


def attach(app: "FastAPI", client: "ServedClient", args: argparse.Namespace, *, pages_need_key: bool = False) -> None:
    """Add our routes, the gateway and the wall that asks for keys to vLLM's application over the client."""
    from server.engine import access, models, stored
    from server.engine.several import server_of

    served = partial(models.served, app)
    server = server_of(client.vllm_config)
    app.include_router(
        router(
            client.services,
            client.catalog,
            client.inner,
            served,
            allow_loosen=client.allow_loosen,
            server=(server.index, server.count),
        )
    )
    for routes in (feedback, review):
        app.include_router(routes.router(client.feedback))
    access.ask_for_keys(app, access.keys(args), client.keys, pages=pages_need_key)
    access.identify(app)
    logs.leave_out(SCRAPED)
    # At the router: inside vLLM's authentication, and without building (and counting) its middleware a second time.
    app.router.middleware_stack = Gateway(
        app.router.middleware_stack,
        catalog=client.catalog,
        observer=client.services.observer,
        allow_loosen=client.allow_loosen,
        quotas=client.quotas,
        tracing=client.services.tracing,
        store=stored.find(app),
        keep=None if client.feedback is None else keeping(client.feedback, client.services.model, stored.named),
    )
    client.look_after(app)


def keeping(feedback: Feedback, model: str, named: Callable[[Scope], str | None]) -> Keep:
    """Return what has feedback keep what was answered, by the id that vLLM gives to an answer."""
    records = Records(model, feedback.selection)

    def keep(request: GuardedRequest, scope: Scope) -> None:
        response = named(scope)
        if response is None:
            request.forget()
        else:
            feedback.recorder.add(lambda: records.rows(request, response), tuple(request.unsettled))

    return keep


async def guarded_application(
    engine: Any, args: argparse.Namespace, judge: Judge, catalog: Catalog, metrics: Metrics, room: Room | None = None
) -> "FastAPI":
    """Build vLLM's application over an engine that is not guarded yet, with our guard, routes and gateway."""
    from server.engine import launcher

    client = guard(engine, judge, Current(catalog), metrics, AsyncExitStack(), allow_loosen=False, room=room)
    app = await launcher.application(client, args)
    attach(app, client, args)
    return app


def look_after(
    app: "FastAPI",
    ending: Ending,
    patience: Patience,
    metrics: Metrics,
    watched: "WatchedClient",
    files: Sequence[Reloaded[Any] | AuditFile] = (),
    siblings: Siblings | None = None,
) -> None:
    """Have an application's requests come in time and end well, and its engine and its operator's files watched."""
    from server.engine.core import arming

    app.router.middleware_stack = Doorway(
        app.router.middleware_stack, ending=ending, observer=metrics, body_seconds=patience.request_seconds
    )
    heads = Heads(patience.request_seconds, metrics)

    def look(server: Any) -> None:
        if server is not None:
            heads.sweep(server.server_state.connections)
        watched.watchdog.check()
        for file in files:
            file.look()

    app.router.lifespan_context = tended(
        app.router.lifespan_context,
        ending,
        patience.grace_seconds,
        begin=lambda: arming.ignore_interrupts(watched),
        round_=look,
        siblings=siblings,
    )


def introduce(metrics: Metrics, catalog: Catalog, judge: Judge, model: str) -> None:
    """Fill the first page of metrics: every series that this server can count, at 0, and what runs here."""
    expect(metrics, catalog, judge, model)
    metrics.build_info(
        version=version("unsay"),
        vllm_version=vllm_version(),
        detoxify_version=version("detoxify"),
        scorer=judge.scorer_name,
        model=model,
    )


def expect(metrics: Metrics, catalog: Catalog, judge: Judge, model: str) -> None:
    """Have the metrics hold every series that answers under these policies can count."""
    named = {code for policy in catalog.policies.values() for code in policy.languages}
    languages = named | (judge.languages or frozenset())
    metrics.expect(policies=catalog.policies, model=model, routes=GENERATING, languages=languages & CODES)
