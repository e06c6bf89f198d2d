"""What becomes of requests that come faster than a server can answer: an open loop at a multiple of its capacity.

    python -m benchmarks.overload [--rates 0.5,1,3] [--seconds 60,60,300] [-- words of unsay serve, like mini]

It starts `unsay serve` (mini by default), finds its capacity (answers a second in a closed loop), then has requests
come at each multiple of it, at random moments (Poisson, seeded), whatever the server is busy with. While they do, its
pages of health are asked for every second. Requests are streams of completions.
"""

import argparse
import asyncio
import json
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx
import psutil
import uvloop

from benchmarks.errors import BenchError
from benchmarks.load import PROMPTS, arrivals, bodies, closed
from benchmarks.process import HOST, reserved_port, running
from benchmarks.usage import MIB
from benchmarks.wire import Answer, Stream, ask, head, read
from reporting.markdown import table
from reporting.options import above_zero, count
from reporting.progress import say

_START_SECONDS = 600.0
_TIMEOUT_SECONDS = 600.0
_REFUSED, _FINE = 503, 200
_WITHHELD = "(content_filter)"
_PAGES = ("health", "ready")
_DIGITS = 2
_MODEL = "unsay-mini"


@dataclass(frozen=True, slots=True)
class Memory:
    """Resident bytes of the server's first process, and of all that it has started."""

    front: int
    engine: int

    @classmethod
    def of(cls, process: psutil.Process) -> "Memory":
        """Look at it now."""
        below = sum(each.memory_info().rss for each in process.children(recursive=True))
        return cls(process.memory_info().rss, below)

    def __str__(self) -> str:
        """Say both in MiB."""
        return f"{self.front / MIB:.0f} + {self.engine / MIB:.0f}"


@dataclass(slots=True)
class Row:
    """What came of the requests at a rate. `refusals` are the seconds in which they were asked to come again.

    `cut` are answers that ended with `content_filter`, those without any text included, which `answers` lacks.
    """

    rate: float
    capacity: float
    before: Memory
    after: Memory
    half: Memory
    answers: list[Answer] = field(default_factory=list)
    cut: int = 0
    refusals: list[int] = field(default_factory=list)
    refused_seconds: list[float] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)
    pages: Counter[int] = field(default_factory=Counter)

    def take(self, url: str, stream: Stream) -> None:
        """Sort one request's outcome in."""
        status, headers, body = head(stream)
        if status == _REFUSED and _is_clean(headers, body):
            self.refusals.append(int(headers["retry-after"]))
            self.refused_seconds.append(stream.arrivals[-1][0] - stream.asked)
            return
        try:
            answer = read(url, stream)
        except BenchError as error:
            if _WITHHELD in str(error):
                self.cut += 1
            else:
                self.errors[_short(url, error)] += 1
            return
        self.cut += answer.finish_reason == "content_filter"
        self.answers.append(answer)


async def measured(
    url: str, process: psutil.Process, rates: Mapping[float, float], streams: int, tokens: int, seed: int
) -> list[Row]:
    """Find the capacity with `streams` at once, then ask at each multiple of it, for so many seconds each."""
    await closed(url, bodies(_MODEL, streams, tokens, None), streams, _TIMEOUT_SECONDS)
    began = time.perf_counter()
    asked = bodies(_MODEL, streams * 10, tokens, None)
    await closed(url, asked, streams, _TIMEOUT_SECONDS)
    capacity = len(asked) / (time.perf_counter() - began)
    say(f"capacity: {capacity:.1f} answers a second")
    return [await at_rate(url, process, rate, capacity, rates[rate], tokens, seed) for rate in rates]


async def at_rate(
    url: str, process: psutil.Process, rate: float, capacity: float, seconds: float, tokens: int, seed: int
) -> Row:
    """Have requests come at so many times the capacity, and wait for the last of them."""
    wanted = max(1, round(rate * capacity * seconds))
    asked = bodies(_MODEL, min(wanted, len(PROMPTS)), tokens, None)
    times = arrivals(wanted, rate * capacity, seed)
    before, began = Memory.of(process), time.perf_counter()
    row = Row(rate, capacity, before, before, before)

    async def one(number: int) -> Stream | str:
        await asyncio.sleep(began + times[number] - time.perf_counter())
        if number == wanted // 2:
            row.half = Memory.of(process)
        try:
            return await ask(url, asked[number % len(asked)], _TIMEOUT_SECONDS)
        except BenchError as error:
            return _short(url, error)

    pages = asyncio.create_task(_look(url, row.pages))
    streams = await asyncio.gather(*(one(number) for number in range(wanted)))
    row.after = Memory.of(process)
    pages.cancel()
    for found in streams:
        if isinstance(found, str):
            row.errors[found] += 1
        else:
            row.take(url, found)
    ended = f"{len(row.answers)} admitted, {len(row.refusals)} refused, {row.errors.total()} errors"
    say(f"{rate:g} times capacity: {ended}")
    return row


