"""The events of a traced request, in the stream of its answer: each in a comment of its own, between its own events.

1. A comment is what every reader of server-sent events skips, as their standard says (HTML, 9.2.6): a client that knows
   nothing of `detox.trace` reads the answer that it would have had.
2. What comes here of the answer is whole events, so that a comment never stands amid one.
3. Events go out as they happen, whether the answer says something or not.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from server.api.asgi import Message, Scope, Send, field
from server.errors import BadRequest, Forbidden
from server.generation.trace import Event, Trace
from server.keys.key import Key

KEY = "detox.trace"
PATHS = ("/v1/completions", "/v1/chat/completions")
"""The routes whose streams can be traced."""
MARK = b": detox "


def trace_for(key: Key, scope: Scope, asked: Mapping[str, Any], *, granted: bool) -> Trace:
    """Return the trace of a request that asks for one. `granted`: everybody may, whatever their key.

    BadRequest where it could not be told, Forbidden without the right.
    """
    if not scope["path"].endswith(PATHS) or asked.get("stream") is not True:
        raise BadRequest(
            KEY, f"{KEY}: only streams of {' and '.join(PATHS)} are traced; say `stream: true` there, or leave it out"
        )
    if not (granted or key.may("trace")):
        raise Forbidden(KEY, f"{KEY}: this API key lacks the right to trace; leave it out, or ask the operator for it")
    return Trace(texts=key.may("flagged_text"))


@asynccontextmanager
async def traced(trace: Trace | None, send: Send) -> AsyncIterator[Send]:
    """Provide what sends an answer with the events of its trace, if it has one, as long as the answer is made."""
    if trace is None:
        yield send
        return
    out = _Traced(trace, send)
    following = asyncio.create_task(out.follow())
    try:
        yield out.send
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


class _Traced:
    """Sends what it is given, with the events that wait before it; and those alone, while nothing else is sent."""

    def __init__(self, trace: Trace, send: Send) -> None:
        self._trace = trace
        self._send = send
        self._turn = asyncio.Lock()
        self._begun = asyncio.Event()
        self._over = False

    async def send(self, message: Message) -> None:
        """Send a part of the answer (it is the `send` of what is around the application)."""
        async with self._turn:
            streams = self._begun.is_set()
            if message["type"] == "http.response.body" and streams:
                self._over = not message.get("more_body", False)
                message = {**message, "body": comments(self._trace.take()) + message.get("body", b"")}
            await self._send(message)
            if message["type"] == "http.response.start" and _is_stream(message):
                self._begun.set()

    async def follow(self) -> None:
        """Send every event soon after it was told, from the head of a stream to its end."""
        await self._begun.wait()
        while not self._over:
            await self._trace.told()
            async with self._turn:
                events = comments(self._trace.take())
                if events and not self._over:
                    await self._send({"type": "http.response.body", "body": events, "more_body": True})


def _is_stream(head: Message) -> bool:
    return (field(head, b"content-type") or "").lower().startswith("text/event-stream")


def comments(events: list[Event]) -> bytes:
    """Return events as they stand in a stream; in ASCII, so that no reader finds the end of a line within one."""
    return b"".join(MARK + json.dumps(event, separators=(",", ":")).encode() + b"\n\n" for event in events)
