"""What is wrong with an answer is seen, so that a table without anything wrong says something."""

import json
from typing import Any

import pytest

from tests.chaos.clients import Seen


def streamed(*said: Any, done: bool = True) -> bytes:
    lines = [f"data: {json.dumps(each)}\n\n" for each in said]
    return "".join([*lines, *(["data: [DONE]\n\n"] if done else [])]).encode()


def piece(text: str, reason: str | None = None) -> Any:
    return {"choices": [{"index": 0, "text": text, "finish_reason": reason}]}


def seen(body: bytes, *, status: int = 200, stream: bool = True, broken: str = "") -> Seen:
    return Seen("completions", stream, status, body, broken)


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        (seen(streamed(piece("a b"), piece("c", "length"))), "answered"),
        (seen(streamed(piece("a b"), piece("", "content_filter"))), "content_filter"),
        (seen(streamed(piece("a b"), {"error": {"message": "x"}})), "error in the stream"),
        (seen(b'{"error": {"message": "try again"}}', status=503), "503"),
        (seen(b"", status=0, broken="ConnectError"), "no answer (ConnectError)"),
    ],
)
def test_a_clean_end(told: Seen, kind: str) -> None:
    assert told.kind == kind
    assert [wrong for wrong in told.wrongs() if told.status] == []


@pytest.mark.parametrize(
    ("told", "wrong"),
    [
        (seen(streamed(piece("a t"), piece("h", "length"))), "LEAK 'th'"),
        (seen(b'{"choices": [{"text": "some of it"}]}', stream=False), "LEAK 'of'"),
        (seen(streamed(piece("a b"), done=False)), "the stream ends with"),
        (seen(streamed(piece("a b", "length"), done=False)), "the stream ends with"),
        (seen(streamed(piece("a b"), done=False), broken="ReadError"), "cut off without an end"),
        (seen(streamed(piece("a b"), done=False), broken="hung"), "no end in"),
        (seen(b"<html>", status=502, stream=False), "is not JSON"),
    ],
)
def test_what_is_wrong_is_seen(told: Seen, wrong: str) -> None:
    assert any(wrong in found for found in told.wrongs())
