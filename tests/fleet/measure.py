"""What a token costs in processor time, by who spends it: the one measure of scale-out that two busy cores allow."""

import asyncio
import time
from typing import Any

import httpx
import psutil

from tests.live.wire import alines

ROLES = {"proxy": "ray::ProxyActor", "replica": "ray::ServeReplica"}


def spent() -> dict[str, float]:
    """Return the seconds that the processes of each role have computed so far, those that they started included."""
    totals = dict.fromkeys(ROLES, 0.0)
    for process in psutil.Process().children(recursive=True):  # Ray's are, where it runs on this machine alone
        title = " ".join(process.cmdline())
        for role, name in ROLES.items():
            if title.startswith(name):
                family = [process, *process.children(recursive=True)]
                totals[role] += sum(sum(member.cpu_times()[:2]) for member in family)
    return totals


async def cost(url: str, body: dict[str, Any], streams: int) -> dict[str, float]:
    """Ask for so many streams at once; return what it took, in seconds and in seconds of processors for a token."""
    before, began = spent(), time.monotonic()
    async with httpx.AsyncClient(base_url=url, timeout=600) as client:
        counts = await asyncio.gather(*(chunks(client, body | {"seed": number}) for number in range(streams)))
    seconds, after, tokens = time.monotonic() - began, spent(), streams * int(body["max_tokens"])
    costs = {f"{role}_ms": round(1000 * (after[role] - before[role]) / tokens, 3) for role in ROLES}
    return {"tokens": tokens, "chunks": sum(counts), "seconds": round(seconds, 1), **costs}


async def chunks(client: httpx.AsyncClient, body: dict[str, Any]) -> int:
    """Read a stream; return how many chunks it had."""
    async with client.stream("POST", "/v1/completions", json=body | {"stream": True}) as answer:
        answer.raise_for_status()
        return len([line async for line in alines(answer) if line.startswith("data: {")])
