"""Puts the guard before vLLM's engine, and our routes, gateway and doorway into vLLM's application."""

import argparse
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from filters.judge import Judge
from server import probes
from server.api import feedback, pages, review
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
from server.generation.probe import Probe
from server.generation.request import GuardedRequest
from server.generation.services import Services
from server.introducing import expect, introduce
from server.keys.file import Keys
from server.keys.quotas import MEMORY, Quotas, storage_at
from server.learned import Learned
from server.limits import Limits, Room
from server.patience import Patience
from server.policy.catalog import Catalog
from server.reloading import Current, Reloaded
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
    probe: Probe | None = None,
    learned: Learned | None = None,
    feedback: Feedback | None = None,
) -> "ServedClient":
    """Put the guard before vLLM's engine. `told` hears of every answer, `closing` ends with the server.

    `limits` are the most that one request may ask for, `room` is for all together, `patience` is how long is waited for
    what (None: the defaults).
    `keys` are those of the file, and `quotas` what they have asked for (None: counted in memory). `probe` is one of the
    served model's. What is `Reloaded` of `catalog` and `keys`, and what was `learned`, is looked after while the server
    runs. `feedback` keeps what was answered (None: nobody does).
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

    exact = arming.armed(engine)
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
        probe=probes.usable(probe, exact=exact),
    )
    introduce(metrics, catalog.value, judge, model)
    files = [own for own in (catalog, keys, told.records, learned) if isinstance(own, Reloaded | AuditFile | Learned)]
    if isinstance(catalog, Reloaded):
        catalog.then = lambda new: expect(metrics, new, judge, model)

    def keep(app: "FastAPI") -> None:
        siblings = Siblings() if server.is_one_of_several else None
        look_after(app, services.ending, patience, metrics, watched, files, siblings, services.probe)

    return ServedClient(
        watched,
        services,
        catalog,
        closing,
        keep,
        allow_loosen=allow_loosen,
        exact=exact,
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


def attach(
    app: "FastAPI",
    client: "ServedClient",
    args: argparse.Namespace,
    *,
    pages_need_key: bool = False,
    allow_trace: bool = False,
    with_page: bool = True,
) -> None:
    """Add our routes, the gateway and the wall that asks for keys to vLLM's application over the client.

    `allow_trace`: every request may be traced; on a server without keys that nobody else can reach, it may anyway.
    `with_page`: with the page at `/`.
    """
    from server.engine import access, models, stored
    from server.engine.several import server_of

    allow = {
        "allow_loosen": client.allow_loosen,
        "allow_trace": allow_trace or access.local(args, keyed=client.keys is not None),
    }
    served = partial(models.served, app)
    server = server_of(client.vllm_config)
    place = (server.index, server.count)
    app.include_router(router(client.services, client.catalog, client.inner, served, **allow, server=place))
    pages.add(app, version("unsay"), with_page=with_page)
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
        **allow,
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
    files: Sequence[Reloaded[Any] | Learned | AuditFile] = (),
    siblings: Siblings | None = None,
    probe: Probe | None = None,
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

    async def begin() -> None:
        await arming.ignore_interrupts(watched)
        if probe is not None:
            await probes.look(watched, probe)

    app.router.lifespan_context = tended(
        app.router.lifespan_context,
        ending,
        patience.grace_seconds,
        begin=begin,
        round_=look,
        siblings=siblings,
    )
