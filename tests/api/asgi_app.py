"""A small ASGI application and its caller, to put the gateway between them."""

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from server.api.asgi import App, Message, Receive, Scope, Send

JSON_HEAD = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]}
STREAM_HEAD = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream; x=1")]}


@dataclass
class Called:
    """What came back over ASGI; `heard` is what the application was sent."""

    messages: list[Message] = field(default_factory=list)
    heard: list[bytes] = field(default_factory=list)
    error: Exception | None = None

    @property
    def status(self) -> int:
        return int(self.messages[0]["status"])

    @property
    def headers(self) -> dict[str, str]:
        return {key.decode(): value.decode() for key, value in self.messages[0]["headers"]}

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.messages[1:])

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def app(called: Called, *answer: Message, first: Callable[[], Awaitable[None]] | None = None) -> App:
    """Reads the whole body, runs `first`, and sends `answer`."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            called.heard.append(message.get("body", b""))
            if not message.get("more_body"):
                break
        if first is not None:
            await first()
        for message in answer:
            await send(dict(message))

    return application


async def called_at(
    outer: App,
    called: Called,
    bodies: Sequence[bytes] = (b"{}",),
    *,
    headers: dict[str, str] | None = None,
    disconnect: bool = False,
    **scope: Any,
) -> Called:
    """One request, its body in pieces; with `disconnect` the client goes away in place of the last one."""
    raw = [(key.lower().encode(), value.encode()) for key, value in (headers or {}).items()]
    made: Scope = {"type": "http", "method": "POST", "path": "/v1/completions", "headers": raw, **scope}
    last = len(bodies) - 1
    incoming: list[Message] = [
        {"type": "http.request", "body": body, "more_body": at < last or disconnect} for at, body in enumerate(bodies)
    ]

    async def receive() -> Message:
        return incoming.pop(0) if incoming else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        called.messages.append(message)

    try:
        await outer(made, receive, send)
    except Exception as error:
        called.error = error
    return called


async def left_by_its_client(
    app: Any, path: str, value: object, leaving: Callable[[], Awaitable[None]]
) -> list[Message]:
    """Post JSON, with a client that goes away as soon as `leaving` returns; what was sent."""
    incoming: list[Message] = [{"type": "http.request", "body": json.dumps(value).encode()}]
    sent: list[Message] = []

    async def receive() -> Message:
        if incoming:
            return incoming.pop()
        await leaving()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    await app({"type": "http", "method": "POST", "path": path, "headers": [], "query_string": b""}, receive, send)
    return sent


def body(data: bytes, *, more: bool = False) -> Message:
    return {"type": "http.response.body", "body": data, "more_body": more}
