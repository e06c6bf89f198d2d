"""One answer on its way out.

1. Nothing of a stream is sent before the first generated text is released, not even the head: a scorer that fails until
   then still turns it into a 503, and a request that cannot be done into a 400. (vLLM's Responses API says
   `response.created` long before that.)
2. Answers in JSON are collected and get their reports, and their heads say the gravest; every other kind (audio,
   pages) passes as it comes.
3. An answer without generated text passes byte for byte.
4. A stream that the application leaves amid it (its engine has died) ends with an error in the words of its route.
5. One exception to the first rule: a stream that is traced begins at once, since its client wants to see what is tried
   before any text is released. What fails until then ends it with the error that would have been its status.
"""

import json
from typing import Any

from server.api.answer import amend, headers, unavailable, written
from server.api.asgi import Message, Send, field, refuse
from server.api.stream import EventStream, broken_off
from server.errors import RequestError, anthropic, as_anthropic
from server.generation.request import GuardedRequest


class Outgoing:
    """Takes what the application sends; `send` is the server's. `stored`: the answer is one that is fetched again."""

    def __init__(self, request: GuardedRequest, send: Send, path: str = "", *, stored: bool = False) -> None:
        self._request = request
        self._send = send
        self._path = path
        self._is_stored = stored
        self._head: Message | None = None
        self._sent_head = False
        self._refused = False
        self._ended = False
        self._stream: EventStream | None = None
        self._json = False
        self._more: dict[str, str] = {}
        self._waiting = bytearray()

    def can_refuse(self) -> bool:
        """Return whether what went wrong can still be told by the status of the answer."""
        return self._failed() and not self._sent_head

    async def refuse(self) -> None:
        """Answer with what went wrong in place of what the application says, now and later. It `can_refuse`."""
        self._refused = True
        if (why := self._refusal()) is not None:
            await refuse(self._send, why, self._path)

    async def break_off(self) -> None:
        """End a stream that has begun and will not go on, so that its client knows."""
        if self._stream is not None and self._sent_head and not self._ended:
            self._ended = True
            end = broken_off(self._path, self._refusal() if self._failed() else None)
            await self._send({"type": "http.response.body", "body": end, "more_body": False})

    def _failed(self) -> bool:
        """Return whether there will be no answer."""
        return self._refusal() is not None and not self._request.started and not self._is_stored

    def _refusal(self) -> RequestError | None:
        """Return what went wrong, if anything did."""
        return unavailable(self._request) or self._request.unusable

    async def send(self, message: Message) -> None:
        """Send what the application says (it is its `send`)."""
        if self._refused or self._ended:
            return
        if message["type"] == "http.response.start":
            await self._begin(message)
        elif message["type"] != "http.response.body":
            await self._send(message)
        elif self.can_refuse():
            await self.refuse()
        elif self._failed():
            await self.break_off()
        else:
            await self._pass_on(message.get("body", b""), more=message.get("more_body", False))

    async def _begin(self, head: Message) -> None:
        self._head = head
        kind = (field(head, b"content-type") or "").lower()
        if kind.startswith("text/event-stream"):
            self._stream = EventStream(self._request)
            if self._request.trace is not None:
                await self._start(b"")
        self._json = kind.startswith("application/json")

    async def _pass_on(self, body: bytes, *, more: bool) -> None:
        if self._stream is not None:
            body = self._stream.feed(body, last=not more)
        self._waiting += body
        if more and (self._json or (self._stream is not None and not self._request.started)):
            return
        data = self._amended() if self._json else bytes(self._waiting)
        self._waiting.clear()
        await self._start(data)
        self._ended = not more
        if data or not more:
            await self._send({"type": "http.response.body", "body": data, "more_body": more})

    def _amended(self) -> bytes:
        """Return the whole answer with its reports; one that holds no generated text, byte for byte."""
        failed = self._head is not None and self._head["status"] >= 400
        in_their_shape = failed and anthropic(self._path)
        if not self._request.reports and not in_their_shape and not self._is_stored:
            return bytes(self._waiting)
        body = json.loads(self._waiting)
        if in_their_shape and isinstance(body, dict):
            return written(_in_anthropics_shape(self._head, body))
        if isinstance(body, dict):
            amend(body, self._request)
        if not failed:
            self._more = headers(body, self._request)
        return written(body)

    async def _start(self, data: bytes) -> None:
        if self._sent_head or self._head is None:
            return
        self._sent_head = True
        if self._json:
            more = {"content-length": str(len(data)), **self._more}
            others = [(key, value) for key, value in self._head["headers"] if key.lower() != b"content-length"]
            said = [(key.lower().encode(), value.encode()) for key, value in more.items()]
            self._head["headers"] = [*others, *said]
        await self._send(self._head)


def _in_anthropics_shape(head: Message | None, body: dict[str, Any]) -> dict[str, Any]:
    """Return a vLLM error, mostly in OpenAI's or FastAPI's shape, as this route's clients read it."""
    said = body.get("error")
    if head is None or (
        isinstance(said, dict) and body.get("type") == "error" and str(said["type"]).endswith("_error")
    ):
        return body
    message = said.get("message") if isinstance(said, dict) else said or body.get("detail")
    return as_anthropic(head["status"], str(message or "error"))
