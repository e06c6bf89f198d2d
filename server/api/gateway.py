"""The way in and out of every request that can generate text (ASGI, inside vLLM's authentication and error pages).

1. In: the request's policy is resolved from its `detox` object and header before vLLM sees it; what cannot be guarded
   or may not be asked for is refused in OpenAI's error shape.
2. Out: reports are added at the end of each choice (server/api/outgoing.py).
"""

import json
from typing import Any

from server.api.answer import gravest
from server.api.asgi import App, Message, Receive, Scope, Send, field, refuse
from server.api.outgoing import Outgoing
from server.api.stored import CHOSEN, PATH, Keeping, Store, Stored
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


class Gateway:
    """Wraps the routes of vLLM's application.

    `store` keeps the responses that are fetched later; None if this server keeps none.
    """

    def __init__(
        self,
        app: App,
        *,
        catalog: Catalog,
        observer: Observer,
        allow_loosen: bool,
        store: Store | None = None,
    ) -> None:
        self._app = app
        self._catalog = catalog
        self._observer = observer
        self._allow_loosen = allow_loosen
        self._stored = None if store is None else Stored(store)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take one request in: amend what is fetched, guard what generates, pass on the rest."""
        if scope["type"] == "http" and self._stored and (stored := self._stored.behind(scope["path"])):
            await self._app(scope, receive, Outgoing(stored, send, scope["path"], stored=True).send)
            return
        if scope["type"] != "http" or scope["method"] != "POST" or scope["path"].endswith(OURS):
            await self._app(scope, receive, send)
            return
        body = await _read(receive)
        if body is None:
            return  # the client has gone before it had said what it wants
        asked = _asked(body)
        try:
            request = self._admit(scope, asked)
            keeping = self._keeping(request, scope, asked)
        except RequestError as error:
            await refuse(send, error, scope["path"])
            return
        await self._serve(request, keeping, scope, _again(body, receive), send)

    async def _serve(
        self, request: GuardedRequest, keeping: Keeping | None, scope: Scope, receive: Receive, send: Send
    ) -> None:
        outgoing = Outgoing(request, send, scope["path"])

        async def tell(message: Message) -> None:
            if keeping is not None:
                keeping.begin()
            await outgoing.send(message)

        token = current.set(request)
        try:
            await self._app(scope, receive, tell)
        except Exception:
            if not outgoing.can_refuse():
                raise
            await outgoing.refuse()
        finally:
            current.reset(token)
            route = _route(scope)
            if keeping is None:
                self._count(request, route)
            else:
                keeping.end(lambda: self._count(request, route))

    def _keeping(self, request: GuardedRequest, scope: Scope, asked: dict[str, Any]) -> Keeping | None:
        if self._stored is None or not scope["path"].endswith(PATH):
            return None
        return self._stored.keeping(request, scope, asked.get(CHOSEN))

    def _count(self, request: GuardedRequest, route: str) -> None:
        report = gravest(request.reports)
        if report is not None:
            self._observer.request_finished(report.action, route, report.policy)

    def _admit(self, scope: Scope, asked: dict[str, Any]) -> GuardedRequest:
        """Return the policy of this request. A body that is not a JSON object is left to vLLM, which refuses it."""
        for key, why in UNGUARDABLE.items():
            if asked.get(key):
                raise BadRequest(key, f"{key}: {why}; leave it out")
        allowed = may_loosen(self._catalog, field(scope, b"authorization"), self._allow_loosen)
        header = field(scope, HEADER.lower().encode())
        resolved = resolve(self._catalog, asked.get("detox"), header, may_loosen=allowed)
        return GuardedRequest(resolved.policy, resolved.report)


async def _read(receive: Receive) -> bytes | None:
    """Return the whole body; None if the client went away before its end."""
    parts = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


def _again(body: bytes, receive: Receive) -> Receive:
    """Return a receive that gives out the body again and then goes on with what comes (a disconnect)."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return waiting.pop() if waiting else await receive()

    return again


def _asked(body: bytes) -> dict[str, Any]:
    """Return a request's keys. A body that is no JSON object has none: the engine client refuses what it must."""
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return parsed if isinstance(parsed, dict) else {}


def _route(scope: Scope) -> str:
    """Return the template of the route that answered, for a label: made-up paths must not become labels."""
    return str(getattr(scope.get("route"), "path", UNMATCHED))
