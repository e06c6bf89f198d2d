"""Who may ask what: the wall in front of every route (ASGI, outside vLLM's middleware).

1. Where the operator has given keys, a request needs one of them as `Authorization: Bearer KEY`, or in the
   header of Azure's (`api-key`) or Anthropic's clients (`x-api-key`).
2. What is open to all is listed, and asks for nothing: a route that is not in the list needs a key, whoever added it.
3. Keys are compared in constant time, all of them each time: an answer's time says neither which nor how far.
4. A preflight (OPTIONS) needs none: browsers send it without.
"""

import hashlib
import hmac
from collections.abc import Sequence

from server.api.asgi import App, Receive, Scope, Send, authorize, field, refuse
from server.errors import Unauthorized

OPEN = frozenset(
    {
        *("/health", "/ready", "/ping", "/version"),
        *("/metrics", "/metrics/"),
        *("/docs", "/docs/oauth2-redirect", "/redoc", "/openapi.json"),
    }
)
"""The routes that are open to all: what probes and monitoring ask, and the pages that describe the API."""

_FORBIDDEN = 1008
"""How a WebSocket is closed that may not be opened (RFC 6455)."""


class Access:
    """Lets requests through that have one of the keys, or need none."""

    def __init__(self, app: App, keys: Sequence[str]) -> None:
        self._app = app
        self._digests = [_digest(key) for key in keys]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer 401."""
        if scope["type"] != "lifespan":
            authorize(scope)
        if scope["type"] == "lifespan" or _is_open(scope) or self._knows(scope):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()  # the handshake: before it nothing can be said
            await send({"type": "websocket.close", "code": _FORBIDDEN})
        else:
            await refuse(send, Unauthorized(), scope["path"])

    def _knows(self, scope: Scope) -> bool:
        scheme, _, key = (field(scope, b"authorization") or "").partition(" ")
        digest, known = _digest(key), False
        for each in self._digests:
            known |= hmac.compare_digest(digest, each)
        return known and scheme.lower() == "bearer"


def _is_open(scope: Scope) -> bool:
    path = scope["path"].removeprefix(scope.get("root_path", ""))
    return scope.get("method") == "OPTIONS" or (scope["type"] == "http" and path in OPEN)


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()
