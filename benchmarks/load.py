"""What the clients do: closed loops and open ones.

In a closed loop each of a number of streams asks again when its answer is whole; in an open one requests arrive when
they arrive, whatever the server is busy with.
"""

import asyncio
import random
import time
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.wire import Answer, Stream, ask, read

PROMPTS = (
    "The river rises in the mountains and",
    "The school was founded in 1921 by",
    "The second season of the series began",
    "In mathematics, a set is called",
    "User: I need a train to Oakland on Friday.\nAssistant:",
    "The album was recorded in a small studio",
    "The species lives in the forests of",
    "During the election of that year, the party",
)
"""Clean ones: what follows them is rarely flagged."""

Body = Mapping[str, Any]


def bodies(model: str, count: int, tokens: int, seed: int | None, more: Body | None = None) -> list[Body]:
    """Return `count` requests for `tokens` tokens each, seeded from `seed` on, or not. `more` is merged into each."""
    seeds = [{} if seed is None else {"seed": seed + number} for number in range(count)]
    return [
        _body(model, PROMPTS[number % len(PROMPTS)], tokens) | own | dict(more or {})
        for number, own in enumerate(seeds)
    ]


async def closed(url: str, asked: Sequence[Body], streams: int, timeout_seconds: float) -> list[Answer]:
    """Run `streams` clients at once, each asking again when it has its answer. BenchError if any fails."""
    waiting = iter(asked)

    async def client() -> list[Stream]:
        return [await ask(url, body, timeout_seconds) for body in waiting]

    answers = await _together([client() for _ in range(streams)])
    return [read(url, stream) for each in answers for stream in each]


async def opened(url: str, asked: Sequence[Body], arrivals: Sequence[float], timeout_seconds: float) -> list[Answer]:
    """Return a request at each of the times `arrivals` (seconds from now). BenchError if any fails."""
    began = time.perf_counter()

    async def client(at: float, body: Body) -> Stream:
        await asyncio.sleep(began + at - time.perf_counter())
        return await ask(url, body, timeout_seconds)

    streams = await _together([client(at, body) for at, body in zip(arrivals, asked, strict=True)])
    return [read(url, stream) for stream in streams]


def arrivals(count: int, rate: float, seed: int) -> list[float]:
    """Return times of `count` requests, in seconds: exponential gaps at `rate` a second, the first one at 0."""
    gaps, times = random.Random(seed), [0.0]
    while len(times) < count:
        times.append(times[-1] + gaps.expovariate(rate))
    return times


async def _together(clients: Sequence[Any]) -> list[Any]:
    """Return what all clients return; the first error ends them all."""
    tasks = [asyncio.ensure_future(client) for client in clients]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()


def _body(model: str, prompt: str, tokens: int) -> dict[str, Any]:
    return {
        "model": model,
        "prompt": prompt,
        "max_tokens": tokens,
        "stream": True,
        "stream_options": {"include_usage": True},
        "ignore_eos": True,
    }
