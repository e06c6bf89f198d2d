"""Requests as they go over the wire, and answers as they come back."""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx

JSON = dict[str, Any]
PATHS = {
    "completions": "/v1/completions",
    "chat": "/v1/chat/completions",
    "responses": "/v1/responses",
    "messages": "/v1/messages",
    "invocations": "/invocations",
}
PROMPT = "The history of the town begins with"
ANSWER_WITHOUT_MEANING = (
    *("id", "created", "created_at", "completed_at", "item_id", "detox", "content_filter_results"),
    "system_fingerprint",  # of the configuration, in which the guard stands
)


def asking(route: str, model: str, prompt: str = PROMPT, *, tokens: int = 32, **more: Any) -> JSON:
    """A request's body on one of the routes of PATHS."""
    body: JSON = {"model": model, **more}
    if route == "completions":
        return {"prompt": prompt, "max_tokens": tokens, **body}
    if route == "responses":
        return {"input": prompt, "max_output_tokens": tokens, **body}
    return {"messages": [{"role": "user", "content": prompt}], "max_tokens": tokens, **body}


def post(base: str, route: str, body: JSON, **headers: str) -> httpx.Response:
    """The whole answer to one request."""
    return httpx.post(base + PATHS.get(route, route), json=body, headers=headers, timeout=60)


def events(raw: str) -> list[JSON]:
    """The JSON objects of a stream of server-sent events. Only a line feed ends a line there: texts may hold others."""
    found = (line.removeprefix("data: ") for line in raw.split("\n") if line.startswith("data: "))
    return [json.loads(line) for line in found if line != "[DONE]"]


def lines(answer: httpx.Response) -> Iterator[str]:
    """The lines of a stream as they come. httpx's own end at every character that ends one in a text, too."""
    rest = ""
    for piece in answer.iter_text():
        *whole, rest = (rest + piece).split("\n")
        yield from whole
    yield from [rest] if rest else []


async def alines(answer: httpx.Response) -> AsyncIterator[str]:
    """The same of a stream that is read asynchronously."""
    rest = ""
    async for piece in answer.aiter_text():
        *whole, rest = (rest + piece).split("\n")
        for line in whole:
            yield line
    if rest:
        yield rest


def folded(chunks: list[JSON]) -> JSON:
    """The chunks of a chat or completion stream as one answer: texts joined, lists extended, the last of the rest."""
    whole: JSON = {"choices": {}, "usage": None}
    for chunk in chunks:
        whole["usage"] = chunk.get("usage") or whole["usage"]
        for choice in chunk["choices"]:
            _fold(whole["choices"].setdefault(choice["index"], {}), choice)
    return whole


def _fold(into: JSON, new: JSON) -> None:
    for key, value in new.items():
        old = into.get(key)
        if old is None or value is None:
            into[key] = old if value is None else value
        elif isinstance(value, dict):
            _fold(old, value)
        elif isinstance(value, str) and key in ("text", "content", "arguments", "reasoning"):
            into[key] = old + value
        elif isinstance(value, list):
            into[key] = _fold_calls(old, value) if key == "tool_calls" else old + value
        else:
            into[key] = value


def _fold_calls(old: list[JSON], new: list[JSON]) -> list[JSON]:
    calls = {call["index"]: call for call in old}
    for call in new:
        _fold(calls.setdefault(call["index"], {}), call)
    return list(calls.values())


def meaning(answer: Any) -> Any:
    """An answer without what is different every time (ids, times) and without what we add."""
    if isinstance(answer, dict):
        return {key: meaning(value) for key, value in answer.items() if key not in ANSWER_WITHOUT_MEANING}
    return [meaning(value) for value in answer] if isinstance(answer, list) else answer


def texts(answer: Any) -> Iterator[str]:
    """Every string in an answer, keys included: whatever could show a word."""
    if isinstance(answer, dict):
        for key, value in answer.items():
            yield str(key)
            yield from texts(value)
    elif isinstance(answer, list):
        for value in answer:
            yield from texts(value)
    elif isinstance(answer, str):
        yield answer
