"""A Ray Serve application: replicas that are vLLM's own server with our plug-in, each over an engine of its own.

1. A replica is what `unsay serve` starts when it is given the same words, but for the socket: Serve's proxies hand
   their requests to its application.
2. It comes up guarded or not at all: it gets no request before its own `/ready` has answered 200.
3. Its health is what its own `/health` says: Serve replaces one whose engine is dead or hangs. One whose scorer is down
   stays, and answers 503: another in its place would ask the same scorer.
4. Serve drains: a replica that is to stop gets nothing new, and what is under way has `graceful_shutdown_timeout_s`.
   Then the application's lifespan ends, and with it guard and engine.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

import httpx
from pydantic import BaseModel, ConfigDict, field_validator
from ray import serve

from server import app, plugin
from server.configuration import parse
from server.errors import StartError
from server.patience import Patience
from server.stopping import closed_after
from server.telemetry import logs

LISTENING = ("--host", "--port", "--uds", "--ssl-keyfile", "--ssl-certfile")
"""Flags about a socket that a replica does not have."""
ASK_AGAIN_SECONDS = 0.5

Open = Callable[[], AbstractAsyncContextManager[Any]]
"""Provides a guarded application, up; it is closed again at the end."""


class Words(BaseModel):
    """`args` of the application in Serve's configuration: the words that would follow `unsay serve`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    serve: tuple[str, ...] = ()

    @field_validator("serve")
    @classmethod
    def _without_a_socket(cls, words: tuple[str, ...]) -> tuple[str, ...]:
        named = [word for word in words if word.split("=")[0] in LISTENING]
        if named:
            raise ValueError(f"{named[0]}: Serve's proxies listen (`http_options`), a replica does not; leave it out")
        return words


class Replica:
    """A guarded application within Serve, which `open_` provides."""

    def __init__(self, open_: Open) -> None:
        self._open = open_
        self._closing = AsyncExitStack()
        self._inside: httpx.AsyncClient | None = None

    async def __serve_build_asgi_app__(self) -> Any:
        """Return the application once it is ready. StartError if it is not guarded."""
        made = await self._closing.enter_async_context(self._open())
        transport = httpx.ASGITransport(made, raise_app_exceptions=False)
        self._inside = await self._closing.enter_async_context(
            httpx.AsyncClient(transport=transport, base_url="http://replica")
        )
        while (status := await self._status("/ready")) == httpx.codes.SERVICE_UNAVAILABLE:  # noqa: ASYNC110 (a route)
            await asyncio.sleep(ASK_AGAIN_SECONDS)
        if status != httpx.codes.OK:
            raise StartError(f"/ready answers {status}: vLLM's server is not guarded; set VLLM_PLUGINS=unsay")
        made.router.lifespan_context = closed_after(made.router.lifespan_context, self._closing.aclose)
        return made

    async def check_health(self) -> None:
        """Raise where the server's own health is bad: Serve then puts another replica in this one's place."""
        if (status := await self._status("/health")) != httpx.codes.OK:
            raise RuntimeError(f"/health answers {status}")

    async def _status(self, path: str) -> int:
        if self._inside is None:
            raise RuntimeError("the application is not up")
        return (await self._inside.get(path)).status_code


guarded = serve.deployment(
    serve.ingress()(Replica),
    name="unsay",
    max_ongoing_requests=64,
    autoscaling_config={"min_replicas": 1, "max_replicas": 4, "target_ongoing_requests": 24},
    health_check_period_s=5,
    graceful_shutdown_timeout_s=Patience().grace_seconds + 10,
)
"""The deployment, with what holds where Serve's configuration says nothing else."""


def application(args: Words) -> Any:
    """Build the application: `serve run server.replicas:application`, or deploy/ray/serve.yaml."""
    return guarded.bind(partial(vllm_server, args.serve))


@asynccontextmanager
async def vllm_server(words: Sequence[str]) -> AsyncIterator[Any]:
    """Provide the application that `unsay serve` would serve when given these words. StartError if that cannot begin.

    To be called in a process that has not loaded vLLM yet.
    """
    start = parse(["serve", *words, "--host", "0.0.0.0"])  # who can reach it is up to Serve's proxies
    logs.configure(start.settings.log_level, start.settings.log_format)
    plugin.prepare_process(start.settings.log_format)
    from server.engine import launcher

    args = app.engine_arguments(start)
    plugin.check_in_place()
    async with launcher.engine(args) as client:
        yield await launcher.plugged_application(client, args)
