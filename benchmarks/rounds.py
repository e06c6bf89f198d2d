"""Rounds of load against both servers: in every round each cell has its pair, one side after the other.

Which side goes first changes from round to round. Both sides of a pair ask for the same texts; every round for others.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import httpx

from benchmarks import load, measures
from benchmarks.measures import Figures, Pair
from benchmarks.plan import Cell, Settings
from benchmarks.scrape import Samples, samples
from benchmarks.usage import Usage
from benchmarks.wire import Answer
from reporting.progress import Advance

LOAD = 0.6
"""The rate of open loops, unless given: this share of what plain vLLM can do with as many streams."""
WARM_TOKENS = 16
SETTLE_SECONDS = 0.2
"""After a round, so that work left over from its answers is not counted in the next."""


@dataclass(frozen=True)
class Servers:
    """Both servers, their processes, and the name of the model."""

    plain: str
    guarded: str
    usage: Usage
    model: str

    async def use(self, scorer: str) -> None:
        """Have the guard judge by this scorer."""
        async with httpx.AsyncClient(trust_env=False) as client:
            (await client.post(f"{self.guarded}/bench/scorer", json={"scorer": scorer})).raise_for_status()

    async def counted(self) -> Samples:
        """Return what the guard has counted so far."""
        async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
            return samples((await client.get(f"{self.guarded}/metrics")).text)


class Rounds:
    """Rounds against two servers; `pairs` has those found so far, by cell."""

    def __init__(self, servers: Servers, settings: Settings, cells: Sequence[Cell]) -> None:
        self._servers, self._settings, self._cells = servers, settings, cells
        self._rates: dict[Cell, float] = {}
        self.pairs: dict[Cell, list[Pair]] = {cell: [] for cell in cells}

    async def run(self, advance: Advance) -> None:
        """Run all rounds, after a short uncounted one of each cell. BenchError if an answer fails."""
        for cell in self._cells:
            await self._warm(cell)
        for number in range(self._settings.rounds):
            for cell in self._cells:
                self.pairs[cell].append(await self._pair(cell, number))
                advance(1)

    async def _warm(self, cell: Cell) -> None:
        """Warm the engine up; an open loop takes its rate from what plain vLLM does with as many streams."""
        tokens = cell.tokens if cell.run.arriving and self._settings.rate is None else min(WARM_TOKENS, cell.tokens)
        short = replace(cell, tokens=tokens, requests=cell.streams)
        asked = load.bodies(self._servers.model, cell.streams, tokens, self._seed(0))
        await self._servers.use(cell.run.scorer)
        for url in (self._servers.guarded, self._servers.plain):
            began = time.perf_counter()
            await load.closed(_completions(url), asked, cell.streams, self._settings.timeout_seconds)
            self._rates[cell] = self._settings.rate or LOAD * short.requests / (time.perf_counter() - began)

    async def _pair(self, cell: Cell, number: int) -> Pair:
        await self._servers.use(cell.run.scorer)
        urls = (self._servers.plain, self._servers.guarded)
        found: dict[str, Figures] = {}
        for url in urls if number % 2 == 0 else urls[::-1]:
            found[url] = await self._round(cell, number, url)
        return found[urls[0]], found[urls[1]]

    async def _round(self, cell: Cell, number: int, url: str) -> Figures:
        usage, before = self._servers.usage, await self._servers.counted()
        async with usage.peak() as peak:
            began = usage.cpu()
            answers = await self._ask(cell, number, _completions(url))
            used = usage.cpu().since(began)
        await asyncio.sleep(SETTLE_SECONDS)
        seen = measures.of_clients(answers)
        seen |= measures.of_processes(used, peak.bytes, seen["tokens"])
        if url == self._servers.guarded:
            seen |= measures.of_guard((await self._servers.counted()).since(before), seen["tokens"])
        return seen

    async def _ask(self, cell: Cell, number: int, url: str) -> list[Answer]:
        part = (number + 1) * 1_000_003
        asked = load.bodies(self._servers.model, cell.requests, cell.tokens, self._seed(part))
        if not cell.run.arriving:
            return await load.closed(url, asked, cell.streams, self._settings.timeout_seconds)
        times = load.arrivals(cell.requests, self._rates[cell], self._settings.seed + part)
        return await load.opened(url, asked, times, self._settings.timeout_seconds)

    def _seed(self, part: int) -> int | None:
        """Return the first seed of some requests, if they are to have seeds."""
        return self._settings.seed + part if self._settings.seeded else None


def _completions(url: str) -> str:
    return f"{url}/v1/completions"
