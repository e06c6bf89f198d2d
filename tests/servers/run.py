"""What is tried with the processes of one start, in order, and what was seen."""

import signal
from collections.abc import Mapping
from dataclasses import dataclass

import psutil

from tests.servers.house import CORES, House
from tests.servers.streams import Streams, eventually, streamed

FEW, MANY = 24, 200
"""Tokens of an answer that is to end, and of one that is to be under way when a process is killed."""
END_SECONDS = 60.0


@dataclass
class Together:
    """64 streams over both servers and both cores, and what the page of metrics says of them."""

    streams: Streams
    counts: Mapping[str, float]
    pages: int
    """How often the page was asked for and said the same, whichever server answered."""

    def total(self, name: str, *labels: str) -> float:
        """A counter, over the series that have these labels."""
        return sum(
            value
            for series, value in self.counts.items()
            if series.split("{")[0] == name and all(label in series for label in labels)
        )

    def drawn(self) -> list[float]:
        """How many tokens each engine core has drawn."""
        return [self.total("vllm:generation_tokens_total", f'engine="{core}"') for core in range(CORES)]


@dataclass
class WithoutScorer:
    """What was said while the shared scorer was gone, and whether it came back."""

    ready: set[int]
    streams: Streams
    back: bool


@dataclass
class OneKilled:
    """What clients saw when one API server was killed, and what became of the rest."""

    streams: Streams
    code: int | None
    left: list[str]


async def together(house: House) -> Together:
    streams = await streamed(house.url, FEW)
    found = [await house.counts() for _ in range(6)]
    ours = [{name: value for name, value in page.items() if name.startswith("unsay_")} for page in found]
    return Together(streams, found[0], sum(page == ours[0] for page in ours))


async def without_scorer(house: House) -> WithoutScorer:
    """The scorer's process is stopped first, so that nobody starts another before it was missed; then killed."""
    scorer = house.scorer()
    scorer.suspend()
    ready = set[int]()

    async def missed() -> bool:
        ready.update(status for status, _ in await house.ready(2))
        return 503 in ready

    streams = await streamed(house.url, FEW)
    await eventually(missed, END_SECONDS)
    scorer.kill()

    async def back() -> bool:
        statuses = {status for status, _ in await house.ready()}
        return statuses == {200} and house.scorer().pid != scorer.pid

    return WithoutScorer(ready, streams, await eventually(back, END_SECONDS))


async def one_killed(house: House) -> OneKilled:
    first, *_ = house.servers()

    streams = await streamed(house.url, MANY, lambda: first.send_signal(signal.SIGKILL))
    code = await house.process.ended(END_SECONDS)
    psutil.wait_procs(house.family, timeout=END_SECONDS)
    return OneKilled(streams, code, house.left())
