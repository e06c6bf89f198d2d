"""The way in and out of every request that can generate text (ASGI, inside vLLM's authentication and error pages).

0. Every body is read and checked here (server/api/body.py), whatever route it is for. Azure's paths become vLLM's
   (server/api/azure.py) before anything is decided by them.
1. In: the request's policy is resolved from its `detox` object, its header and OpenAI's `moderation` object before
   vLLM sees it; what cannot be guarded or may not be asked for is refused in OpenAI's error shape.
2. Whatever may be new work counts against the limits of its key (server/keys/quotas.py), from before its body is read
   to its end: that of its answer, or of what goes on in the background.
3. A response belongs to the key that made it: for others it is not there.
4. Out: reports are added at the end of each choice (server/api/outgoing.py), and events of the guard between those of
   a stream that is traced (server/api/traced.py).
"""

from collections.abc import Callable
from typing import Any

from starlette.exceptions import HTTPException

from server.api import azure
from server.api import body as bodies
from server.api.access import key_of
from server.api.answer import gravest
from server.api.asgi import App, Message, Receive, Scope, Send, adding, field, refuse
from server.api.outgoing import Outgoing
from server.api.stored import CHOSEN, PATH, Keeping, Store, Stored
from server.api.traced import trace_for, traced
from server.errors import BadRequest, NotAllowed, NotFound, RequestError
from server.generation.observer import Observer
from server.generation.request import GuardedRequest, current
from server.generation.tracing import UNTRACED, Tracing
from server.keys.key import Key
from server.keys.quotas import Quotas, Share
from server.policy.catalog import Catalog
from server.policy.moderation import KEY as MODERATION
from server.policy.resolve import HEADER, resolve
from server.reloading import Current

UNGUARDABLE = {
    "use_beam_search": "beam search weighs unjudged continuations against each other and cannot be guarded",
    "prompt_embeds": "prompt embeddings have no text and cannot be guarded",
}
"""Keys that are refused before they are read any further, and why: the engine client would refuse what they ask for."""

OURS = ("/v1/moderations", "/v1/feedback", "/v1/review", "/v1/review/next")
USERS = ("safety_identifier", "user")
"""Where a request says for which user of its key it is made: OpenAI's word, and the one that it had before."""
Keep = Callable[[GuardedRequest, Scope], None]
"""Takes what was answered, at the end of it, and has the request forget it. Quick, and never raises."""
FOLLOWED = "previous_response_id"
UNMATCHED = "other"
W3C = ("traceparent", "tracestate")
"""The headers that name the trace of which a request is part."""
_NOT_ALLOWED = 405


