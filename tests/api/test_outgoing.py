"""The way out: when the head is sent, what is collected, and when an answer becomes a 503."""

import json
from typing import Any

import pytest

from server.api.asgi import Message
from server.api.outgoing import Outgoing
from server.errors import BadRequest
from server.generation.request import GuardedRequest
from server.policy.policy import Policy
from tests.api.asgi_app import JSON_HEAD, STREAM_HEAD, body
from tests.api.requests import report, request

END = b'data: {"choices":[{"index":0,"finish_reason":"stop"}]}\n\n'


async def sent(asked: GuardedRequest, *messages: Message) -> list[Message]:
    """What the server is sent when the application says `messages`."""
    out: list[Message] = []

    async def send(message: Message) -> None:
        out.append(message)

    outgoing = Outgoing(asked, send)
    for message in messages:
        await outgoing.send(dict(message))
    return out


def unstarted(**state: Any) -> GuardedRequest:
    made = GuardedRequest(Policy())
    for key, value in state.items():
        setattr(made, key, value)
    return made


async def test_a_whole_answer_gets_its_report_and_its_length() -> None:
    pieces = [b'{"choices":[{"index":0,', b'"finish_reason":"stop"}]}']
    head = {**JSON_HEAD, "headers": [*JSON_HEAD["headers"], (b"Content-Length", b"49"), (b"x-request-id", b"7")]}  # type: ignore[misc]
    start, end = await sent(request(report()), head, body(pieces[0], more=True), body(pieces[1]))
    headers = dict(start["headers"])
    assert headers[b"content-length"] == str(len(end["body"])).encode() and b"Content-Length" not in headers
    assert headers[b"x-request-id"] == b"7"
    assert json.loads(end["body"])["choices"][0]["detox"]["action"] == "clean" and not end["more_body"]


async def test_an_answer_without_generated_text_passes_byte_for_byte() -> None:
    raw = b'{ "tokens" :  [1, 2] }'
    out = await sent(request(), JSON_HEAD, body(raw))
    assert b"".join(message.get("body", b"") for message in out) == raw


@pytest.mark.parametrize("raw", [b"[]", b"3", b"null"])
async def test_an_answer_that_is_no_object_stays(raw: bytes) -> None:
    assert (await sent(request(report()), JSON_HEAD, body(raw)))[-1]["body"] == raw


async def test_other_kinds_pass_as_they_come() -> None:
    sound = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"audio/wav")]}
    out = await sent(unstarted(), sound, body(b"a", more=True), body(b"b"))
    assert [message.get("body") for message in out] == [None, b"a", b"b"]


async def test_the_head_of_a_stream_waits_for_the_first_released_text() -> None:
    first = b'event: response.created\ndata: {"a":1}\n\n'
    assert await sent(unstarted(), STREAM_HEAD, body(first, more=True)) == []
    out = await sent(unstarted(started=True), STREAM_HEAD, body(first, more=True))
    assert [message["type"] for message in out] == ["http.response.start", "http.response.body"]


async def test_a_stream_that_generates_nothing_goes_out_at_its_end() -> None:
    out = await sent(unstarted(), STREAM_HEAD, body(b"data: a\n\n", more=True), body(b""))
    assert b"".join(message.get("body", b"") for message in out) == b"data: a\n\n"


async def test_an_event_in_two_pieces_makes_no_empty_message() -> None:
    out = await sent(request(report()), STREAM_HEAD, body(END[:9], more=True), body(END[9:], more=True), body(b""))
    bodies = [message["body"] for message in out[1:]]
    assert len(bodies) == 2 and b"detox" in bodies[0] and bodies[1] == b""


@pytest.mark.parametrize("head", [JSON_HEAD, STREAM_HEAD])
@pytest.mark.parametrize(
    ("state", "word"), [({"scorer_down": "deadline"}, b"scorer"), ({"shut_down": True}, b"shutting")]
)
async def test_what_failed_before_any_text_makes_a_503_of_whatever_is_said(
    head: Message, state: dict[str, Any], word: bytes
) -> None:
    asked = unstarted(**state)
    out = await sent(asked, head, body(b'data: {"error":1}\n\n', more=True), body(b"more"))
    assert [message["type"] for message in out] == ["http.response.start", "http.response.body"]
    assert out[0]["status"] == 503 and b"error" in out[1]["body"] and word in out[1]["body"]


async def test_a_scorer_that_failed_after_some_text_does_not() -> None:
    asked = request(report("refused"))
    asked.scorer_down = "deadline"
    out = await sent(asked, STREAM_HEAD, body(END))
    assert out[0]["status"] == 200 and b"content_filter" in out[1]["body"]


async def test_a_stored_response_without_reports_may_still_have_failed_for_want_of_a_verdict() -> None:
    asked = unstarted(scorer_down="deadline")
    out: list[Message] = []

    async def send(message: Message) -> None:
        out.append(message)

    outgoing = Outgoing(asked, send, stored=True)
    for message in (JSON_HEAD, body(b'{"object":"response","status":"failed"}')):
        await outgoing.send(dict(message))
    assert out[0]["status"] == 200 and json.loads(out[1]["body"])["error"]["code"] == "server_error"


async def test_messages_of_other_kinds_pass() -> None:
    trailers = {"type": "http.response.trailers", "headers": []}
    assert await sent(request(), trailers) == [trailers]


@pytest.mark.parametrize("head", [JSON_HEAD, STREAM_HEAD])
async def test_a_request_that_cannot_be_done_is_told_so_while_nothing_was_sent(head: Message) -> None:
    asked = unstarted(unusable=BadRequest("structured_outputs", "cannot be written"))
    out = await sent(asked, head, body(b'{"error":{}}'), body(b"more"))
    assert out[0]["status"] == 400 and json.loads(out[1]["body"])["error"]["message"] == "cannot be written"
    assert len(out) == 2


async def test_a_scorer_that_failed_comes_before_that() -> None:
    asked = unstarted(scorer_down="deadline", unusable=BadRequest("structured_outputs", "cannot be written"))
    assert (await sent(asked, JSON_HEAD, body(b"{}")))[0]["status"] == 503


async def test_the_head_of_a_whole_answer_says_what_the_guard_did() -> None:
    raw = b'{"choices":[{"index":0,"finish_reason":"stop"}]}'
    start, _ = await sent(request(report("rewound")), JSON_HEAD, body(raw))
    headers = dict(start["headers"])
    assert (headers[b"x-detox-action"], headers[b"x-detox-policy"]) == (b"rewound", b"default")


@pytest.mark.parametrize("asked", [request(), request(report(), wants_report=False)])
async def test_it_says_nothing_where_there_is_no_report(asked: GuardedRequest) -> None:
    start, _ = await sent(asked, JSON_HEAD, body(b'{"choices":[]}'))
    assert b"x-detox-action" not in dict(start["headers"])


async def test_nor_on_an_error_or_a_stream() -> None:
    failed = {**JSON_HEAD, "status": 500}
    for head, said in ((failed, b'{"error":{}}'), (STREAM_HEAD, END)):
        start, *_ = await sent(request(report()), head, body(said))
        assert b"x-detox-action" not in dict(start["headers"])
