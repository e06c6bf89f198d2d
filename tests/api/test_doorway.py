"""The door: what comes in while the server ends, and how long a body may take."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from server.api.asgi import Message, Receive, Scope, Send
from server.api.doorway import Doorway, Fate, Part
from server.generation.ending import Ending
from tests.api.asgi_app import JSON_HEAD, Called, app, body, called_at

ANSWER = (JSON_HEAD, body(b"{}"))


@dataclass
class Counted:
    fates: list[Fate] = field(default_factory=list)
    late: list[Part] = field(default_factory=list)

    def request_at_end(self, fate: Fate) -> None:
        self.fates.append(fate)

    def request_late(self, part: Part) -> None:
        self.late.append(part)


@dataclass
class Door:
    """A door around an application that reads its request and answers it, after `first`."""

    first: Callable[[], Awaitable[None]] | None = None
    body_seconds: float = 3600.0
    ending: Ending = field(default_factory=Ending)
    counted: Counted = field(default_factory=Counted)
    called: Called = field(default_factory=Called)

    def around(self, application: Any) -> Doorway:
        return Doorway(application, ending=self.ending, observer=self.counted, body_seconds=self.body_seconds)

    async def ask(self, **scope: Any) -> Called:
        return await called_at(self.around(app(self.called, *ANSWER, first=self.first)), self.called, **scope)

    async def ask_slowly(self, application: Any = None) -> Called:
        """A request of whose body the first half comes, and then no more."""
        coming: list[Message] = [{"type": "http.request", "body": b"{", "more_body": True}]

        async def receive() -> Message:
            if not coming:
                await asyncio.Event().wait()
            return coming.pop()

        async def send(message: Message) -> None:
            self.called.messages.append(message)

        scope: Scope = {"type": "http", "method": "POST", "path": "/v1/completions", "headers": []}
        await self.around(application or app(self.called, *ANSWER))(scope, receive, send)
        return self.called


async def test_an_open_door_changes_nothing() -> None:
    door = Door()
    called = await door.ask(bodies=[b"{", b"}"])
    assert called.messages == list(ANSWER) and called.heard == [b"{", b"}"]
    assert door.ending.under_way == 0 and door.counted == Counted()


async def test_a_request_is_under_way_until_its_answer_is() -> None:
    async def look() -> None:
        assert door.ending.under_way == 1

    door = Door(look)
    assert (await door.ask()).status == 200 and door.ending.under_way == 0


async def test_once_the_server_drains_new_work_is_refused() -> None:
    door = Door()
    door.ending.drain()
    called = await door.ask()
    assert called.status == 503 and int(called.headers["retry-after"]) >= 1 and called.headers["connection"] == "close"
    assert called.json["error"]["code"] == "service_unavailable" and called.heard == []
    assert door.counted.fates == ["refused"]


async def test_a_refusal_has_the_shape_of_its_route() -> None:
    door = Door()
    door.ending.drain()
    assert (await door.ask(path="/v1/messages")).json["error"]["type"] == "overloaded_error"


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
async def test_what_only_reads_is_answered_to_the_end(method: str) -> None:
    door = Door()
    door.ending.close()
    called = await door.ask(method=method, bodies=[b""])
    assert called.error is None and door.counted.fates == []


async def test_what_is_under_way_when_the_server_drains_finishes_and_closes_its_connection() -> None:
    async def drain() -> None:
        door.ending.drain()

    door = Door(drain)
    called = await door.ask()
    assert called.status == 200 and called.headers["connection"] == "close" and called.body == b"{}"
    assert door.counted.fates == ["finished"]


async def test_what_is_under_way_when_the_time_is_over_was_cut_short() -> None:
    async def close() -> None:
        door.ending.close()

    door = Door(close)
    await door.ask()
    assert door.counted.fates == ["cut_short"]


async def test_a_body_that_does_not_come_in_time_is_a_408() -> None:
    door = Door(body_seconds=0)
    called = await door.ask_slowly()
    assert called.status == 408 and called.headers["connection"] == "close"
    assert called.json["error"]["code"] == "request_timeout" and len(called.messages) == 2
    assert door.counted.late == ["body"] and door.ending.under_way == 0


async def test_a_body_that_is_still_coming_when_the_time_is_over_is_a_503() -> None:
    door = Door()
    asking = asyncio.create_task(door.ask_slowly())
    while not door.called.heard:  # noqa: ASYNC110
        await asyncio.sleep(0)
    door.ending.drain()
    assert not door.called.messages
    door.ending.close()
    called = await asking
    assert called.status == 503 and "retry-after" in called.headers
    assert door.counted.fates == ["cut_short"] and door.counted.late == []


async def test_the_time_for_a_body_is_no_time_for_the_answer() -> None:
    """What comes after the whole body, the client's leaving, may take for ever."""
    door = Door(body_seconds=0)
    called = await door.ask(bodies=[b"{}"])
    assert called.status == 200 and door.counted.late == []


async def test_an_application_that_fails_since_its_client_seems_gone_is_not_heard() -> None:
    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        assert (await receive())["type"] == "http.disconnect"
        await send(dict(JSON_HEAD))
        raise RuntimeError("the client has left")

    assert [(await Door(body_seconds=0).ask_slowly(application)).status] == [408]


async def test_an_answer_that_has_begun_is_not_followed_by_another() -> None:
    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await send(dict(JSON_HEAD))
        while (await receive())["type"] != "http.disconnect":
            pass

    door = Door(body_seconds=0)
    assert (await door.ask_slowly(application)).messages == [JSON_HEAD] and door.counted.late == ["body"]


async def test_errors_of_the_application_are_its_own() -> None:
    async def fail() -> None:
        raise KeyError("x")

    assert isinstance((await Door(fail).ask()).error, KeyError)


async def test_what_is_no_request_passes() -> None:
    door, scopes = Door(), list[Scope]()
    door.ending.close()

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        scopes.append(scope)

    await called_at(door.around(application), Called(), type="lifespan")
    assert [scope["type"] for scope in scopes] == ["lifespan"]
