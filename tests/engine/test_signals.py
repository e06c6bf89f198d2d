"""A signal under vLLM's own launcher, with answers on their way over real connections: our handlers before its own."""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from prometheus_client import CollectorRegistry
from vllm.entrypoints.launchers.launcher import serve_http

from server.api.doorway import Doorway
from server.generation.ending import Ending
from server.stopping import tended
from server.telemetry.metrics import Metrics

pytestmark = pytest.mark.usefixtures("signal_handlers")


@dataclass
class Served:
    """An application under vLLM's launcher, whose one answer goes on until `rest` is set, or all is closed."""

    ending: Ending = field(default_factory=Ending)
    rest: asyncio.Event = field(default_factory=asyncio.Event)
    told: list[str] = field(default_factory=list)
    errored = False
    is_running = True

    def shutdown(self, **options: Any) -> None:
        """Note that vLLM ends its engine."""
        self.told.append("engine")

    def application(self, grace_seconds: float) -> FastAPI:
        app = FastAPI()
        app.state.engine_client = self

        @app.post("/stream")
        async def stream() -> StreamingResponse:
            return StreamingResponse(self._parts(), media_type="text/plain")

        metrics = Metrics(CollectorRegistry())
        app.router.middleware_stack = Doorway(
            app.router.middleware_stack, ending=self.ending, observer=metrics, body_seconds=60
        )
        lifespan = app.router.lifespan_context
        app.router.lifespan_context = tended(
            lifespan, self.ending, grace_seconds, begin=lambda: asyncio.sleep(0), round_=lambda server: None
        )
        return app

    async def _parts(self) -> AsyncIterator[str]:
        yield "begun"
        try:
            await self.ending.unless_closed(self.rest.wait())
        except Exception as error:
            yield f" {type(error).__name__}"
        yield " ended"


@pytest.mark.parametrize(
    ("grace_seconds", "said"), [(3600, "begun ended"), (0, "begun ShuttingDown ended")], ids=["in time", "too late"]
)
async def test_an_answer_ends_before_the_server_and_the_engine_is_not_told(grace_seconds: float, said: str) -> None:
    served, sock = Served(), socket.create_server(("127.0.0.1", 0))
    port = sock.getsockname()[1]
    app = served.application(grace_seconds)
    serving = asyncio.create_task(serve_http(app, sock, port=port, log_level="error", timeout_keep_alive=3600))
    transport = httpx.AsyncHTTPTransport(retries=9)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", transport=transport, timeout=20) as web:
        assert (await web.get("/docs")).status_code == 200  # a connection that stays open
        async with web.stream("POST", "/stream") as answer:
            parts = answer.aiter_text()
            heard = await anext(parts)
            os.kill(os.getpid(), signal.SIGTERM)
            while served.ending.accepting:  # noqa: ASYNC110
                await asyncio.sleep(0)
            if grace_seconds:
                refused = await web.post("/stream")
                assert (refused.status_code, refused.headers["connection"]) == (503, "close")
                served.rest.set()
            heard += "".join([part async for part in parts])
        await (await serving)
    assert heard == said and served.told == [] and served.ending.under_way == 0
