"""Faults of the scorer's process. It is started again as whoever supervises it would; all else is the server's part."""

import asyncio
import json
import resource
import signal
from abc import abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.chaos.clients import Crowd
from tests.chaos.fault import Fault
from tests.chaos.processes import House, limited

SECONDS = 5.0
SPARE_BYTES = 64 * 1024 * 1024
FAILURES = "unsay_scorer_failures_total"


class Judging(Fault):
    """Something is wrong with the scorer for a while."""

    @abstractmethod
    def wrong(self, house: House) -> None:
        """Begin."""

    @abstractmethod
    async def right(self, house: House) -> None:
        """End."""

    async def happen(self, house: House, people: Crowd) -> None:
        self.wrong(house)
        await asyncio.sleep(SECONDS)
        await self.right(house)


class ScorerKilled(Judging):
    what = f"scorer: killed, started again after {SECONDS:.0f} s"
    series = (FAILURES + '{reason="error"}',)

    def wrong(self, house: House) -> None:
        house.judging.kill()

    async def right(self, house: House) -> None:
        await house.start_scorer()


class ScorerStopped(Judging):
    what = f"scorer: stopped for {SECONDS:.0f} s (SIGSTOP)"
    series = (FAILURES + '{reason="deadline"}',)

    def wrong(self, house: House) -> None:
        house.judging.signal(signal.SIGSTOP)

    async def right(self, house: House) -> None:
        house.judging.signal(signal.SIGCONT)


class ScorerOutOfMemory(Judging):
    """Its address space is bounded, so that what a pass allocates is refused."""

    what = f"scorer: out of memory for {SECONDS:.0f} s (RLIMIT_AS)"
    series = (FAILURES,)

    def wrong(self, house: House) -> None:
        inner = house.judging.inner
        self.old = limited(inner, resource.RLIMIT_AS, inner.memory_info().vms + SPARE_BYTES)

    async def right(self, house: House) -> None:
        limited(house.judging.inner, resource.RLIMIT_AS, self.old[0])


class ScorerSaysNan(Judging):
    what = f"scorer: NaN for every text, {SECONDS:.0f} s"
    series = (FAILURES,)

    def wrong(self, house: House) -> None:
        house.wrong.write_text("nan", encoding="utf-8")

    async def right(self, house: House) -> None:
        house.wrong.write_text("", encoding="utf-8")


class ScorerLate(ScorerSaysNan):
    what = "scorer: every pass takes 5 s, the deadline is 3 s"
    series = (FAILURES + '{reason="deadline"}',)

    def wrong(self, house: House) -> None:
        house.wrong.write_text("late", encoding="utf-8")


class DetectorSaysNan(Fault):
    """Something else at the scorer's address: all its answers are sound but for the numbers."""

    what = f"another detector at the scorer's address, NaN over the wire, {SECONDS:.0f} s"
    series = (FAILURES + '{reason="error"}',)

    async def happen(self, house: House, people: Crowd) -> None:
        house.judging.kill()
        async with _lying(house.scorer_port):
            await asyncio.sleep(SECONDS)
        await house.start_scorer()


@asynccontextmanager
async def _lying(port: int) -> AsyncIterator[None]:
    """A detector that reports a score of NaN for every text that it is given."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        fields = (line.partition(b":") for line in head.lower().split(b"\r\n"))
        length = next((int(value) for name, _, value in fields if name == b"content-length"), 0)
        asked = json.loads(await reader.readexactly(length)) if length else {}
        found = {"start": 0, "end": 1, "detection": "toxicity", "detection_type": "toxicity", "score": float("nan")}
        body = json.dumps([[found] for _ in asked.get("contents", ())]).encode()
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n")
        writer.write(b"content-length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", port):
        yield
