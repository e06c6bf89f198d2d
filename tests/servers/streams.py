"""64 clients at once, and what became of their answers."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import httpx

from tests.chaos.clients import MODEL, Seen, asked
from tests.live.wire import asking, events

BEGIN_SECONDS = 100.0
STREAMS, SEEDS = 64, 16
"""As many streams as four times these seeds."""


@dataclass
class Streams:
    """What every client saw, in the order of their numbers."""

    seen: list[Seen]

    def wrongs(self, *, broken: bool = False) -> list[str]:
        """What is wrong with them; `broken`: that a connection was lost is not."""
        seen = [each for each in self.seen if not (broken and each.broken)]
        leaks = [wrong for each in self.seen for wrong in each.wrongs() if wrong.startswith("LEAK")]
        return leaks + [wrong for each in seen for wrong in each.wrongs() if not wrong.startswith("LEAK")]

    def kinds(self) -> Counter[str]:
        return Counter(each.kind for each in self.seen)

    def texts(self) -> dict[int, set[str]]:
        """What was said under each seed."""
        found: dict[int, set[str]] = {}
        for number, each in enumerate(self.seen):
            said = "".join(choice["text"] for event in events(each.text) for choice in event.get("choices", ()))
            found.setdefault(number % SEEDS, set()).add(said)
        return found

    def reports(self) -> list[dict[str, Any]]:
        return [
            choice["detox"]
            for each in self.seen
            for event in events(each.text)
            for choice in event.get("choices", ())
            if "detox" in choice
        ]


async def streamed(url: str, tokens: int, during: Callable[[], None] | None = None) -> Streams:
    """64 seeded streams at once; `during` happens once each of them has said something."""
    seen = [Seen("completions", stream=True) for _ in range(STREAMS)]

    async def all_begun() -> bool:
        return all(each.body or each.broken for each in seen)

    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    async with httpx.AsyncClient(base_url=url, timeout=None, limits=limits) as web:
        tasks = [asyncio.create_task(_one(web, number % SEEDS, tokens, each)) for number, each in enumerate(seen)]
        if during is not None:
            assert await eventually(all_begun, BEGIN_SECONDS)
            during()
        return Streams(await asyncio.gather(*tasks))


async def _one(web: httpx.AsyncClient, seed: int, tokens: int, seen: Seen) -> Seen:
    body = asking("completions", MODEL, f"{seed}. The history of the town", tokens=tokens)
    body |= {"stream": True, "seed": seed, "ignore_eos": True, "detox": {"policy": "patient"}}
    return await asked(web, "completions", body, {}, seen)


async def eventually(happens: Callable[[], Awaitable[bool]], seconds: float) -> bool:
    """Whether something happens within so many seconds."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if await happens():
            return True
        await asyncio.sleep(0.1)
    return False
