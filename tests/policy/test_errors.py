"""Tests of server/errors.py."""

import pytest

from server.errors import (
    BadRequest,
    FileError,
    Forbidden,
    NotAllowed,
    NotFound,
    RateLimited,
    StartError,
    TokensLimited,
    TooLarge,
    TooSlow,
    Unauthorized,
    Unavailable,
    UnsayError,
    as_anthropic,
    http_error,
)


@pytest.mark.parametrize(
    ("error", "status", "kind", "code"),
    [
        (BadRequest("detox.mode", "found 1"), 400, "invalid_request_error", "invalid_value"),
        (Forbidden("detox.mode", "looser"), 403, "permission_error", "permission_denied"),
        (NotFound("detox.mode", "nowhere"), 404, "invalid_request_error", "not_found"),
        (TooLarge("detox.mode", "long"), 413, "invalid_request_error", "request_too_large"),
    ],
)
def test_an_error_of_the_request_has_openais_shape(error: BadRequest, status: int, kind: str, code: str) -> None:
    body = {"message": error.message, "type": kind, "param": "detox.mode", "code": code}
    assert http_error(error) == (status, {"error": body}, {})


def test_a_request_without_a_key_is_told_how_to_send_one() -> None:
    status, body, headers = http_error(Unauthorized())
    assert (status, headers) == (401, {"WWW-Authenticate": "Bearer"})
    assert "Authorization: Bearer" in str(body) and "invalid_api_key" in str(body)


def test_a_method_that_is_not_allowed_is_told_which_are() -> None:
    status, body, headers = http_error(NotAllowed("not so", "GET, HEAD"))
    assert (status, headers) == (405, {"Allow": "GET, HEAD"}) and "not so" in str(body)


@pytest.mark.parametrize(("seconds", "header"), [(0.0, "1"), (0.2, "1"), (1.0, "1"), (1.01, "2"), (30.0, "30")])
def test_unavailable_says_when_to_come_back_in_whole_seconds(seconds: float, header: str) -> None:
    status, body, headers = http_error(Unavailable("the scorer is down", seconds))
    assert (status, headers) == (503, {"Retry-After": header})
    assert body == {
        "error": {
            "message": "the scorer is down",
            "type": "service_unavailable",
            "param": None,
            "code": "service_unavailable",
        }
    }


def test_a_request_that_has_not_come_in_time_is_told_so() -> None:
    status, body, headers = http_error(TooSlow(None, "the rest has not come"))
    assert (status, headers) == (408, {}) and "request_timeout" in str(body)
    assert http_error(TooSlow(None, "the rest has not come"), "/v1/messages")[1]["type"] == "error"


def test_a_subclass_has_the_face_of_its_parent() -> None:
    class Narrow(BadRequest):
        pass

    assert http_error(Narrow("best_of", "cannot be guarded"))[0] == 400


@pytest.mark.parametrize("error", [UnsayError("inner detail"), FileError("a.yaml", (), "inner detail")])
def test_an_error_that_no_client_caused_tells_it_nothing(error: UnsayError) -> None:
    status, body, _ = http_error(error)
    assert status == 500
    assert "inner detail" not in str(body)


def test_a_start_error_is_one_line_whatever_it_quotes() -> None:
    assert str(StartError("first\nsecond\r\n\tthird")) == "first second third"
    assert str(FileError("a\nb.yaml", ("policies", "x"), "odd\nvalue")) == "a b.yaml: policies.x: odd value"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (BadRequest("detox", "wrong"), "invalid_request_error"),
        (Forbidden("detox", "looser"), "permission_error"),
        (Unauthorized(), "authentication_error"),
        (TooLarge("body", "long"), "request_too_large"),
        (Unavailable("down", 1.0), "overloaded_error"),
        (UnsayError("inner detail"), "api_error"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/messages", "/v1/messages/count_tokens"])
def test_on_anthropics_routes_an_error_has_its_shape(error: UnsayError, kind: str, path: str) -> None:
    status, body, headers = http_error(error, path)
    assert (status, headers) == (http_error(error)[0], http_error(error)[2])
    assert body["type"] == "error" and body["error"]["type"] == kind  # type: ignore[index]
    assert "inner detail" not in str(body)


@pytest.mark.parametrize(
    ("status", "kind"), [(404, "not_found_error"), (422, "invalid_request_error"), (502, "api_error")]
)
def test_every_status_has_a_type(status: int, kind: str) -> None:
    assert as_anthropic(status, "x") == {"type": "error", "error": {"type": kind, "message": "x"}}


@pytest.mark.parametrize(("kind", "said"), [(RateLimited, "requests"), (TokensLimited, "tokens")])
def test_a_limit_that_is_reached_is_told_in_openais_words(kind: type[RateLimited], said: str) -> None:
    status, body, headers = http_error(kind("rate limit reached", 11.2))
    error = {"message": "rate limit reached", "type": said, "param": None, "code": "rate_limit_exceeded"}
    assert (status, body, headers) == (429, {"error": error}, {"Retry-After": "12"})
