"""What a fault is, and the observing of one: what the clients saw, the metrics, the way back."""

import asyncio
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import ClassVar

import httpx
import psutil

from tests.chaos.clients import Crowd, asked, crowd
from tests.chaos.processes import House
from tests.live.wire import asking

WARM_ANSWERS = 4
WARM_SECONDS = 240.0
RECOVERY_SECONDS = 60.0
QUIET_SECONDS = 60.0
END_SECONDS = 60.0
LEFT_SECONDS = 15.0


class Fault(ABC):
    """One thing that goes wrong. `what` is its row's name in the table."""

    what: ClassVar[str]
    clients: ClassVar[int] = 8
    series: ClassVar[tuple[str, ...]] = ()
    """Of the page of metrics: those that have to have grown, or the row is wrong."""
    pages: ClassVar[tuple[str, ...]] = ()
    """Those that have to be red meanwhile."""
    codes: ClassVar[tuple[int, ...] | None] = None
    """What the server ends with; None: it goes on."""

    def skipped(self) -> str:
        """Why it cannot be had on this machine; empty if it can."""
        return ""

    def environment(self, house: House) -> Mapping[str, str]:
        """Of the server's process, beside the usual one."""
        return {}

    @abstractmethod
    async def happen(self, house: House, people: Crowd) -> None:
        """Break it, wait, and mend it if that is the operator's part: nothing that the server should do by itself."""

    async def wrongs(self, house: House) -> list[str]:
        """What else is wrong afterwards."""
        return []


@dataclass
class Row:
    """What came of a fault."""

    what: str
    saw: str = ""
    metrics: str = ""
    recovery: str = ""
    wrong: list[str] = field(default_factory=list)

    @property
    def verdict(self) -> str:
        told = (f"{count} x {wrong}" for wrong, count in Counter(self.wrong).most_common())
        return "; ".join(told) or "as it should be"


async def observed(fault: Fault, house: House) -> Row:
    """Have a fault happen to the server while clients ask, and see what becomes of all of them."""
    row = Row(fault.what)
    if reason := fault.skipped():
        row.recovery = f"not tried: {reason}"
        return row
    await house.open(fault.environment(house))
    before, family = await house.counts(), house.served.inner.children(recursive=True)
    pages: set[str] = set()
    async with crowd(house.url, fault.clients, house.headers) as people, _watched(house, pages):
        if not await _until(lambda: _true(len(people.seen) >= WARM_ANSWERS), WARM_SECONDS):
            raise TimeoutError("the clients get no answers")
        people.seen.clear()
        await fault.happen(house, people)
        mended = time.monotonic()
        recovered = await (_goes_on(house) if fault.codes is None else _ends(house))
        seconds = time.monotonic() - mended
    row.saw = people.kinds()
    row.wrong = [wrong for seen in people.seen for wrong in seen.wrongs()]
    row.wrong += [f"{page} was never seen" for page in fault.pages if page not in pages]
    if fault.codes is None:
        row.recovery = f"answers again {seconds:.1f} s after" if recovered else "does not answer again"
        row.wrong += [] if recovered else [row.recovery]
        row.wrong += [seen.kind for seen in people.seen if not seen.status and seen.broken != "hung"]
        row.wrong += [] if await _until(house.quiet, QUIET_SECONDS) else ["requests or blocks were left behind"]
        told = _grown(fault.series, before, await house.counts())
        row.metrics = ", ".join(f"`{name}` +{value:.0f}" for name, value in told.items())
        row.wrong += [f"{name} has not grown" for name, value in told.items() if not value]
    else:
        code = house.served.code
        row.recovery = f"ends with {code} after {seconds:.1f} s"
        row.wrong += [] if code in fault.codes else [f"ends with {code}, expected {fault.codes}"]
        row.wrong += [seen.kind for seen in people.seen if not seen.status and seen.broken == "RemoteProtocolError"]
        _, left = await asyncio.to_thread(psutil.wait_procs, family, LEFT_SECONDS)
        row.wrong += [f"{len(left)} processes were left behind"] if left else []
        house.served.kill()
    row.metrics = "; ".join(filter(None, (row.metrics, ", ".join(sorted(pages)))))
    row.wrong += await fault.wrongs(house)
    return row


def _grown(series: Iterable[str], before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """By how much each of the series has grown."""
    grown = {name: value - before.get(name, 0.0) for name, value in after.items()}
    return {name: _sum(grown, name) for name in series}


def _sum(counts: Mapping[str, float], wanted: str) -> float:
    """Of a series' name, perhaps with a part of its labels after `{`: all that have it."""
    name, _, label = wanted.partition("{")
    return sum(value for key, value in counts.items() if key.split("{")[0] == name and label.rstrip("}") in key)


async def _true(value: bool) -> bool:
    return value


async def _until(condition: Callable[[], Awaitable[bool]], seconds: float) -> bool:
    until = time.monotonic() + seconds
    while not await condition():
        if time.monotonic() > until:
            return False
        await asyncio.sleep(0.2)
    return True


async def _goes_on(house: House) -> bool:
    """Whether it is ready again and answers."""

    async def answers() -> bool:
        if not await house.ready():
            return False
        body = asking("completions", "unsay-mini", "The", tokens=4, detox={"policy": "patient"})
        async with httpx.AsyncClient(base_url=house.url) as web:
            seen = await asked(web, "completions", body, house.headers)
        return seen.status == 200

    return await _until(answers, RECOVERY_SECONDS)


async def _ends(house: House) -> bool:
    return await house.served.ended(END_SECONDS) is not None


@asynccontextmanager
async def _watched(house: House, pages: set[str]) -> AsyncIterator[None]:
    """Note meanwhile which pages were red."""

    async def look() -> None:
        while True:
            for page in ("ready", "health"):
                status = await house.status(f"{house.url}/{page}")
                if status not in (0, 200):
                    pages.add(f"/{page} {status}")
            await asyncio.sleep(0.5)

    looking = asyncio.create_task(look())
    try:
        yield
    finally:
        looking.cancel()
        with suppress(asyncio.CancelledError):
            await looking