class Gateway:
    """Wraps the routes of vLLM's application.

    `store` keeps the responses that are fetched later; None if this server keeps none. `keep` takes what was answered.
    """

    def __init__(
        self,
        app: App,
        *,
        catalog: Current[Catalog],
        observer: Observer,
        allow_loosen: bool,
        quotas: Quotas,
        allow_trace: bool = False,
        tracing: Tracing = UNTRACED,
        store: Store | None = None,
        keep: Keep | None = None,
    ) -> None:
        self._app = app
        self._catalog = catalog
        self._observer = observer
        self._allow_loosen = allow_loosen
        self._allow_trace = allow_trace
        self._quotas = quotas
        self._tracing = tracing
        self._stored = None if store is None else Stored(store)
        self._keep = keep

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take one request in; answer errors that come before any answer in the shape of its route."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        with self._quotas.share(key_of(scope)) as share:
            send = adding(send, share.headers)
            try:
                await self._take_in(share, scope, receive, send)
            except RequestError as error:
                await refuse(send, error, scope["path"])
            except HTTPException as error:  # of the router: those of routes are answered there
                await refuse(send, _unrouted(scope, error), scope["path"])

    async def _take_in(self, share: Share, scope: Scope, receive: Receive, send: Send) -> None:
        """Amend what is fetched, guard what generates, pass on the rest. RequestError before any of them."""
        deployment = azure.rewritten(scope)
        asked: dict[str, Any] = {}
        stored = self._behind(scope["path"], share.key)
        if bodies.has_body(scope):
            if stored is None:
                await share.enter()
            body = await bodies.read(scope, receive)
            if body is None:
                return  # the client has gone before it had said what it wants
            asked = bodies.parsed(scope, body)
            receive = bodies.again(azure.named(asked, body, deployment), receive)
        if stored is not None:
            await self._app(scope, receive, Outgoing(stored, send, scope["path"], stored=True).send)
            return
        user = next((asked[key] for key in USERS if asked.get(key)), None)
        await share.enter_for(user)
        if scope["method"] != "POST" or scope["path"].endswith(OURS):
            await self._app(scope, receive, send)
            return
        request = self._admit(share.key, scope, asked)
        request.user = user if isinstance(user, str) else None
        keeping = self._keeping(request, scope, asked)
        async with traced(request.trace, send) as out:
            await self._serve(share, request, keeping, scope, receive, out)

    def _behind(self, path: str, key: Key) -> GuardedRequest | None:
        """Return the request behind the response that a path names. NotFound if another key has made it."""
        found = None if self._stored is None else self._stored.behind(path)
        if found is not None and found.key.name != key.name:
            raise NotFound(None, "no such response")
        return found

    async def _serve(
        self,
        share: Share,
        request: GuardedRequest,
        keeping: Keeping | None,
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        outgoing = Outgoing(request, send, scope["path"])
        request.spans = self._tracing.request({name: field(scope, name.encode()) or "" for name in W3C})

        async def tell(message: Message) -> None:
            if keeping is not None:
                keeping.begin()
            await outgoing.send(message)

        token = current.set(request)
        try:
            await self._app(scope, receive, tell)
        except Exception as error:
            if isinstance(error, RecursionError):  # over text that holds JSON: the arguments of a tool call
                request.unusable = bodies.too_deep()
            if not outgoing.can_refuse():
                await outgoing.break_off()
                raise
            await outgoing.refuse()
        finally:
            current.reset(token)
            route = _route(scope)
            if keeping is None:
                self._end(share, request, route, scope)
            else:
                share.keep()
                keeping.end(lambda: self._end(share, request, route, scope))

    def _keeping(self, request: GuardedRequest, scope: Scope, asked: dict[str, Any]) -> Keeping | None:
        if self._stored is None or not scope["path"].endswith(PATH):
            return None
        self._behind(f"{PATH}/{asked.get(FOLLOWED)}", request.key)
        return self._stored.keeping(request, scope, asked.get(CHOSEN))

    def _end(self, share: Share, request: GuardedRequest, route: str, scope: Scope) -> None:
        share.tokens = request.tokens
        share.end()
        report = gravest(request.reports)
        request.spans.over(route, report)
        if report is not None:
            self._observer.request_finished(report.action, route, report.policy)
        if self._keep is not None:
            self._keep(request, scope)
        else:
            request.forget()

    def _admit(self, key: Key, scope: Scope, asked: dict[str, Any]) -> GuardedRequest:
        """Return the policy of this request. A body that is no JSON is left to vLLM, which refuses it."""
        for name, why in UNGUARDABLE.items():
            if asked.get(name):
                raise BadRequest(name, f"{name}: {why}; leave it out")
        allowed = self._allow_loosen or key.may("loosen")
        header = field(scope, HEADER.lower().encode())
        resolved = resolve(
            self._catalog.value,
            asked.get("detox"),
            header,
            asked.get(MODERATION),
            may_loosen=allowed,
            own=key.policies,
        )
        trace = trace_for(key, scope, asked, granted=self._allow_trace) if resolved.trace else None
        return GuardedRequest(resolved.policy, resolved.report, resolved.moderation, key=key, trace=trace)


def _unrouted(scope: Scope, error: HTTPException) -> RequestError:
    """Return what is said of a request for which there is no route."""
    asked = f"{scope['method']} {scope['path']}"
    if error.status_code == _NOT_ALLOWED:
        return NotAllowed(f"no such route: {asked}", (error.headers or {}).get("Allow", ""))
    return NotFound(None, f"no such route: {asked}")


def _route(scope: Scope) -> str:
    """Return the template of the route that answered, for a label: made-up paths must not become labels."""
    return str(getattr(scope.get("route"), "path", UNMATCHED))
