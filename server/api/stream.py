"""Server-sent events on their way out: whole events, those that end a choice amended, all others byte for byte.

Two kinds are added: chat's last chunk says what moderation found, where the request asks for it, and a message of which
nothing was released says that it was withheld.
"""

import json
from typing import Any

from server.api import moderated
from server.api.answer import (
    ENDED_OTHERWISE,
    REFUSAL,
    amend_choices,
    amend_message,
    amend_response,
    withheld,
    written,
)
from server.api.stored import PATH as RESPONSES
from server.errors import UnsayError, anthropic, http_error
from server.generation.request import GuardedRequest

END = b"\n\n"
CHOICE_ENDS = b'"finish_reason":"'
RESPONSE_ENDS = (b"event: response.completed", b"event: response.incomplete")
MESSAGE_ENDS = b"event: message_delta"
BLOCK_BEGINS = b"event: content_block_start"
LAST = b"data: [DONE]"
HEAD_OF_CHUNK = ("id", "object", "created", "model")


class EventStream:
    """Cuts a byte stream into events and amends them."""

    def __init__(self, request: GuardedRequest) -> None:
        self._request = request
        self._rest = b""
        self._chunk: dict[str, Any] = {}
        self._has_blocks = False

    def feed(self, data: bytes, *, last: bool) -> bytes:
        """Return the bytes that may go on; an event that is not whole waits for the rest of it."""
        data = self._rest + data
        cut = len(data) if last else data.rfind(END) + len(END)
        if cut < len(END) and not last:
            self._rest = data
            return b""
        self._rest = data[cut:]
        whole = data[:cut]
        if not _may_matter(whole):
            return whole
        return END.join(self._event(event) for event in whole.split(END))

    def _event(self, event: bytes) -> bytes:
        if event == LAST:
            return self._moderation() + event
        self._has_blocks |= event.startswith(BLOCK_BEGINS)
        if not _may_end(event):
            return event
        head, mark, data = event.partition(b"data: ")  # the first one: the text itself may hold these words
        body = json.loads(data)
        before = b""
        if "choices" in body:
            self._chunk = {key: body[key] for key in HEAD_OF_CHUNK if key in body}
            amend_choices(body, self._request)
            self._trace(body)
        elif "response" in body:
            amend_response(body["response"], self._request)
            head = self._renamed(head, body)
        elif body.get("type") == "message_delta":
            before = self._refusal()
            amend_message(body, body["delta"], self._request)
        return before + head + mark + written(body)

    def _trace(self, body: dict[str, Any]) -> None:
        """End the trace of the choices that end here, before the chunk that says so."""
        ended = [choice.get("index", 0) for choice in body["choices"] if choice.get("finish_reason") is not None]
        for index in ended:
            if self._request.trace is not None and index in self._request.reports:
                self._request.trace.end(index, self._request.reports[index].as_dict())

    def _moderation(self) -> bytes:
        """Return the chunk that says what moderation found, if that was asked for and a choice has ended."""
        if not self._request.wants_moderation or not self._request.reports or not self._chunk:
            return b""
        return b"data: " + written({**self._chunk, "choices": [], "moderation": moderated.listed(self._request)}) + END

    def _refusal(self) -> bytes:
        """Return the events of a block that says that all of a message was withheld, if it was."""
        if self._has_blocks or not withheld(self._request):
            return b""
        events: list[dict[str, Any]] = [
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": REFUSAL}},
            {"type": "content_block_stop", "index": 0},
        ]
        return b"".join(b"event: " + each["type"].encode() + b"\ndata: " + written(each) + END for each in events)

    def _renamed(self, head: bytes, body: dict[str, Any]) -> bytes:
        """End an unfinished response with the event that says what became of it; otherwise pass on vLLM's end."""
        response = body["response"]
        if response.get("status") in ENDED_OTHERWISE:
            body["type"] = "response.failed"
        elif (response.get("incomplete_details") or {}).get("reason") == "content_filter":
            body["type"] = "response.incomplete"
        else:
            return head
        return head.replace(RESPONSE_ENDS[0], b"event: " + body["type"].encode())


def broken_off(path: str, why: UnsayError | None = None) -> bytes:
    """Return the events that end a stream of the route at `path` which cannot go on, for a reason if it has one."""
    _, said, _ = http_error(why or UnsayError(), path)
    if anthropic(path):
        return b"event: error\ndata: " + written(said) + END
    if path.endswith(RESPONSES):
        flat = {"code": "internal_error", "message": "internal error", "param": None}
        return b"event: error\ndata: " + written({"type": "error", **flat}) + END
    return b"data: " + written(said) + END + LAST + END


def _may_matter(data: bytes) -> bool:
    return LAST in data or BLOCK_BEGINS in data or _may_end(data)


def _may_end(data: bytes) -> bool:
    """Return a cheap test that lets the many ordinary chunks pass unread. Inside JSON text quotes are escaped."""
    return CHOICE_ENDS in data or MESSAGE_ENDS in data or any(mark in data for mark in RESPONSE_ENDS)
