"""The way in and out of every request that can generate text (ASGI, inside vLLM's authentication and error pages).

1. In: the request's policy is resolved from its `detox` object and header before vLLM sees it; what cannot be guarded
   or may not be asked for is refused in OpenAI's error shape.
2. Out: reports are added at the end of each choice (server/api/outgoing.py).
"""

import asyncio
import json
from collections.abc import Callable
from typing import Any

from server.api.answer import gravest
from server.api.asgi import App, Message, Receive, Scope, Send, field, refuse
from server.api.outgoing import Outgoing
from server.errors import BadRequest, RequestError
from server.generation.observer import Observer
from server.generation.request import GuardedRequest, current
from server.policy.catalog import Catalog
from server.policy.resolve import HEADER, may_loosen, resolve

UNGUARDABLE = {
    "use_beam_search": "beam search weighs unjudged continuations against each other and cannot be guarded",
    "prompt_embeds": "prompt embeddings have no text and cannot be guarded",
}
"""Keys that are refused before they are read any further, and why: the engine client would refuse what they ask for."""

OURS = "/v1/moderations"
UNMATCHED = "other"
RESPONSES = "/v1/responses"

Background = Callable[[str], "asyncio.Task[Any] | None"]
"""The task that works on the stored response of this id, if one does."""


class Gateway:
    """Wraps the routes of vLLM's application.

    `background` finds the work on a response that is fetched later; None if this server stores none.
    """

    def __init__(
        self,
        app: App,
        *,
        catalog: Catalog,
        observer: Observer,
        allow_loosen: bool,
        background: Background | None = None,
    ) -> None:
        self._app, self._catalog, self._observer, self._allow_loosen = app, catalog, observer, allow_loosen
        self._background = background
        self._stored: dict[str, GuardedRequest] = {}
        """By response. None is ever dropped, since vLLM keeps the responses themselves as long as it runs."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (stored := self._stored.get(_response_of(scope["path"]))):
            await self._app(scope, receive, Outgoing(stored, send, scope["path"], stored=True).send)
            return
        if scope["type"] != "http" or scope["method"] != "POST" or scope["path"].endswith(OURS):
            await self._app(scope, receive, send)
            return
        body = await _read(receive)
        if body is None:
            return  # the client has gone before it had said what it wants
        try:
            request = self._admit(scope, body)
        except RequestError as error:
            await refuse(send, error, scope["path"])
            return
        await self._serve(request, scope, _again(body, receive), send)

    async def _serve(self, request: GuardedRequest, scope: Scope, receive: Receive, send: Send) -> None:
        outgoing = Outgoing(request, send, scope["path"])
        token = current.set(request)
        try:
            await self._app(scope, receive, outgoing.send)
        except Exception:
            if not outgoing.can_refuse():
                raise
            await outgoing.refuse()
        finally:
            current.reset(token)
            self._ended(request, outgoing.response_id, _route(scope))

    def _ended(self, request: GuardedRequest, response: str | None, route: str) -> None:
        """Count the request, at once or when the work that goes on behind its answer has ended."""
        work = None
        if self._background is not None and response is not None and route == RESPONSES:
            self._stored[response] = request
            work = self._background(response)
        if work is None:
            self._count(request, route)
        else:
            work.add_done_callback(lambda _: self._count(request, route))

    def _count(self, request: GuardedRequest, route: str) -> None:
        report = gravest(request.reports)
        if report is not None:
            self._observer.request_finished(report.action, route, report.policy)

    def _admit(self, scope: Scope, body: bytes) -> GuardedRequest:
        """The policy of this request. A body that is not a JSON object is left to vLLM, which refuses it."""
        asked = _asked(body)
        for key, why in UNGUARDABLE.items():
            if asked.get(key):
                raise BadRequest(key, f"{key}: {why}; leave it out")
        allowed = may_loosen(self._catalog, field(scope, b"authorization"), self._allow_loosen)
        header = field(scope, HEADER.lower().encode())
        resolved = resolve(self._catalog, asked.get("detox"), header, may_loosen=allowed)
        return GuardedRequest(resolved.policy, resolved.report)


async def _read(receive: Receive) -> bytes | None:
    """The whole body; None if the client went away before its end."""
    parts = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


def _again(body: bytes, receive: Receive) -> Receive:
    """A receive that gives out the body again and then goes on with what comes (a disconnect)."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return waiting.pop() if waiting else await receive()

    return again


def _response_of(path: str) -> str:
    """The id in the path of a stored response, or of what is done to one; empty for every other path."""
    _, found, rest = path.partition(RESPONSES + "/")
    return rest.split("/")[0] if found else ""


def _asked(body: bytes) -> dict[str, Any]:
    """The keys of a request. One that is no JSON object has none: the engine client refuses what it cannot guard."""
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return parsed if isinstance(parsed, dict) else {}


def _route(scope: Scope) -> str:
    """The template of the route that answered, a metric's label: paths that clients make up must not become labels."""
    return str(getattr(scope.get("route"), "path", UNMATCHED))