def _short(url: str, error: BenchError) -> str:
    return str(error).removeprefix(url)[:120]


async def _look(url: str, seen: Counter[int]) -> None:
    """Ask for the pages of health every second."""
    root = url.partition("/v1")[0]
    async with httpx.AsyncClient(trust_env=False, timeout=_TIMEOUT_SECONDS) as web:
        while True:
            await asyncio.sleep(1.0)
            for page in _PAGES:
                seen[(await web.get(f"{root}/{page}")).status_code] += 1


def _is_clean(headers: dict[str, str], body: bytes) -> bool:
    """Return whether a refusal says when to come again, and why, in OpenAI's shape."""
    try:
        error = json.loads(body)["error"]
    except (ValueError, KeyError, TypeError):
        return False
    return headers.get("retry-after", "").isdecimal() and {"message", "type", "param", "code"} <= error.keys()


def report(rows: Sequence[Row]) -> str:
    """Return two tables: what became of the requests and the server's memory, and the latency of what was admitted."""
    what = ["rate", "requests a second", "admitted", "cut short", "refused", "Retry-After", "errors", "health", "RSS"]
    how = ["rate", "", "p50", "p95", "p99", "longest"]
    return f"{table(what, map(_outcomes, rows))}\n\n{table(how, [line for row in rows for line in _latency(row)])}"


def _outcomes(row: Row) -> list[str]:
    pages = ", ".join(f"{times} x {status}" for status, times in sorted(row.pages.items()))
    again = f"{min(row.refusals)} to {max(row.refusals)} s" if row.refusals else ""
    figures = [len(row.answers), row.cut, len(row.refusals), again, sum(row.errors.values()), pages]
    memory = f"{row.before}, {row.half}, {row.after} MiB"
    return [f"{row.rate:g}", f"{row.rate * row.capacity:.1f}", *map(str, figures), memory]


def _latency(row: Row) -> Iterator[list[str]]:
    kinds = {
        "first text": [answer.first_seconds for answer in row.answers],
        "whole answer": [answer.seconds for answer in row.answers],
        "refusal": row.refused_seconds,
    }
    for kind, seconds in kinds.items():
        if len(seconds) > 1:
            cuts = statistics.quantiles(seconds, n=100, method="inclusive")
            figures = [cuts[49], cuts[94], cuts[98], max(seconds)]
            yield [f"{row.rate:g}", kind, *(f"{value:.{_DIGITS}f} s" for value in figures)]


@contextmanager
def serving(words: Sequence[str]) -> Iterator[tuple[str, psutil.Process]]:
    """Provide the address of `unsay serve` with these words, and its process."""
    with reserved_port() as port:
        command = [sys.executable, "-m", "server", "serve", *words, "--host", HOST, "--port", str(port)]
        with running(command, f"http://{HOST}:{port}/ready", _START_SECONDS) as process:
            yield f"http://{HOST}:{port}/v1/completions", psutil.Process(process.pid)


def _numbers(text: str) -> list[float]:
    return [above_zero(part) for part in text.split(",")]


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, and print the tables. Exit status 1 if a request ended in any way but answered or cleanly refused."""
    parser = argparse.ArgumentParser("python -m benchmarks.overload", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--rates", type=_numbers, default=[0.5, 1.0, 3.0], metavar="A,B", help="(default: 0.5,1,3)")
    parser.add_argument(
        "--seconds", type=_numbers, default=[300.0], metavar="S,T", help="of each, or of all (default: 300)"
    )
    words = "that find the capacity: no more than are admitted at once (default: 8)"
    parser.add_argument("--streams", type=count, default=8, metavar="N", help=words)
    parser.add_argument("--tokens", type=count, default=64, metavar="N", help="of each answer (default: 64)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the arrivals (default: 0)")
    parser.add_argument("words", nargs="*", default=[], help="of unsay serve, after -- (default: mini)")
    said = parser.parse_args(argv)
    seconds = said.seconds * (len(said.rates) if len(said.seconds) == 1 else 1)
    if len(seconds) != len(said.rates):
        parser.error(f"--seconds: expected one number, or {len(said.rates)}, found {len(seconds)}")
    rates = dict(zip(said.rates, seconds, strict=True))
    with serving(said.words or ["mini"]) as (url, process):
        rows = uvloop.run(measured(url, process, rates, said.streams, said.tokens, said.seed))
    sys.stdout.write(f"{report(rows)}\n")
    for row in rows:
        sys.stdout.writelines(f"{row.rate:g}: {times} x {error}\n" for error, times in row.errors.most_common())
    return int(any(row.errors for row in rows) or any(row.pages.keys() - {_FINE} for row in rows))


if __name__ == "__main__":
    sys.exit(main())
