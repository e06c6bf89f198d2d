"""Server-sent events on their way out: whole events, those that end a choice amended, all others byte for byte."""

import json
from typing import Any

from server.api.answer import ENDED_OTHERWISE, amend_choices, amend_message, amend_response, written
from server.generation.request import GuardedRequest

END = b"\n\n"
CHOICE_ENDS = b'"finish_reason":"'
RESPONSE_ENDS = (b"event: response.completed", b"event: response.incomplete")
MESSAGE_ENDS = b"event: message_delta"


class EventStream:
    """Cuts a byte stream into events and amends them."""

    def __init__(self, request: GuardedRequest) -> None:
        self._request = request
        self._rest = b""

    def feed(self, data: bytes, *, last: bool) -> bytes:
        """Return the bytes that may go on; an event that is not whole waits for the rest of it."""
        data = self._rest + data
        cut = len(data) if last else data.rfind(END) + len(END)
        if cut < len(END) and not last:
            self._rest = data
            return b""
        self._rest = data[cut:]
        whole = data[:cut]
        if not _may_end(whole):
            return whole
        return END.join(self._event(event) for event in whole.split(END))

    def _event(self, event: bytes) -> bytes:
        if not _may_end(event):
            return event
        head, mark, data = event.partition(b"data: ")  # the first one: the text itself may hold these words
        body = json.loads(data)
        if "choices" in body:
            amend_choices(body, self._request)
        elif "response" in body:
            amend_response(body["response"], self._request)
            head = self._renamed(head, body)
        elif body.get("type") == "message_delta":
            amend_message(body, body["delta"], self._request)
        return head + mark + written(body)

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


def _may_end(data: bytes) -> bool:
    """Return a cheap test that lets the many ordinary chunks pass unread. Inside JSON text quotes are escaped."""
    return CHOICE_ENDS in data or MESSAGE_ENDS in data or any(mark in data for mark in RESPONSE_ENDS)
