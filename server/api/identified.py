"""Names every request (ASGI, around all else): so that its answer and what the log says of it can be brought together.

1. A client's own `X-Request-Id` is taken, as vLLM takes it, if it can be told in a log; any other request gets one.
2. vLLM makes the ids of its answers of it (`chatcmpl-<id>`), and the head of the answer says it.
3. It is known to whatever is logged, recorded or traced while the request is answered (server/telemetry/logs.py).
"""

import re
from uuid import uuid4

from server.api.asgi import App, Message, Receive, Scope, Send, field
from server.telemetry.logs import of_request

NAME = b"x-request-id"
_USABLE = re.compile(r"[A-Za-z0-9_.:/+=@-]{1,128}")


class Identified:
    """Wraps an application and all of its middleware."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Name a request and pass it on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        name = field(scope, NAME) or ""
        if not _USABLE.fullmatch(name):
            name = uuid4().hex
            others = [each for each in scope["headers"] if each[0].lower() != NAME]
            scope = {**scope, "headers": [*others, (NAME, name.encode())]}

        async def tell(message: Message) -> None:
            # vLLM says it too, where it is told `--enable-request-id-headers`.
            if message["type"] == "http.response.start" and field(message, NAME) is None:
                message = {**message, "headers": [*message["headers"], (NAME, name.encode())]}
            await send(message)

        token = of_request.set(name)
        try:
            await self._app(scope, receive, tell)
        finally:
            of_request.reset(token)
