"""Errors that have a face, and the one table that gives it to them.

UnsayError
├── StartError: the server does not start; the message is one line for the terminal
│   └── FileError: a file of the operator's that cannot be used
├── EngineDied: vLLM's engine has died under the server, which ends with it
├── ScorerDown: no verdict, and nothing has been released: what `Unavailable` is made of
├── ShuttingDown: the server ends before the answer does: what `Unavailable` or a cut answer is made of
└── RequestError: a request gets no answer; the message is for the client
    ├── BadRequest (400): the request says something that cannot be done
    ├── Unauthorized (401): the request has no API key, or one that this server does not know
    ├── Forbidden (403): the request asks for more than its key may have
    ├── NotFound (404): there is no such route
    │   └── NotAllowed (405): there is one, for other methods
    ├── TooLarge (413): the request is longer than any that is read
    ├── TooSlow (408): the request did not come in time
    └── ForNow: the same request may succeed later
        ├── RateLimited (429): the key has made too many requests
        │   └── TokensLimited: it has had too many tokens
        └── Unavailable (503): something that the request needs is not there
"""

import math
from dataclasses import dataclass


class UnsayError(Exception):
    """Anything that unsay refuses on purpose."""


class StartError(UnsayError):
    """The server cannot start: `str(error)` is always one line."""

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))


class FileError(StartError):
    """A file of the operator's that cannot be used: names it, the key path, what was found and what was expected."""

    def __init__(self, source: str, path: tuple[str, ...], problem: str) -> None:
        super().__init__(": ".join(part for part in (source, ".".join(path), problem) if part))


class EngineDied(UnsayError):
    """The engine's process, or one of its workers, has died, and the server with it; or one of several servers."""

    def __init__(self, who: str = "the engine") -> None:
        super().__init__(f"{who} has died, and what it said is above; start the server again")


class ScorerDown(UnsayError):
    """The scorer gave no verdict and nothing of the answer has been released: the request may be tried again later."""


class ShuttingDown(UnsayError):
    """The server ends, and the time that it gave its requests is over."""


class RequestError(UnsayError):
    """A request that is refused: `message` for the client and `param`, the key at fault, if there is one."""

    def __init__(self, param: str | None, message: str) -> None:
        super().__init__(message)
        self.param = param
        self.message = message


class BadRequest(RequestError):
    """400: an unknown key, a wrong type, a value out of range, or something that cannot be guarded."""


class Unauthorized(RequestError):
    """401: no API key, or an unknown one."""

    def __init__(self) -> None:
        super().__init__(
            None,
            "this server asks for an API key: send a valid one as `Authorization: Bearer KEY`"
            " (to /v1/messages also as `x-api-key: KEY`)",
        )


class Forbidden(RequestError):
    """403: understood, and not allowed to this API key."""


class NotFound(RequestError):
    """404: nothing answers at this path."""


class NotAllowed(NotFound):
    """405: nothing answers to this method there; `allowed` are those that do, as the header of that name lists them."""

    def __init__(self, message: str, allowed: str) -> None:
        super().__init__(None, message)
        self.allowed = allowed


class TooLarge(RequestError):
    """413: more bytes than are read of any request."""


class TooSlow(RequestError):
    """408: the rest of the request has not come in time."""


class ForNow(RequestError):
    """The same request may succeed later: `retry_after_seconds` says when to come back."""

    def __init__(self, message: str, retry_after_seconds: float) -> None:
        super().__init__(None, message)
        self.retry_after_seconds = retry_after_seconds


class RateLimited(ForNow):
    """429: more requests than the key may make, in a minute or at once."""


class TokensLimited(RateLimited):
    """429: the key has had the tokens of its minute."""


class Unavailable(ForNow):
    """503: scorer or engine are down or overloaded."""


@dataclass(frozen=True)
class _Face:
    """`type` and `code` are OpenAI's words, `anthropic` is Anthropic's type."""

    status: int
    type: str
    code: str
    anthropic: str


_FACES: dict[type[UnsayError], _Face] = {
    BadRequest: _Face(400, "invalid_request_error", "invalid_value", "invalid_request_error"),
    Unauthorized: _Face(401, "invalid_request_error", "invalid_api_key", "authentication_error"),
    Forbidden: _Face(403, "permission_error", "permission_denied", "permission_error"),
    NotFound: _Face(404, "invalid_request_error", "not_found", "not_found_error"),
    NotAllowed: _Face(405, "invalid_request_error", "method_not_allowed", "invalid_request_error"),
    TooLarge: _Face(413, "invalid_request_error", "request_too_large", "request_too_large"),
    TooSlow: _Face(408, "invalid_request_error", "request_timeout", "invalid_request_error"),
    TokensLimited: _Face(429, "tokens", "rate_limit_exceeded", "rate_limit_error"),
    RateLimited: _Face(429, "requests", "rate_limit_exceeded", "rate_limit_error"),
    Unavailable: _Face(503, "service_unavailable", "service_unavailable", "overloaded_error"),
    UnsayError: _Face(500, "server_error", "internal_error", "api_error"),
}

_ANTHROPIC = {face.status: face.anthropic for face in _FACES.values()}


def anthropic(path: str) -> bool:
    """Return whether a route speaks Anthropic's dialect."""
    return "/v1/messages" in path


def http_error(error: UnsayError, path: str = "") -> tuple[int, dict[str, object], dict[str, str]]:
    """Return status, JSON body and headers of an error, in the shape of the route at `path`: Anthropic's or OpenAI's.

    An error that is not a `RequestError` was not meant for a client: it becomes a 500 that says nothing of its message.
    """
    face = next(_FACES[kind] for kind in type(error).__mro__ if kind in _FACES)
    message, param = (error.message, error.param) if isinstance(error, RequestError) else ("internal error", None)
    body: dict[str, object] = {
        "error": {"message": message, "type": face.type, "param": param, "code": face.code},
    }
    return face.status, as_anthropic(face.status, message) if anthropic(path) else body, _headers(error)


def as_anthropic(status: int, message: str) -> dict[str, object]:
    """Return the JSON body of an error of this HTTP status in Anthropic's shape."""
    kind = _ANTHROPIC.get(status, "api_error" if status >= 500 else "invalid_request_error")
    return {"type": "error", "error": {"type": kind, "message": message}}


def _headers(error: UnsayError) -> dict[str, str]:
    if isinstance(error, Unauthorized):
        return {"WWW-Authenticate": "Bearer"}
    if isinstance(error, NotAllowed):
        return {"Allow": error.allowed}
    if not isinstance(error, ForNow):
        return {}
    # RFC 9110 wants whole seconds; rounding up, and never 0, keeps clients from coming back too early.
    return {"Retry-After": str(max(1, math.ceil(error.retry_after_seconds)))}
