"""The one reader of requests' bodies: what is too long, no UTF-8 or nested too deeply goes no further.

1. Whatever reads JSON after this reader (vLLM's routes, the guard, a scorer) meets an object of bounded depth, whose
   texts can be written in UTF-8.
2. What is no JSON at all is left to vLLM, which says in its words what is wrong where; so is an empty body.
3. A form with files need not be text, and is bounded in length alone.
"""

import json
import re
from typing import Any

from server.api.asgi import Message, Receive, Scope, field
from server.errors import BadRequest, TooLarge

MOST_BYTES = 64 * 1024 * 1024
"""Images and recordings come inside of bodies; the longest prompt of a million tokens has a tenth of that."""
MOST_LEVELS = 128
"""vLLM takes JSON schemas of 64 levels, which stand a few levels deep in a request."""

_BODILESS = ("GET", "HEAD", "OPTIONS")
_HALVES = re.compile(rb"\\u[dD][89a-fA-F]")
"""How a character is written that UTF-16 needs two halves for, or one half alone."""
_TOO_DEEP = f"body: nested too deeply; objects and lists may nest at most {MOST_LEVELS} levels"


async def read(scope: Scope, receive: Receive) -> bytes | None:
    """Return the whole body of a request; None if the client went away before its end. TooLarge if it is too long."""
    declared = field(scope, b"content-length") or ""
    if declared.isascii() and declared.isdigit() and len(declared) < 20:
        _bound(int(declared))
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        body += message.get("body", b"")
        _bound(len(body))
        if not message.get("more_body", False):
            return bytes(body)


def has_body(scope: Scope) -> bool:
    """Return whether a request of this method may say anything in a body."""
    return scope["method"] not in _BODILESS


def again(body: bytes, receive: Receive) -> Receive:
    """Return a receive that gives out the body again and then goes on with what comes (a disconnect)."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def given_again() -> Message:
        return waiting.pop() if waiting else await receive()

    return given_again


def parsed(scope: Scope, body: bytes) -> dict[str, Any]:
    """Return a body's keys; none for what is no JSON. BadRequest for JSON that no route could take, or no UTF-8."""
    if not _is_text(body):
        if (field(scope, b"content-type") or "").lower().startswith("multipart/"):
            return {}
        raise BadRequest("body", "body: expected text in UTF-8")
    try:
        value = json.loads(body)
    except json.JSONDecodeError:
        return {}
    except RecursionError:
        raise too_deep() from None
    except ValueError:  # of thousands of digits, which Python does not read
        raise BadRequest("body", "body: expected numbers of at most 4,300 digits") from None
    if not isinstance(value, dict):
        raise BadRequest("body", "body: expected a JSON object")
    if _levels_exceed(value, MOST_LEVELS):
        raise too_deep()
    if _HALVES.search(body) and not _is_whole(value):
        raise BadRequest("body", "body: expected whole characters; found half of one (\\ud800 to \\udfff) by itself")
    return value


def too_deep() -> BadRequest:
    """Return what is said of a request that is nested too deeply, or holds text that is."""
    return BadRequest("body", _TOO_DEEP)


def _bound(count: int) -> None:
    if count > MOST_BYTES:
        raise TooLarge("body", f"body: expected at most {MOST_BYTES} bytes")


def _is_text(body: bytes) -> bool:
    """Return whether a body is UTF-8. JSON in it writes no zero byte as such: UTF-16 does, with every letter."""
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return b"\0" not in body


def _is_whole(value: Any) -> bool:
    """Return whether every text in a JSON value can be written in UTF-8."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _levels_exceed(value: Any, most: int) -> bool:
    """Return whether objects and lists nest in more than `most` levels."""
    level = [value]
    for _ in range(most):
        inner = (each.values() if isinstance(each, dict) else each for each in level)
        level = [child for children in inner for child in children if isinstance(child, dict | list)]
        if not level:
            return False
    return True
