"""Who may ask what: the wall in front of every route (ASGI, outside vLLM's middleware).

1. Where the operator has given keys, a request needs one of them as `Authorization: Bearer KEY`; on Anthropic's route
   `x-api-key: KEY` will do, on Azure's paths `api-key: KEY`. A key of the file (server/keys/file.py) and one of vLLM's
   `--api-key` both will.
2. What is open to all is listed, and asks for nothing: a route that is not in the list needs a key, whoever added it.
3. Keys are compared in constant time, all of them each time: an answer's time says neither which nor how far.
4. A preflight (OPTIONS) needs none: browsers send it without.
5. The key of a request that needs one goes no further than this. What is behind it learns whose request it is
   (`key_of`), and vLLM, which asks once more for its own keys and knows no others, is told one of those.
"""

from collections.abc import Sequence

from server.api import pages
from server.api.asgi import App, Receive, Scope, Send, field, refuse
from server.api.azure import azures
from server.errors import Unauthorized, anthropic
from server.keys.file import Keys
from server.keys.key import ANYBODY, Key, digest
from server.reloading import Current

PROBES = frozenset({"/health", "/ready", "/ping", "/version"})
"""What asks whether the server is up."""
_METRICS = frozenset({"/metrics", "/metrics/"})
_DESCRIPTION = frozenset({"/docs", "/docs/oauth2-redirect", "/redoc", "/openapi.json"})
PAGES = _METRICS | _DESCRIPTION | pages.PATHS
"""What monitoring asks, the pages that describe the API, and the page at `/`."""
SCRAPED = PROBES | _METRICS
"""What is asked every few seconds."""
OPEN = PROBES | PAGES
"""The routes that are open to all, unless the operator wants a key for the pages."""
PAGE = {"/review": "page.html", "/review/page.js": "page.js", "/review/page.css": "page.css"}
"""What is read before anybody can say a key: the files of the reviewers' page (server/feedback/page), open to all."""

UNLIMITED = Key("--api-key")
"""Whose requests those are that come with one of vLLM's keys: no rights, and no limits."""

_FORBIDDEN = 1008
"""How a WebSocket is closed that may not be opened (RFC 6455)."""
_KEY = "unsay.key"
_AUTHORIZATION = b"authorization"
_ANTHROPICS = b"x-api-key"
_AZURES = b"api-key"


def key_of(scope: Scope) -> Key:
    """Return whose request it is, as the wall has found it."""
    key: Key = scope.get(_KEY, ANYBODY)
    return key


class Access:
    """Lets requests through that have one of the keys, or need none.

    `vllms` are vLLM's keys, `keys` those of the file; None without one. `open_to_all` are routes.
    """

    def __init__(
        self,
        app: App,
        vllms: Sequence[str],
        keys: Current[Keys] | None = None,
        open_to_all: frozenset[str] = OPEN,
    ) -> None:
        self._app = app
        self._vllms = Keys({digest(key): UNLIMITED for key in vllms})
        self._admission = f"Bearer {vllms[0]}".encode() if vllms else None
        self._keys = keys
        self._open = open_to_all | PAGE.keys()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer 401."""
        if scope["type"] == "lifespan" or self._is_open(scope):
            await self._app(scope, receive, send)
        elif (key := self._key(scope)) is not None:
            await self._app(self._known(scope, key), receive, send)
        elif scope["type"] == "websocket":
            await receive()  # the handshake: before it nothing can be said
            await send({"type": "websocket.close", "code": _FORBIDDEN})
        else:
            await refuse(send, Unauthorized(), scope["path"])

    def _is_open(self, scope: Scope) -> bool:
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        return scope.get("method") == "OPTIONS" or (scope["type"] == "http" and path in self._open)

    def _key(self, scope: Scope) -> Key | None:
        """Return whose key a request has."""
        for sent in _sent(scope):
            known = digest(sent)
            of_file = None if self._keys is None else self._keys.value.find(known)
            found = self._vllms.find(known) or of_file
            if found is not None:
                return found
        return None

    def _known(self, scope: Scope, key: Key) -> Scope:
        """Return the scope of a request without the key that it has."""
        headers = [each for each in scope["headers"] if each[0].lower() not in (_AUTHORIZATION, _ANTHROPICS, _AZURES)]
        if self._admission is not None:
            headers.append((_AUTHORIZATION, self._admission))
        return {**scope, "headers": headers, _KEY: key}


def _sent(scope: Scope) -> list[str]:
    """Return the keys that a request has, wherever its route takes one."""
    scheme, _, bearer = (field(scope, _AUTHORIZATION) or "").partition(" ")
    sent = [bearer] if scheme.lower() == "bearer" else []
    if anthropic(scope["path"]):
        sent.append(field(scope, _ANTHROPICS) or "")
    if azures(scope):
        sent.append(field(scope, _AZURES) or "")
    return [key for key in sent if key]
