"""Connections that owe a head: on uvicorn's own protocols, with a transport that keeps what is written."""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

import pytest
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from server.api.asgi import Receive, Scope, Send
from server.api.heads import Heads
from tests.api.asgi_app import JSON_HEAD, body
from tests.api.test_doorway import Counted

GET = b"GET / HTTP/1.1\r\nhost: here\r\n\r\n"


@dataclass
class Wire(asyncio.Transport):
    """One end of a connection."""

    written: bytes = b""
    closed: bool = False

    def write(self, data: Any) -> None:
        self.written += bytes(data)

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default


@dataclass
class Stage:
    """A server's connections, and a clock that is moved by hand."""

    protocol: Any
    state: ServerState = field(default_factory=ServerState)
    counted: Counted = field(default_factory=Counted)
    answer: asyncio.Event = field(default_factory=asyncio.Event)
    now: float = 0.0

    def __post_init__(self) -> None:
        self.heads = Heads(10, self.counted, lambda: self.now)

    def connect(self) -> tuple[Any, Wire]:
        config = uvicorn.Config(self._app, log_config=None, lifespan="off", interface="asgi3")
        made, wire = self.protocol(config, self.state, {}, asyncio.get_running_loop()), Wire()
        made.connection_made(wire)
        return made, wire

    async def _app(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.answer.wait()
        await send(dict(JSON_HEAD))
        await send(body(b"{}"))

    def at(self, now: float) -> None:
        self.now = now
        self.heads.sweep(self.state.connections)

    async def finish(self) -> None:
        self.answer.set()
        await asyncio.gather(*self.state.tasks)


@pytest.fixture(params=[HttpToolsProtocol, H11Protocol])
async def stage(request: pytest.FixtureRequest) -> Any:
    return Stage(request.param)


@pytest.mark.parametrize("said", [b"", GET[:-2]], ids=["nothing", "half a head"])
async def test_a_connection_without_a_whole_head_is_told_408_and_closed(stage: Stage, said: bytes) -> None:
    made, wire = stage.connect()
    stage.at(0)
    if said:
        made.data_received(said)
    stage.at(9.9)
    assert wire.written == b"" and not wire.closed
    stage.at(10)
    head, _, told = wire.written.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 408 Request Timeout\r\n") and f"content-length: {len(told)}".encode() in head
    assert json.loads(told)["error"]["code"] == "request_timeout" and wire.closed
    assert stage.counted.late == ["head"]


async def test_bytes_that_come_one_by_one_win_no_time(stage: Stage) -> None:
    made, wire = stage.connect()
    for second in range(11):
        stage.at(second)
        made.data_received(GET[second : second + 1])
    assert wire.closed


async def test_a_request_that_is_being_answered_owes_nothing(stage: Stage) -> None:
    made, wire = stage.connect()
    stage.at(0)
    made.data_received(GET)
    stage.at(1000)
    assert not wire.closed
    await stage.finish()
    assert b"200 OK" in wire.written


async def test_between_two_requests_uvicorns_keep_alive_decides_and_a_half_head_is_owed(stage: Stage) -> None:
    made, wire = stage.connect()
    made.data_received(GET)
    await stage.finish()
    stage.at(0)
    stage.at(1000)
    assert not wire.closed
    made.data_received(GET[:9])
    stage.at(1001)
    stage.at(1010)
    assert not wire.closed
    stage.at(1011)
    assert wire.closed and wire.written.count(b"408") == 1


async def test_a_connection_that_is_gone_is_forgotten(stage: Stage) -> None:
    made, wire = stage.connect()
    stage.at(0)
    made.connection_lost(None)
    stage.at(20)
    assert b"408" not in wire.written and stage.counted.late == []


async def test_an_answer_that_is_still_being_written_to_a_connection_that_closes_is_not_added_to(stage: Stage) -> None:
    made, wire = stage.connect()
    made.data_received(GET.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n"))
    await stage.finish()
    assert wire.closed
    stage.at(0)
    stage.at(20)
    assert b"408" not in wire.written


async def test_a_websocket_owes_no_head(stage: Stage) -> None:
    stage.heads.sweep([object()])
    stage.now = 1000
    stage.heads.sweep([object()])
    assert stage.counted.late == []


def test_a_connection_is_told_once() -> None:
    counted, wire = Counted(), Wire()
    connection = type("Open", (), {"cycle": None, "timeout_keep_alive_task": None, "transport": wire})()
    clock = iter([0.0, 10.0, 10.5])
    heads = Heads(10, counted, lambda: next(clock))
    for _ in range(3):
        heads.sweep([connection])
    assert wire.written.count(b"HTTP/1.1 408") == 1 and counted.late == ["head"]
