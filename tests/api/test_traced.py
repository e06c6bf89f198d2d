"""The events of a trace between those of an answer: who gets them, when they leave, and that no reader minds."""

import asyncio
import json
from typing import Any

import pytest

from server.api.asgi import Message
from server.api.outgoing import Outgoing
from server.api.traced import comments, trace_for, traced
from server.errors import BadRequest, Forbidden
from server.generation.request import GuardedRequest
from server.generation.trace import Trace
from server.keys.key import ANYBODY, Key
from server.policy.policy import Policy
from tests.api.asgi_app import JSON_HEAD, STREAM_HEAD, body
from tests.api.requests import report
from tests.generation.stage import until

WATCHER = Key("watcher", rights=frozenset({"trace"}))
READER = Key("reader", rights=frozenset({"trace", "flagged_text"}))
CURIOUS = Key("curious", rights=frozenset({"flagged_text"}))
COMPLETIONS = {"path": "/v1/completions"}
CHUNK = b'data: {"choices":[{"index":0,"text":"a","finish_reason":null}]}\n\n'
LAST = b'data: {"choices":[{"index":0,"text":"","finish_reason":"stop"}]}\n\n'


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/v1/completions", {}),
        ("/v1/completions", {"stream": False}),
        ("/v1/chat/completions", {"stream": "yes"}),
        ("/v1/responses", {"stream": True}),
        ("/v1/messages", {"stream": True}),
        ("/invocations", {"stream": True}),
    ],
)
def test_what_cannot_be_traced_is_refused(path: str, asked: dict[str, Any]) -> None:
    with pytest.raises(BadRequest, match="only streams of /v1/completions and"):
        trace_for(WATCHER, {"path": path}, asked, granted=True)


@pytest.mark.parametrize(
    ("key", "granted", "texts"),
    [(WATCHER, False, False), (READER, False, True), (ANYBODY, True, False), (CURIOUS, True, True)],
)
def test_text_is_for_a_key_that_may_read_what_is_flagged(key: Key, granted: bool, texts: bool) -> None:
    assert trace_for(key, COMPLETIONS, {"stream": True}, granted=granted).texts == texts


@pytest.mark.parametrize("key", [ANYBODY, CURIOUS])
def test_a_trace_needs_its_right(key: Key) -> None:
    with pytest.raises(Forbidden, match="lacks the right to trace"):
        trace_for(key, COMPLETIONS, {"stream": True}, granted=False)


def test_an_event_is_a_comment_of_one_line_of_ascii() -> None:
    said = comments([{"event": "drafted", "texts": ["\n\r\u2028é"]}, {"event": "end"}])
    first, second, rest = said.split(b"\n\n")
    assert first.startswith(b": detox {") and first.isascii() and b"\n" not in first and b"\r" not in first
    assert second == b': detox {"event":"end"}' and rest == b""


class Sending:
    """What a client gets, and the way to it."""

    def __init__(self) -> None:
        self.out: list[Message] = []

    async def __call__(self, message: Message) -> None:
        self.out.append(message)

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.out)


async def test_events_leave_before_what_is_said_next_and_by_themselves_between() -> None:
    trace, sending = Trace(now=lambda: 0.0), Sending()
    async with traced(trace, sending) as send:
        trace.tell(0, "waste", {"tokens": 1})
        await asyncio.sleep(0)
        assert sending.out == [], "nothing comes before the head"
        await send(STREAM_HEAD)
        await until(lambda: b'"tokens":1' in sending.body)
        trace.tell(0, "waste", {"tokens": 2})
        await send(body(CHUNK, more=True))
        assert sending.body.endswith(b'"tokens":2}\n\n' + CHUNK)
        await send(body(LAST))
        trace.tell(0, "waste", {"tokens": 3})
        for _ in range(5):
            await asyncio.sleep(0)
    assert sending.body.endswith(LAST), "the end of an answer is its last word"
    assert [message.get("more_body") for message in sending.out[1:]] == [True, True, False]


async def test_an_answer_that_is_no_stream_has_no_events() -> None:
    trace, sending = Trace(), Sending()
    async with traced(trace, sending) as send:
        trace.tell(0, "waste", {"tokens": 1})
        await send(JSON_HEAD)
        await send(body(b"{}"))
    assert sending.body == b"{}"


async def test_without_a_trace_nothing_is_between() -> None:
    sending = Sending()
    async with traced(None, sending) as send:
        assert send is sending


async def outgoing(asked: GuardedRequest, *messages: Message) -> Sending:
    """What a client gets when the application says this."""
    sending = Sending()
    async with traced(asked.trace, sending) as send:
        out = Outgoing(asked, send, "/v1/completions")
        for message in messages:
            await out.send(dict(message))
    return sending


async def test_the_end_of_a_choice_is_told_before_the_chunk_that_says_so() -> None:
    asked = GuardedRequest(Policy(), wants_report=False, trace=Trace())
    asked.reports[0], asked.started = report("rewound"), True
    said = (await outgoing(asked, STREAM_HEAD, body(CHUNK + LAST))).body
    comment, *chunks = said.split(b"\n\n")
    end = json.loads(comment.removeprefix(b": detox "))
    assert (end["event"], end["choice"], end["report"]["action"]) == ("end", 0, "rewound")
    assert b"\n\n".join(chunks) == CHUNK + LAST


async def test_a_traced_stream_begins_before_any_text_is_released() -> None:
    asked = GuardedRequest(Policy(), trace=Trace())
    sending = await outgoing(asked, STREAM_HEAD, body(CHUNK, more=True))
    assert [message["type"] for message in sending.out] == ["http.response.start"]


async def test_what_fails_before_any_text_ends_it_with_the_error_that_it_would_have_been() -> None:
    asked = GuardedRequest(Policy(), trace=Trace(), scorer_down="error")
    theirs = body(b'data: {"error": {"message": "what vLLM makes of it"}}\n\n')
    sending = await outgoing(asked, STREAM_HEAD, theirs, body(b"more"))
    assert b"the toxicity scorer is unavailable" in sending.body and b"vLLM" not in sending.body
    assert sending.body.endswith(b"data: [DONE]\n\n") and sending.out[-1]["more_body"] is False
