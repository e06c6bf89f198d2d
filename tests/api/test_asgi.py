"""Refusals, headers, and clients that leave."""

import asyncio
import json

import pytest

from server.api.asgi import ClientGone, Message, field, refuse, scorer_unavailable, while_connected
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


class Client:
    """One that stays until it `leave`s, and may say more of its body before."""

    def __init__(self) -> None:
        self.left = asyncio.Event()
        self.says: list[Message] = [{"type": "http.request", "body": b"more", "more_body": False}]

    async def receive(self) -> Message:
        if self.says:
            return self.says.pop()
        await self.left.wait()
        return {"type": "http.disconnect"}


async def test_work_for_a_client_that_stays_is_done() -> None:
    async def work() -> int:
        return 7

    before = asyncio.all_tasks()
    assert await while_connected(Client().receive, work()) == 7
    assert asyncio.all_tasks() == before


async def test_what_work_raises_is_raised() -> None:
    async def work() -> int:
        raise BadRequest("x", "x: wrong")

    with pytest.raises(BadRequest):
        await while_connected(Client().receive, work())


@pytest.mark.parametrize("by", ["client", "server"])
async def test_work_is_cancelled_once_the_client_leaves_or_the_server_ends_it(by: str) -> None:
    client, ended = Client(), asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    before = asyncio.all_tasks()
    serving = asyncio.create_task(while_connected(client.receive, work()))
    for _ in range(3):
        await asyncio.sleep(0)
    assert not ended.is_set() and not serving.done()
    if by == "client":
        client.left.set()
    else:
        serving.cancel()
    with pytest.raises(ClientGone if by == "client" else asyncio.CancelledError):
        await serving
    assert ended.is_set() and asyncio.all_tasks() == before
