"""Clients that ask all the while, and what is wrong with what they were told.

An answer is clean if it says nothing that is flagged, and has one end that a client understands: an answer with its
finish reason (a stream: and its last line), or an error in the shape of its route. Of a server that has ended, nobody
is owed an answer to a request that it never began to answer.
"""

import asyncio
import itertools
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.chaos import flagged_in
from tests.live.wire import JSON, PATHS, asking, events

MODEL = "unsay-mini"
PATIENCE_SECONDS = 120.0
PAUSE_SECONDS = 0.3
"""Between an answer that is none and the next request of the same client."""
SHAPES: tuple[tuple[str, JSON], ...] = (
    ("completions", {"stream": True, "ignore_eos": True}),
    ("chat", {"stream": True, "ignore_eos": True}),
    ("completions", {"n": 2, "ignore_eos": True}),
    ("responses", {"stream": True}),
    ("messages", {"stream": True}),
    ("chat", {}),
)
ENDS = ('"finish_reason":"', '"type":"response.completed"', '"type":"response.incomplete"', '"type":"message_stop"')


@dataclass
class Seen:
    """What one client saw of one request. `status` 0: no answer began. `broken`: the connection, before the end."""

    route: str
    stream: bool
    status: int = 0
    body: bytes = b""
    broken: str = ""

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    @property
    def kind(self) -> str:
        """In a few words, for the table."""
        if self.broken:
            return f"{'no answer' if not self.status else 'cut off'} ({self.broken})"
        if self.status != 200:
            return str(self.status)
        if self.failed:
            return "error in the stream"
        return "content_filter" if self._filtered else "answered"

    @property
    def failed(self) -> bool:
        """Whether a stream says that it has failed."""
        return any("error" in event or event.get("type") in ("error", "response.failed") for event in self._said())

    @property
    def _filtered(self) -> bool:
        compact = self.text.replace('": "', '":"')
        return any(f'":"{word}"' in compact for word in ("content_filter", "refusal"))

    def _said(self) -> list[JSON]:
        if not self.stream or self.status != 200:
            return []
        return [event for event in events(self.text) if isinstance(event, dict)]

    def wrongs(self) -> Iterator[str]:
        """What is wrong with it, leaks first. Whether it may be without an answer, the fault says."""
        try:
            shown = list(_strands(self._said() if self.stream and self.status == 200 else [json.loads(self.body)]))
        except ValueError:
            shown = [self.text]
            if not self.broken:
                yield f"{self.route}: {self.status} is not JSON: {self.text[:100]!r}"
        for text in shown:
            if found := flagged_in(text):
                yield f"LEAK {found!r} on {self.route}: {text[:200]!r}"
        if self.broken == "hung":
            yield f"{self.route}: no end in {PATIENCE_SECONDS:.0f} s"
        elif self.broken and self.status:
            yield f"{self.route}: cut off without an end ({self.broken}) after {self.text[-200:]!r}"
        elif not self.broken and self.stream and self.status == 200 and not self._ended():
            yield f"{self.route}: the stream ends with {self.text[-200:]!r}"

    def _ended(self) -> bool:
        compact = self.text.replace('": "', '":"')
        finished = any(end in compact for end in ENDS) or self.failed
        return finished and (self.route not in ("completions", "chat") or "data: [DONE]" in self.text)


def _strands(said: list[Any]) -> Iterator[str]:
    """What an answer says: the texts that a model wrote, those of a stream put together."""
    strands: dict[Any, str] = {}
    for event in said:
        if not isinstance(event, dict):
            continue
        for choice in event.get("choices") or ():
            part = choice.get("delta") or choice.get("message") or choice
            key = choice.get("index")
            strands[key] = strands.get(key, "") + (part.get("content") or part.get("text") or "")
        delta = event.get("delta")
        if isinstance(delta, str) or isinstance(delta, dict):
            said_here = delta if isinstance(delta, str) else delta.get("text", "")
            strands["delta"] = strands.get("delta", "") + said_here
        for item in (event.get("response") or event).get("output") or ():
            strands[f"whole {item.get('id')}"] = "".join(part.get("text", "") for part in item.get("content") or ())
        if isinstance(content := event.get("content"), list):
            strands["content"] = "".join(part.get("text", "") for part in content)
    yield from strands.values()


@dataclass
class Crowd:
    """Clients that each ask again as soon as they have an answer."""

    url: str
    headers: JSON
    seen: list[Seen] = field(default_factory=list)
    number: Iterator[int] = field(default_factory=lambda: itertools.count())
    stopping: bool = False

    async def ask(self, web: httpx.AsyncClient, number: int, tokens: int = 24) -> Seen:
        """One request of the mix; what came of it."""
        route, more = SHAPES[number % len(SHAPES)]
        body = asking(route, MODEL, f"{number}. The history of the town", tokens=tokens, **more)
        body["detox"] = {"policy": "patient"}
        return await asked(web, route, body, self.headers)

    async def _client(self, web: httpx.AsyncClient) -> None:
        while not self.stopping:
            seen = await self.ask(web, next(self.number))
            self.seen.append(seen)
            if seen.status != 200:
                await asyncio.sleep(PAUSE_SECONDS)

    def kinds(self) -> str:
        """How many saw what."""
        found = Counter(seen.kind for seen in self.seen)
        return ", ".join(f"{count} {kind}" for kind, count in found.most_common())


async def asked(web: httpx.AsyncClient, route: str, body: JSON, headers: JSON, seen: Seen | None = None) -> Seen:
    """What a client sees of a request, to its end or until its patience is over; in `seen`, as it comes."""
    seen = seen or Seen(route, bool(body.get("stream")))
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            async with web.stream("POST", PATHS[route], json=body, headers=headers) as answer:
                seen.status = answer.status_code
                async for part in answer.aiter_raw():
                    seen.body += part
    except TimeoutError:
        seen.broken = "hung"
    except httpx.HTTPError as error:
        seen.broken = type(error).__name__
    return seen


@asynccontextmanager
async def crowd(url: str, clients: int, headers: JSON) -> AsyncIterator[Crowd]:
    """So many clients that ask until the block is left; then their last answers are waited for."""
    found = Crowd(url, headers)
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    async with httpx.AsyncClient(base_url=url, timeout=None, limits=limits) as web, asyncio.TaskGroup() as group:
        for _ in range(clients):
            group.create_task(found._client(web))
        try:
            yield found
        finally:
            found.stopping = True
