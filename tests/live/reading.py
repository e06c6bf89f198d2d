"""One request to an ASGI application, by a client that reads as far as it likes and leaves."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

from server.api.asgi import App, Message, Scope


def scope(path: str, **headers: str) -> Scope:
    """What ASGI says of a request with a JSON body to this path."""
    named = {"content-type": "application/json", "host": "unsay", **headers}
    return {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in named.items()],
        "server": ("unsay", 80),
        "client": ("client", 1),
    }


async def read_until(app: App, asked: Scope, body: Any, sent: list[Message], leaves: Callable[[], bool]) -> None:
    """Ask, put what comes into `sent`, and leave once `leaves` says so after a message. Raises what the app raises."""
    incoming: list[Message] = [{"type": "http.request", "body": json.dumps(body).encode(), "more_body": False}]
    gone = asyncio.Event()

    async def receive() -> Message:
        if incoming:
            return incoming.pop()
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)
        if leaves():
            gone.set()

    await app(asked, receive, send)
