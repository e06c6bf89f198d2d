"""Responses that are fetched later: which request is behind each of them, and when it is over.

1. Which response a request makes is vLLM's to say: the bytes of an answer hold what clients wrote.
2. It is known before vLLM can store it or send a byte of it, so that nothing fetched ever lacks its report: an id that
   the client chose when the request is admitted, any other at the head of the answer.
3. An id belongs to one request. A second one that chooses it is refused, or it would answer for the first one's text.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

from server.api.asgi import Scope
from server.errors import BadRequest
from server.generation.request import GuardedRequest

PATH = "/v1/responses"
CHOSEN = "request_id"


class Store(Protocol):
    """Where responses are kept (server/engine/stored.py)."""

    def named(self, scope: Scope) -> str | None:
        """Return the id of the response that the request of this scope makes; None before vLLM has read it."""
        ...

    def holds(self, response: str) -> bool:
        """Return whether the response can be fetched."""
        ...

    def work(self, response: str) -> "asyncio.Future[Any] | None":
        """Return what goes on in the background for the response, if anything does."""
        ...

    def close(self, response: str) -> None:
        """Finish the response whose work is over: one without an end has failed."""
        ...


class Stored:
    """The requests behind the responses that `store` holds, for as long as it does."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._requests: dict[str, GuardedRequest] = {}

    def behind(self, path: str) -> GuardedRequest | None:
        """Return the request behind the response that a path names, to fetch it or to do something to it."""
        _, found, rest = path.partition(PATH + "/")
        return self._requests.get(rest.split("/")[0]) if found else None

    def keeping(self, request: GuardedRequest, scope: Scope, chosen: object) -> "Keeping":
        """Admit a request that makes a response, under the id `chosen` if given. BadRequest if it is taken."""
        if not isinstance(chosen, str):
            return Keeping(self._store, self._requests, request, scope, None)
        if chosen in self._requests:
            raise BadRequest(CHOSEN, f"{CHOSEN}: there is a response of this id; choose another, or leave it out")
        self._requests[chosen] = request
        return Keeping(self._store, self._requests, request, scope, chosen)


class Keeping:
    """The response that one request makes, from its admission to the end of its answer."""

    def __init__(
        self,
        store: Store,
        requests: dict[str, GuardedRequest],
        request: GuardedRequest,
        scope: Scope,
        response: str | None,
    ) -> None:
        self._store = store
        self._requests = requests
        self._request = request
        self._scope = scope
        self._response = response
        self._work: asyncio.Future[Any] | None = None
        self._begun = False

    def begin(self) -> None:
        """Remember the request. Call it before any of the answer is sent; only the first call counts."""
        response = self._store.named(self._scope)
        if self._begun or response is None:
            return
        self._begun = True
        self._response = response
        self._requests[response] = self._request
        self._work = self._store.work(response)
        if self._work is not None:
            self._work.add_done_callback(lambda _: self._store.close(response))
        elif self._store.holds(response):
            self._store.close(response)  # its work was over at once

    def end(self, count: Callable[[], None]) -> None:
        """Note that the answer has gone: `count` the request once, now or when its background work has ended."""
        self.begin()
        if self._work is not None:
            self._work.add_done_callback(lambda _: count())
            return
        if self._response is not None and not self._store.holds(self._response):
            self._requests.pop(self._response, None)
        count()
