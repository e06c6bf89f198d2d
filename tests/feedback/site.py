"""A server of feedback alone: our routes behind the gateway and the wall, with keys, over a database."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from server.api import feedback as routes_of_feedback
from server.api import review
from server.api.access import Access
from server.api.asgi import App
from server.api.gateway import Gateway
from server.feedback.database import Database
from server.feedback.records import Selection
from server.feedback.service import Feedback
from server.keys.file import Keys
from server.keys.key import Key, Quota, Right, digest
from server.policy.catalog import builtin, describe
from server.reloading import Current
from server.telemetry.metrics import Metrics
from tests.feedback.rows import Told
from tests.keys.counting import quotas


def key(name: str, *rights: Right, requests_per_minute: int | None = None) -> tuple[bytes, Key]:
    return digest(name), Key(name, rights=frozenset(rights), quota=Quota(requests_per_minute=requests_per_minute))


KEYS = Keys(
    dict(
        [
            key("app", "feedback"),
            key("other", "feedback"),
            key("few", "feedback", requests_per_minute=2),
            key("mute"),
            key("ann", "review", "flagged_text"),
            key("bob", "review"),
        ]
    )
)


class Heard:
    """An audit that is remembered."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, object]]] = []

    def note(self, event: str, **facts: object) -> None:
        self.events.append((event, facts))


def application(feedback: Feedback | None) -> App:
    app = FastAPI()
    for routes in (routes_of_feedback, review):
        app.include_router(routes.router(feedback))
    app.add_api_route("/v1/detox/policies", lambda: describe(builtin()), methods=["GET"])
    app.router.middleware_stack = Gateway(
        app.router.middleware_stack,
        catalog=Current(builtin()),
        observer=Metrics(CollectorRegistry()),
        allow_loosen=False,
        quotas=quotas(),
    )
    return Access(app, [], Current(KEYS))


@dataclass
class Site:
    """A client of it; `told` and `heard` remember what was counted and audited."""

    web: httpx.AsyncClient
    feedback: Feedback | None
    told: Told
    heard: Heard

    async def post(self, path: str, key: str, body: Any = None, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.web.post(path, json=body, headers={"Authorization": f"Bearer {key}", **named})

    async def get(self, path: str, key: str) -> httpx.Response:
        return await self.web.get(path, headers={"Authorization": f"Bearer {key}"})


@asynccontextmanager
async def site(database: Database | None) -> AsyncIterator[Site]:
    """Serve it without a socket. The database stays open; None: no feedback is kept."""
    told, heard = Told(), Heard()
    feedback = None
    if database is not None:
        feedback = Feedback(database, told, days=0, selection=Selection(), audit=heard)
        feedback.begin()
    transport = httpx.ASGITransport(application(feedback))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as web:
        yield Site(web, feedback, told, heard)
    if feedback is not None:
        await feedback.aclose()


@contextmanager
def listening(database: Database) -> Iterator[str]:
    """Serve it on a free port, in a thread; its URL."""
    sock = socket.create_server(("127.0.0.1", 0))  # from here on a client is waited for
    server: list[uvicorn.Server] = []
    begun = threading.Event()

    async def serve() -> None:
        feedback = Feedback(database, Told(), days=0, selection=Selection(), audit=Heard())
        feedback.begin()
        server.append(uvicorn.Server(uvicorn.Config(application(feedback), log_level="warning", lifespan="off")))
        begun.set()
        await server[0].serve(sockets=[sock])
        await feedback.aclose()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert begun.wait(30)
    try:
        yield f"http://127.0.0.1:{sock.getsockname()[1]}"
    finally:
        server[0].should_exit = True
        thread.join(30)
        assert not thread.is_alive()
