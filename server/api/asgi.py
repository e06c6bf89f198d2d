"""The little ASGI that our routes and the gateway need: refusals, headers, and clients that leave."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Coroutine, Iterable, MutableMapping
from typing import Any, TypeVar

from server.errors import Unavailable, UnsayError, http_error

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_T = TypeVar("_T")

RETRY_AFTER_SECONDS = 2.0


CLIENT_GONE = 499
"""The status of an answer that nobody reads, as nginx calls it."""


class ClientGone(Exception):
    """The client has left before its answer was ready."""


async def while_connected(receive: Receive, work: Coroutine[Any, Any, _T]) -> _T:
    """Return what `work` comes to. ClientGone as soon as the client leaves: `work` is then cancelled.

    The request's body has been read before.
    """
    doing, gone = asyncio.create_task(work), asyncio.create_task(_gone(receive))
    try:
        await asyncio.wait((doing, gone), return_when=asyncio.FIRST_COMPLETED)
        if not doing.done():
            raise ClientGone
        return doing.result()
    finally:
        doing.cancel()
        gone.cancel()
        await asyncio.gather(doing, gone, return_exceptions=True)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def scorer_unavailable() -> Unavailable:
    """Return what a client is told when nothing can be released because there is no verdict."""
    why = "the toxicity scorer is unavailable, so nothing can be released; try again"
    return Unavailable(why, RETRY_AFTER_SECONDS)


def shutting_down() -> Unavailable:
    """Return what a client is told that comes, or would get its first byte, when the server is about to end."""
    return Unavailable("the server is shutting down; try again", RETRY_AFTER_SECONDS)


async def refuse(send: Send, error: UnsayError, path: str) -> None:
    """Answer with an error in the shape of the route at `path`."""
    status, body, headers = http_error(error, path)
    data = json.dumps(body).encode()
    fields = {"content-type": "application/json", "content-length": str(len(data)), **headers}
    raw = [(key.lower().encode(), value.encode()) for key, value in fields.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": data})


def adding(send: Send, headers: Callable[[], Iterable[tuple[bytes, bytes]]]) -> Send:
    """Return a `send` that adds to the head of an answer what `headers` gives by then."""

    async def add(message: Message) -> None:
        if message["type"] == "http.response.start" and (more := tuple(headers())):
            message = {**message, "headers": [*message["headers"], *more]}
        await send(message)

    return add


def field(headed: Scope | Message, name: bytes) -> str | None:
    """Return the first header of this (lower-case) name, of a request's scope or an answer's head."""
    for key, value in headed["headers"]:
        if key.lower() == name:
            return bytes(value).decode("latin-1")
    return None
