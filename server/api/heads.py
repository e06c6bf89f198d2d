"""Connections that owe the head of a request: uvicorn waits for it for ever, and answers 408 by nothing of its own.

Time runs from when a connection is first seen to owe one: when it is opened, and when more comes of the next request
after an answer. An idle one between two requests is uvicorn's to close (its keep-alive).
"""

import json
import time
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from server.api.doorway import DoorObserver, too_slow
from server.errors import http_error


class Heads:
    """Closes connections that have owed a head for so many seconds.

    `now` gives seconds on a clock that never goes back.
    """

    def __init__(self, seconds: float, observer: DoorObserver, now: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._observer = observer
        self._now = now
        self._since: dict[Any, float] = {}

    def sweep(self, connections: Iterable[Any]) -> None:
        """Look at a server's connections (uvicorn's protocols); call it every second or so."""
        at = self._now()
        self._since = {each: self._since.get(each, at) for each in connections if _owes(each)}
        for each, since in tuple(self._since.items()):
            if at - since >= self._seconds:
                del self._since[each]
                self._observer.request_late("head")
                each.transport.write(_answer())
                each.transport.close()


def _owes(connection: Any) -> bool:
    """Return whether a head is what comes next, or should. A WebSocket has none to come, nor has what is closing."""
    if not hasattr(connection, "cycle") or connection.transport.is_closing():
        return False
    if connection.timeout_keep_alive_task is not None:
        return False
    return connection.cycle is None or bool(connection.cycle.response_complete)


def _answer() -> bytes:
    status, body, _ = http_error(too_slow("head"))
    data = json.dumps(body).encode()
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
        "content-type: application/json",
        f"content-length: {len(data)}",
        "connection: close",
    )
    return "\r\n".join(head).encode() + b"\r\n\r\n" + data
