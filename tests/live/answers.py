"""What an answer on any route comes to: its texts, how it ended, and its reports."""

from dataclasses import dataclass

import httpx

from server.api.answer import REFUSAL
from tests.live.wire import JSON, events, folded


@dataclass(frozen=True)
class Told:
    """One answer in the same words for every route: one entry a choice."""

    texts: list[str]
    endings: list[str | None]
    reports: list[JSON]
    tokens: int
    """The completion tokens of the usage, of all choices."""

    @property
    def actions(self) -> list[str]:
        return [report["action"] for report in self.reports]


def told(route: str, answer: httpx.Response) -> Told:
    """Reads a whole answer or a stream of any route."""
    assert answer.status_code == 200, answer.text
    stream = answer.headers["content-type"].startswith("text/event-stream")
    if route == "responses":
        return _response(events(answer.text)[-1]["response"] if stream else answer.json())
    if route == "messages":
        return _message_events(events(answer.text)) if stream else _message(answer.json())
    return _choices(folded(events(answer.text)) if stream else answer.json())


def _choices(body: JSON) -> Told:
    choices = body["choices"]
    ordered = [choices[i] for i in sorted(choices)] if isinstance(choices, dict) else choices
    return Told(
        [_content(choice) for choice in ordered],
        [choice["finish_reason"] for choice in ordered],
        [choice["detox"] for choice in ordered],
        body["usage"]["completion_tokens"] if body["usage"] else -1,
    )


def _content(choice: JSON) -> str:
    if "text" in choice:
        return str(choice["text"])
    message = choice.get("message") or choice["delta"]
    return message.get("content") or ""


def _response(body: JSON) -> Told:
    parts = [part["text"] for item in body["output"] for part in item["content"]]
    ending = (body["incomplete_details"] or {}).get("reason", body["status"])
    return Told(["".join(parts)], [ending], [body["detox"]], body["usage"]["output_tokens"])


def _message(body: JSON) -> Told:
    return Told(
        [_released("".join(part["text"] for part in body["content"]))],
        [body["stop_reason"]],
        [body["detox"]],
        body["usage"]["output_tokens"],
    )


def _message_events(said: list[JSON]) -> Told:
    text = "".join(event["delta"].get("text", "") for event in said if event["type"] == "content_block_delta")
    (end,) = [event for event in said if event["type"] == "message_delta"]
    return Told([_released(text)], [end["delta"]["stop_reason"]], [end["detox"]], end["usage"]["output_tokens"])


def _released(text: str) -> str:
    """The text of the model's: a message that was withheld whole says so in words of ours."""
    return "" if text == REFUSAL else text
