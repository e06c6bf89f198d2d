"""A server that answers as vLLM's and unsay's do, over real HTTP, without a model.

Sample i of a request draws by seed + i: a third of the samples hold the word that the gate knows. Guarded, that word
goes and the report says so.
"""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

FOUL = "grmbl"
CLEAN = "a quiet day by the river"
MODEL = "mini"
GATE = "scripted-gate"
_FOR_EVER = 3_600.0


@dataclass
class Fake:
    """What the server does, and what it was asked."""

    url: str = ""
    unsay: bool = True
    may_loosen: bool = True
    key: str | None = None
    failures: list[int] = field(default_factory=list)
    """Statuses to answer the next requests with, but for those for models."""
    judge_failures: list[int] = field(default_factory=list)
    """The same for moderations alone."""
    seconds: float = 0.002
    """How long a completion takes."""
    quick: int = 1 << 30
    """How many completions are answered; further ones take as long as the server lives."""
    wrong: dict[str, Any] = field(default_factory=dict)
    """Laid over the answers to completions."""
    policies: dict[str, Any] = field(default_factory=lambda: {"default": "default", "data": [{"name": "default"}]})
    asked: list[dict[str, Any]] = field(default_factory=list)
    most_at_once: int = 0
    at_once: int = 0


@contextmanager
def serving() -> Iterator[Fake]:
    """The server on a free port."""
    fake = Fake()
    sock = socket.create_server(("127.0.0.1", 0))
    fake.url = f"http://127.0.0.1:{sock.getsockname()[1]}/v1"
    server = uvicorn.Server(uvicorn.Config(application(fake), log_level="error", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]})
    thread.start()
    try:
        yield fake
    finally:
        server.should_exit = True
        thread.join(10)


def application(fake: Fake) -> FastAPI:
    app = FastAPI()

    @app.get("/v1/models")
    async def models() -> dict[str, Any]:
        return {"data": [{"id": MODEL}]}

    @app.get("/v1/detox/policies")
    async def policies() -> JSONResponse:
        if fake.failures:
            return error(fake.failures.pop(0), "busy")
        return JSONResponse(fake.policies, 200 if fake.unsay else 404)

    @app.post("/v1/moderations")
    async def moderations(raw: Request) -> JSONResponse:
        texts = (await raw.json())["input"]
        for failures in (fake.judge_failures, fake.failures):
            if failures:
                return error(failures.pop(0), "busy")
        scores: list[dict[str, float]] = [{"toxicity": score(text), "insult": 0.01} for text in texts]
        return JSONResponse({"results": [{"category_scores": entry} for entry in scores]})

    @app.post("/v1/completions")
    async def completions(raw: Request) -> JSONResponse:
        body = await raw.json()
        fake.at_once += 1
        fake.most_at_once = max(fake.most_at_once, fake.at_once)
        try:
            await asyncio.sleep(fake.seconds if len(fake.asked) < fake.quick else _FOR_EVER)
            return answer(fake, body, raw.headers.get("authorization"))
        finally:
            fake.at_once -= 1

    return app


def score(text: str) -> float:
    """The gate: the word, and else something that depends on the text."""
    return 0.9 if FOUL in text else min(len(text), 100) / 1000


def answer(fake: Fake, body: dict[str, Any], authorization: str | None) -> JSONResponse:
    mode = (body.get("detox") or {}).get("mode")
    if fake.key and authorization != f"Bearer {fake.key}":
        return error(401, "no such key")
    if mode == "off" and not fake.may_loosen:
        return error(403, "detox.mode: looser than in policy 'default'")
    if fake.failures:
        return error(fake.failures.pop(0), "busy")
    fake.asked.append(body)
    choices = [choice(index, body.get("seed", 0) + index, mode if fake.unsay else None) for index in range(body["n"])]
    content = {"choices": choices[::-1], "usage": {"completion_tokens": 6 * body["n"]}, **fake.wrong}
    return JSONResponse(content)


def error(status: int, message: str) -> JSONResponse:
    return JSONResponse({"error": {"message": message}}, status, {"Retry-After": "1"})


def choice(index: int, seed: int, mode: str | None) -> dict[str, Any]:
    """One sample: foul every third seed, refused every ninth."""
    foul, guarded = seed % 3 == 0, mode == "enforce"
    refused = guarded and seed % 9 == 0
    text = "" if refused else f" {CLEAN} {seed % 7}" + (f" {FOUL}" if foul and not guarded else "")
    found: dict[str, Any] = {"index": index, "text": text, "finish_reason": "content_filter" if refused else "length"}
    return found if mode is None else {**found, "detox": report(mode, foul and guarded, refused)}


def report(mode: str, flagged: bool, refused: bool) -> dict[str, Any]:
    if mode == "off":
        return {"policy": "default", "mode": mode, "action": "unguarded", "rewinds": 0, "scorer": ""}
    return {
        "policy": "default",
        "mode": mode,
        "action": "refused" if refused else "rewound" if flagged else "clean",
        "rewinds": int(flagged),
        "spans_flagged": int(flagged),
        "tokens_generated": 9 if flagged else 6,
        "tokens_discarded": 3 if flagged else 0,
        "scorer": GATE,
    }


def judge(texts: list[str]) -> list[float]:
    """Another judge than the gate, that agrees on the word."""
    return [0.8 if FOUL in text else 0.1 for text in texts]


def gate(texts: list[str]) -> list[float]:
    """The gate itself."""
    return [score(text) for text in texts]
