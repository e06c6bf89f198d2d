"""Refusals and headers."""

import json

import pytest

from server.api.asgi import Message, field, refuse, scorer_unavailable
from server.errors import BadRequest, Forbidden, UnsayError


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (BadRequest("detox", "detox: wrong"), 400),
        (Forbidden("detox.mode", "looser"), 403),
        (scorer_unavailable(), 503),
    ],
)
async def test_a_refusal_is_a_whole_answer_in_openais_shape(error: UnsayError, status: int) -> None:
    out: list[Message] = []

    async def send(message: Message) -> None:
        out.append(message)

    await refuse(send, error, "/v1/completions")
    head, end = out
    assert head["status"] == status and field(head, b"content-length") == str(len(end["body"]))
    assert set(json.loads(end["body"])["error"]) == {"message", "type", "param", "code"}
    assert (field(head, b"retry-after") is not None) == (status == 503)


async def test_a_refusal_on_anthropics_route_has_its_shape() -> None:
    out: list[Message] = []

    async def send(message: Message) -> None:
        out.append(message)

    await refuse(send, scorer_unavailable(), "/v1/messages")
    told = json.loads(out[1]["body"])
    assert told["type"] == "error" and told["error"]["type"] == "overloaded_error" and out[0]["status"] == 503


def test_headers_are_found_in_any_case() -> None:
    headed = {"headers": [(b"X-A", b"1"), (b"x-a", b"2")]}
    assert field(headed, b"x-a") == "1" and field(headed, b"x-b") is None
