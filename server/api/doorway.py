"""The server's door (ASGI, around the gateway): who still comes in when it is about to end, and how long a body takes.

1. Every request is counted while it is under way, to the end of its answer.
2. Once the server drains, only requests that read are let in; what would be new work is a 503. Every answer that begins
   from then on closes its connection.
3. A body is whole so many seconds after its head, or the request is a 408. One that is still coming when the server's
   time is over is a 503.
"""

import asyncio
from typing import Literal, Protocol

from server.api.asgi import App, Message, Receive, Scope, Send, refuse, shutting_down
from server.api.body import has_body
from server.errors import RequestError, ShuttingDown, TooSlow
from server.generation.ending import Ending

Fate = Literal["finished", "cut_short", "refused"]
"""What becomes of a request when the server ends."""
Part = Literal["head", "body"]
"""The part of a request that did not come in time."""

_GONE: Message = {"type": "http.disconnect"}


class DoorObserver(Protocol):
    """Is told of requests that did not go their ordinary way."""

    def request_at_end(self, fate: Fate) -> None:
        """Count a request that came, or was under way, when the server was about to end."""

    def request_late(self, part: Part) -> None:
        """Count a request of which a part did not come in time."""


class Doorway:
    """Wraps an application. `body_seconds`: how long a request's body may take to come."""

    def __init__(self, app: App, *, ending: Ending, observer: DoorObserver, body_seconds: float) -> None:
        self._app = app
        self._ending = ending
        self._observer = observer
        self._body_seconds = body_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        visit = _Visit(scope["path"], receive, send, self._ending, self._observer, self._body_seconds)
        if not has_body(scope):
            await self._let_in(scope, visit)
        elif self._ending.accepting:
            try:
                await self._let_in(scope, visit)
            finally:
                self._count()
        else:
            self._observer.request_at_end("refused")
            await visit.refuse(shutting_down())

    async def _let_in(self, scope: Scope, visit: "_Visit") -> None:
        with self._ending.during(request=True):
            try:
                await self._app(scope, visit.receive, visit.send)
            except Exception:
                if not visit.refused:
                    raise

    def _count(self) -> None:
        if not self._ending.accepting:
            self._observer.request_at_end("finished" if self._ending.phase == "draining" else "cut_short")


class _Visit:
    """One request. Once it is refused here, the application is told that the client has left, and not listened to."""

    def __init__(
        self, path: str, receive: Receive, send: Send, ending: Ending, observer: DoorObserver, body_seconds: float
    ) -> None:
        self._path = path
        self._receive = receive
        self._send = send
        self._ending = ending
        self._observer = observer
        self._until = asyncio.get_running_loop().time() + body_seconds
        self._whole = False
        self._answering = False
        self.refused = False

    async def receive(self) -> Message:
        """Return what comes from the client next (the application's `receive`)."""
        if self.refused:
            return _GONE
        if self._whole:
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._until):
                message = await self._ending.unless_closed(self._receive())
        except TimeoutError:
            self._observer.request_late("body")
            await self.refuse(too_slow("body"))
            return _GONE
        except ShuttingDown:
            await self.refuse(shutting_down())
            return _GONE
        self._whole = message["type"] != "http.request" or not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        """Send what the application says (it is its `send`)."""
        if not self.refused:
            self._answering = True
            await self._say(message)

    async def refuse(self, error: RequestError) -> None:
        """Answer with an error, unless there is an answer already; nothing comes or goes after it."""
        self.refused = True
        if not self._answering:
            await refuse(self._say, error, self._path)

    async def _say(self, message: Message) -> None:
        if message["type"] == "http.response.start" and (self.refused or not self._ending.accepting):
            message = {**message, "headers": [*message["headers"], (b"connection", b"close")]}
        await self._send(message)


def too_slow(part: Part) -> TooSlow:
    """Return what a client is told of whose request a part did not come in time."""
    return TooSlow(None, f"the request's {part} has not come in time")
