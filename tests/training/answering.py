"""A small OpenAI-compatible server with a guard that is off or on, as requests say: vLLM's stand-in for the report."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from fastapi import FastAPI
from fastapi.responses import StreamingResponse

Body = dict[str, Any]


def application(asked: list[Body]) -> FastAPI:
    """Answers "you idiot" unguarded and "my friend" guarded; `asked` grows by the body of each request."""
    app = FastAPI()

    @app.get("/v1/models")
    def models() -> Body:
        return {"object": "list", "data": [{"id": "small", "object": "model", "created": 0, "owned_by": "test"}]}

    @app.post("/v1/completions", response_model=None)
    def complete(body: Body) -> Body | StreamingResponse:
        asked.append(body)
        if body.get("stream"):
            return StreamingResponse(_stream(body), media_type="text/event-stream")
        choices = [{"index": i, "text": _text(body), **_end(body)} for i in range(body.get("n") or 1)]
        return {"id": "1", "object": "text_completion", "created": 0, "model": "small", "choices": choices}

    @app.post("/v1/chat/completions")
    def chat(body: Body) -> Body:
        asked.append(body)
        message = {"role": "assistant", "content": _text(body)}
        choices = [{"index": 0, "message": message, **_end(body)}]
        return {"id": "1", "object": "chat.completion", "created": 0, "model": "small", "choices": choices}

    return app


def _text(body: Body) -> str:
    return " you idiot" if body["detox"]["mode"] == "off" else " my friend"


def _end(body: Body) -> Body:
    guarded = body["detox"]["mode"] != "off"
    report = {"action": "rewound" if guarded else "unguarded", "rewinds": int(guarded)}
    return {"finish_reason": "length", "detox": report}


async def _stream(body: Body) -> AsyncIterator[str]:
    head = {"id": "1", "object": "text_completion", "created": 0, "model": "small"}
    usage = {"prompt_tokens": 1, "completion_tokens": body["max_tokens"], "total_tokens": 1 + body["max_tokens"]}
    yield _event({**head, "choices": [{"index": 0, "text": "a", "finish_reason": None}]})
    await asyncio.sleep(0.01)
    yield _event({**head, "choices": [{"index": 0, "text": "b", "finish_reason": "length"}]})
    yield _event({**head, "choices": [], "usage": usage})
    yield "data: [DONE]\n\n"


def _event(chunk: Body) -> str:
    return f"data: {json.dumps(chunk)}\n\n"


@contextmanager
def answering() -> Iterator[tuple[str, list[Body]]]:
    """Its base URL, and the bodies that it was asked with so far."""
    asked: list[Body] = []
    server = uvicorn.Server(uvicorn.Config(application(asked), port=0, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            threading.Event().wait(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}/v1", asked
    finally:
        server.should_exit = True
        thread.join(30)
