"""Every request has a name: in its own headers, in its answer's, and in what is logged meanwhile."""

from typing import Any

import pytest

from server.api.asgi import Receive, Scope, Send
from server.api.identified import Identified
from server.telemetry.logs import of_request
from tests.api.asgi_app import JSON_HEAD, Called, app, body, called_at


async def asked(headers: dict[str, str] | None = None, *answer: Any) -> tuple[Called, list[Any]]:
    """What came back, and what the application saw: the names in its headers, and what a log would say."""
    called, seen = Called(), list[Any]()
    inner = app(called, *(answer or (JSON_HEAD, body(b"{}"))))

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append([value.decode() for key, value in scope["headers"] if key.lower() == b"x-request-id"])
        seen.append(of_request.get())
        await inner(scope, receive, send)

    await called_at(Identified(application), called, headers=headers)
    return called, seen


async def test_a_clients_name_for_its_request_is_taken() -> None:
    called, seen = await asked({"X-Request-Id": "trip-7/a"})
    assert seen == [["trip-7/a"], "trip-7/a"] and called.headers["x-request-id"] == "trip-7/a"
    assert of_request.get() is None, "and forgotten after it"


@pytest.mark.parametrize("name", ["", "two words", "a" * 129, 'quo"te', "line\x85feed"])
async def test_any_other_gets_one_that_is_new(name: str) -> None:
    first, seen = await asked({"X-Request-Id": name} if name else None)
    again, _ = await asked()
    assert seen == [[first.headers["x-request-id"]], first.headers["x-request-id"]]
    assert len(seen[1]) == 32 and again.headers["x-request-id"] != seen[1]


async def test_an_answer_that_names_it_already_is_left_as_it_is() -> None:
    head = {**JSON_HEAD, "headers": [(b"x-request-id", b"theirs")]}
    called, _ = await asked(None, head, body(b""))
    assert [key for key, _ in called.messages[0]["headers"]] == [b"x-request-id"]


async def test_what_is_no_request_passes() -> None:
    called = Called()
    await called_at(Identified(app(called, {"type": "lifespan.startup.complete"})), called, type="lifespan")
    assert called.messages == [{"type": "lifespan.startup.complete"}]
