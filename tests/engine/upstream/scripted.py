"""Scripted upstreams behind httpx's own port: vLLM's generate protocol without a model, with every fault on demand.

1. What one draws is a function of the place: the token at place `n` of prompt and answer is `token(n)`. So an answer
   that was gone on with elsewhere is the answer that was never lost.
2. `faults` are taken in turn, one for each answer; without any, answers are sound.
"""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import httpx

from server.engine.upstream.faults import Outcome
from server.engine.upstream.link import Link, http_client

MODEL = "unsay-mini"
Event = dict[str, Any]
Fault = Callable[[list[Event]], AsyncIterator[bytes]]
"""What comes of an answer in place of its sound events."""


def token(place: int) -> int:
    return 1000 + place


def frame(event: Event) -> bytes:
    return b"data: " + json.dumps(event).encode() + b"\n\n"


async def sound(events: list[Event]) -> AsyncIterator[bytes]:
    """Every event in a part of its own, and the end."""
    for event in events:
        yield frame(event)
    yield b"data: [DONE]\n\n"


def broken(after: int, error: Exception | None = None) -> Fault:
    """It breaks off after some events: with an error of the connection, or just so."""

    async def answer(events: list[Event]) -> AsyncIterator[bytes]:
        for event in events[:after]:
            yield frame(event)
        if error is not None:
            raise error

    return answer


def hanging(after: int) -> Fault:
    async def answer(events: list[Event]) -> AsyncIterator[bytes]:
        for event in events[:after]:
            yield frame(event)
        await asyncio.Event().wait()

    return answer


def saying(*told: bytes) -> Fault:
    """It says this, whatever it was asked."""

    async def answer(events: list[Event]) -> AsyncIterator[bytes]:
        for part in told:
            yield part

    return answer


class Upstream:
    """One upstream: `asked` are the bodies of what it was asked to generate, `closed` counts the answers that ended."""

    def __init__(self) -> None:
        self.faults: deque[Fault | int] = deque()
        """What answers come to, in turn; a number is a status."""
        self.tokenize: Callable[[str], Sequence[int]] = lambda text: ()
        self.model, self.length, self.tokens_an_event = MODEL, 1024, 1
        self.is_well = True
        self.kind = "text/event-stream"
        self.said: bytes | None = None
        """What it says to whatever else it is asked, in place of JSON."""
        self.tried = 0
        self.said_parts = 0
        """How many parts of answers it has sent."""
        self.closing_takes = 0
        """How many turns of the loop it takes to close an answer."""
        self.asked: list[dict[str, Any]] = []
        self.headers: list[httpx.Headers] = []
        self.closed = 0

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.tried += 1
        if not self.is_well:
            raise httpx.ConnectError("refused")
        if self.said is not None:
            return httpx.Response(200, stream=_Stream(None, saying(self.said)([])))
        match request.url.path:
            case "/health":
                return _said(200, {})
            case "/v1/models":
                return _said(200, {"data": [{"id": self.model, "max_model_len": self.length}]})
            case "/tokenize":
                return _said(200, {"tokens": list(self.tokenize(json.loads(request.content)["prompt"]))})
            case "/inference/v1/generate":
                return self._generate(request)
        return _said(404, {})

    def _generate(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        self.headers.append(request.headers)
        self.asked.append(body)
        fault = self.faults.popleft() if self.faults else sound
        if isinstance(fault, int):
            return _said(fault, {"error": {"message": "told by no one", "code": fault}})
        parts = fault(self._events(body))
        seconds = request.extensions["timeout"]["read"]
        return httpx.Response(200, headers={"content-type": self.kind}, stream=_Stream(self, parts, seconds))

    def _events(self, body: dict[str, Any]) -> list[Event]:
        start, params = len(body["token_ids"]), body["sampling_params"]
        drawn = [token(start + at) for at in range(params["max_tokens"])]
        size = self.tokens_an_event
        groups = [drawn[at : at + size] for at in range(0, len(drawn), size)]
        return [event(group, params, "length" if group is groups[-1] else None) for group in groups]


def event(tokens: Sequence[int], params: dict[str, Any], finish: str | None = None, **more: Any) -> Event:
    """An event as vLLM writes it. The drawn token is the likeliest, the ones after it in the vocabulary follow."""
    count = params.get("logprobs")
    content = [] if count is None else [_entry(drawn, count) for drawn in tokens]
    choice = {
        "index": 0,
        "logprobs": None if count is None else {"content": content},
        "finish_reason": finish,
        "stop_reason": None,
        "token_ids": list(tokens),
        "routed_experts": None,
        **more,
    }
    return {"request_id": "r", "usage": None, "output_mode": "tokens", "choices": [choice]}


def _entry(drawn: int, count: int) -> dict[str, Any]:
    ranked = [{"token_id": drawn + at, "logprob": -0.5 - at, "rank": at + 1} for at in range(max(count, 1))]
    return {**ranked[0], "top_logprobs": ranked}


def _said(status: int, said: object) -> httpx.Response:
    return httpx.Response(status, stream=_Stream(None, saying(json.dumps(said).encode())([])))


class _Stream(httpx.AsyncByteStream):
    def __init__(self, upstream: Upstream | None, parts: AsyncIterator[bytes], seconds: float = 60.0) -> None:
        self._seconds = seconds
        self._upstream = upstream
        self._parts = parts

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            try:
                async with asyncio.timeout(self._seconds):
                    part = await anext(self._parts, None)
            except TimeoutError:
                raise httpx.ReadTimeout("nothing came") from None
            if part is None:
                return
            if self._upstream is not None:
                self._upstream.said_parts += 1
            yield part

    async def aclose(self) -> None:
        if self._upstream is not None:
            for _ in range(self._upstream.closing_takes):
                await asyncio.sleep(0)
            self._upstream.closed += 1


class Network(httpx.AsyncBaseTransport):
    """Upstreams by their host names."""

    def __init__(self, **upstreams: Upstream) -> None:
        self.upstreams = upstreams

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0)
        answer = self.upstreams[request.url.host].answer(request)
        answer.request = request
        return answer

    def of(self, link: Link) -> Upstream:
        return self.upstreams[link.url.removeprefix("http://")]

    def links(self, *, silence_seconds: float = 60.0, key: str | None = None) -> list[Link]:
        http = http_client(key, self)
        return [Link(f"http://{name}", http, silence_seconds) for name in self.upstreams]


class Told:
    """A fleet's observer that remembers."""

    def __init__(self) -> None:
        self.up: dict[str, bool] = {}
        self.outcomes: list[tuple[str, Outcome]] = []
        self.resumed: list[str] = []

    def upstream_up(self, upstream: str, up: bool) -> None:
        self.up[upstream] = up

    def upstream_asked(self, upstream: str, outcome: Outcome) -> None:
        self.outcomes.append((upstream, outcome))

    def upstream_resumed(self, upstream: str) -> None:
        self.resumed.append(upstream)
