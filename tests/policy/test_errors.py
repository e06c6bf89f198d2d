"""Tests of server/errors.py."""

import pytest

from server.errors import BadRequest, Forbidden, PolicyFileError, StartError, Unavailable, UnsayError, http_error


@pytest.mark.parametrize(
    ("error", "status", "kind", "code"),
    [
        (BadRequest("detox.mode", "found 1"), 400, "invalid_request_error", "invalid_value"),
        (Forbidden("detox.mode", "looser"), 403, "permission_error", "permission_denied"),
    ],
)
def test_an_error_of_the_request_has_openais_shape(error: BadRequest, status: int, kind: str, code: str) -> None:
    body = {"message": error.message, "type": kind, "param": "detox.mode", "code": code}
    assert http_error(error) == (status, {"error": body}, {})


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


def test_a_subclass_has_the_face_of_its_parent() -> None:
    class Narrow(BadRequest):
        pass

    assert http_error(Narrow("best_of", "cannot be guarded"))[0] == 400


@pytest.mark.parametrize("error", [UnsayError("inner detail"), PolicyFileError("a.yaml", (), "inner detail")])
def test_an_error_that_no_client_caused_tells_it_nothing(error: UnsayError) -> None:
    status, body, _ = http_error(error)
    assert status == 500
    assert "inner detail" not in str(body)


def test_a_start_error_is_one_line_whatever_it_quotes() -> None:
    assert str(StartError("first\nsecond\r\n\tthird")) == "first second third"
    assert str(PolicyFileError("a\nb.yaml", ("policies", "x"), "odd\nvalue")) == "a b.yaml: policies.x: odd value"
