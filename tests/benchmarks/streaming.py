"""A server that streams completions as vLLM's does, and has the benchmark's routes, without a model."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI
from fastapi.responses import JSONResponse, PlainTextResponse, StreamingResponse

from benchmarks.serving import listening

Body = dict[str, Any]
PAGE = """\
# TYPE unsay_tokens_total counter
unsay_tokens_total{{fate="released"}} {released}
unsay_tokens_total{{fate="discarded"}} 0.0
"""


@dataclass
class Fake:
    """What it was asked, and what it does: `broken` answers 503, `cut` ends before the end.

    One in `refusing` is refused as an unsay that is full does it (0: none). `withheld` answers have no text.
    """

    url: str = ""
    asked: list[Body] = field(default_factory=list)
    scorers: list[str] = field(default_factory=list)
    most_at_once: int = 0
    at_once: int = 0
    broken: bool = False
    cut: bool = False
    refusing: int = 0
    withheld: bool = False


@asynccontextmanager
async def streaming() -> AsyncIterator[Fake]:
    """The server on a free port, on this loop."""
    fake = Fake()
    async with AsyncExitStack() as stack:
        fake.url = await stack.enter_async_context(listening(_application(fake)))
        yield fake


def _application(fake: Fake) -> FastAPI:
    app = FastAPI()

    @app.post("/v1/completions", response_model=None)
    async def complete(body: Body) -> StreamingResponse | JSONResponse:
        fake.asked.append(body)
        if fake.broken:
            return JSONResponse({"error": {"message": "no scorer"}}, 503)
        if fake.refusing and len(fake.asked) % fake.refusing == 0:
            error = {"message": "full", "type": "service_unavailable", "param": None, "code": "service_unavailable"}
            return JSONResponse({"error": error}, 503, {"Retry-After": "3"})
        return StreamingResponse(_said(fake, body), media_type="text/event-stream")

    @app.post("/v1/moderations")
    async def moderate(body: Body) -> Body:
        fake.asked.append(body)
        await asyncio.sleep(0.01)
        return {"results": []}

    @app.get("/health")
    @app.get("/ready")
    async def well() -> Body:
        return {}

    @app.post("/bench/scorer")
    async def use(body: Body) -> Body:
        fake.scorers.append(body["scorer"])
        return body

    @app.get("/metrics")
    async def metrics() -> PlainTextResponse:
        return PlainTextResponse(PAGE.format(released=float(sum(body.get("max_tokens", 0) for body in fake.asked))))

    return app


async def _said(fake: Fake, body: Body) -> AsyncIterator[str]:
    fake.at_once += 1
    fake.most_at_once = max(fake.most_at_once, fake.at_once)
    if fake.withheld:
        yield _event({"choices": [{"text": "", "finish_reason": "content_filter"}]})
    for number in () if fake.withheld else range(body["max_tokens"]):
        last = number + 1 == body["max_tokens"]
        yield _event({"choices": [{"text": "wörd ", "finish_reason": "length" if last and not fake.cut else None}]})
        await asyncio.sleep(0.002)
    fake.at_once -= 1
    yield _event({"choices": [], "usage": {"completion_tokens": body["max_tokens"]}})
    yield "data: [DONE]\n\n"


def _event(body: Body) -> str:
    return f"data: {json.dumps(body, ensure_ascii=False)}\n\n"
