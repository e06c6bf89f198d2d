"""The way in and out of every request that can generate text (ASGI middleware, inside vLLM's authentication).

1. In: the request's policy is resolved from its `detox` object and header before vLLM sees it; what cannot be guarded or may
   not be asked for is refused in OpenAI's error shape.
2. Out: reports are added at the end of each choice. The head of an answer waits for its first byte, so that a scorer
   that fails before anything was said still makes a 503 of it.
"""

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from server.api.answer import amend, gravest
from server.api.stream import EventStream
from server.errors import BadRequest, RequestError, Unavailable, UnsayError, http_error
from server.generation.observer import Observer
from server.generation.request import GuardedRequest, current
from server.policy.catalog import Catalog
from server.policy.resolve import HEADER, may_loosen, resolve

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

RETRY_AFTER_SECONDS = 2.0
UNGUARDABLE = {
    "use_beam_search": "beam search weighs unjudged continuations against each other and cannot be guarded",
    "prompt_embeds": "prompt embeddings have no text and cannot be guarded",
}
"""Keys that are refused when they are set, and why."""

OURS = frozenset({"/v1/moderations"})


class Gateway:
    """Wraps vLLM's application."""

    def __init__(self, app: App, *, catalog: Catalog, observer: Observer, allow_loosen: bool) -> None:
        self._app, self._catalog, self._observer, self._allow_loosen = app, catalog, observer, allow_loosen

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST" or scope["path"] in OURS:
            await self._app(scope, receive, send)
            return
        body, receive = await _read(receive)
        try:
            request = self._admit(scope, body)
        except RequestError as error:
            await refuse(send, error)
            return
        await self._serve(request, scope, receive, send)

    async def _serve(self, request: GuardedRequest, scope: Scope, receive: Receive, send: Send) -> None:
        answer = Answer(request, send)
        token = current.set(request)
        try:
            await self._app(scope, receive, answer.send)
        except Exception:
            if not answer.can_refuse():
                raise
            await answer.refuse()
        finally:
            current.reset(token)
            report = gravest(request.reports)
            if report is not None:
                self._observer.request_finished(report.action, request.route, report.policy)

    def _admit(self, scope: Scope, body: bytes) -> GuardedRequest:
        """The policy of this request. A body that is not a JSON object is left to vLLM, which refuses it."""
        headers = {key.decode("latin-1").lower(): value.decode("latin-1") for key, value in scope["headers"]}
        asked = _json_object(body)
        for key, why in UNGUARDABLE.items():
            if asked.get(key):
                raise BadRequest(key, f"{key}: {why}; leave it out")
        allowed = may_loosen(self._catalog, headers.get("authorization"), self._allow_loosen)
        resolved = resolve(self._catalog, asked.get("detox"), headers.get(HEADER.lower()), may_loosen=allowed)
        return GuardedRequest(resolved.policy, resolved.report, route=scope["path"])


class Answer:
    """One answer on its way out."""

    def __init__(self, request: GuardedRequest, send: Send) -> None:
        self._request, self._send = request, send
        self._head: Message | None = None
        self._sent_head = self._refused = False
        self._stream: EventStream | None = None
        self._body = b""

    def can_refuse(self) -> bool:
        """Whether a failed scorer can still be told by the status of the answer."""
        return self._request.scorer_down is not None and not self._request.started and not self._sent_head

    async def refuse(self) -> None:
        self._refused = True
        await refuse(self._send, scorer_unavailable())

    async def send(self, message: Message) -> None:
        if self._refused:
            return
        if message["type"] == "http.response.start":
            self._head = message
            if _content_type(message).startswith("text/event-stream"):
                self._stream = EventStream(self._request)
            return
        if message["type"] != "http.response.body" or self._head is None:
            await self._send(message)
            return
        if self.can_refuse():
            await self.refuse()
            return
        await self._pass_on(message)

    async def _pass_on(self, message: Message) -> None:
        more = message.get("more_body", False)
        if self._stream is not None:
            data = self._stream.feed(message.get("body", b""), last=not more)
        else:
            self._body += message.get("body", b"")
            if more:
                return
            data = self._amended()
        await self._start(len(data) if self._stream is None else None)
        if data or not more:
            await self._send({"type": "http.response.body", "body": data, "more_body": more})

    def _amended(self) -> bytes:
        """The whole answer with its reports; one that holds no generated text, byte for byte."""
        if not self._request.reports:
            return self._body
        body = json.loads(self._body)
        if isinstance(body, dict):
            amend(body, self._request)
        return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()

    async def _start(self, length: int | None) -> None:
        if self._sent_head or self._head is None:
            return
        self._sent_head = True
        if length is not None:
            headers = [(key, value) for key, value in self._head["headers"] if key.lower() != b"content-length"]
            self._head["headers"] = [*headers, (b"content-length", str(length).encode())]
        await self._send(self._head)


def scorer_unavailable() -> Unavailable:
    return Unavailable("the toxicity scorer is unavailable, so nothing can be released; try again", RETRY_AFTER_SECONDS)


async def refuse(send: Send, error: UnsayError) -> None:
    """Answer with an error in OpenAI's shape."""
    status, body, headers = http_error(error)
    data = json.dumps(body).encode()
    fields = {"content-type": "application/json", "content-length": str(len(data)), **headers}
    raw = [(key.lower().encode(), value.encode()) for key, value in fields.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": data})


async def _read(receive: Receive) -> tuple[bytes, Receive]:
    """The whole body, and a receive that gives it out again and then goes on with what comes (a disconnect)."""
    body, waiting = b"", []
    while True:
        message = await receive()
        waiting.append(message)
        if message["type"] != "http.request":
            break
        body += message.get("body", b"")
        if not message.get("more_body", False):
            break
    waiting.reverse()

    async def again() -> Message:
        return waiting.pop() if waiting else await receive()

    return body, again


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(body)
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}


def _content_type(message: Message) -> str:
    for key, value in message["headers"]:
        if key.lower() == b"content-type":
            return bytes(value).decode("latin-1")
    return ""
