"""How long short streams take beside moderations that are meant to keep the scorer from them.

    unsay serve mini --port 8000 --max-moderation-characters 600000 &
    python -m benchmarks.neighbours --url http://127.0.0.1:8000/v1 --model unsay-mini [--streams 40]

One stream at a time is asked for, on a quiet server and beside each kind of neighbours, who ask again as soon as they
have their answers; at the end on a quiet server once more. Without the flag the server refuses the longest moderation
with 400, and its neighbours' row says so.
"""

import argparse
import asyncio
import statistics
import sys
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx

from benchmarks.errors import BenchError
from benchmarks.load import bodies
from benchmarks.wire import ask, read
from reporting.markdown import table
from reporting.options import above_zero, count

TOKENS = 40
LONG = 50_000
"""Characters of a moderation's text: as many as one may have."""
PLAIN, DISGUISED = "the river and the town ", "t h e r i v e r 4nd th3 t0wn "
_TIMEOUT_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Neighbours:
    """So many clients, each of which has so many texts moderated at a time, all of them this phrase over and over."""

    name: str
    clients: int = 0
    texts: int = 0
    phrase: str = PLAIN

    def body(self) -> dict[str, list[str]]:
        """Return what each of them asks."""
        return {"input": [(self.phrase * (LONG // len(self.phrase) + 1))[:LONG]] * self.texts}


QUIET = Neighbours("nobody")
HOSTILE = (
    Neighbours("4 clients, a disguised text of 50,000 characters each", 4, 1, DISGUISED),
    Neighbours("1 client, 12 texts of 50,000 characters", 1, 12),
)


@dataclass(slots=True)
class Row:
    """Seconds of the streams beside some neighbours, how many failed, and the statuses of the neighbours' answers."""

    name: str
    seconds: list[float] = field(default_factory=list)
    failed: int = 0
    statuses: Counter[int] = field(default_factory=Counter)


async def measured(url: str, model: str, streams: int, timeout_seconds: float) -> list[Row]:
    """Return a row for each kind of neighbours, quiet ones first and last."""
    rows = []
    for neighbours in (QUIET, *HOSTILE, QUIET):
        rows.append(await beside(url, model, neighbours, streams, timeout_seconds))
        sys.stderr.write(f"{neighbours.name}: done\n")
    return rows


async def beside(url: str, model: str, neighbours: Neighbours, streams: int, timeout_seconds: float) -> Row:
    """Ask for streams one after another beside these neighbours. The first one is not counted: it warms up."""
    row = Row(neighbours.name)
    async with living(url, neighbours, row.statuses):
        for number, body in enumerate(bodies(model, streams + 1, TOKENS, seed=1)):
            try:
                answer = read(url, await ask(f"{url}/completions", body, timeout_seconds))
            except BenchError:
                row.failed += 1
            else:
                row.seconds += [answer.seconds] if number else []
    return row


@asynccontextmanager
async def living(url: str, neighbours: Neighbours, statuses: Counter[int]) -> AsyncIterator[None]:
    """Have them ask until the end; what is not answered by then is left unanswered."""

    async def client(web: httpx.AsyncClient) -> None:
        while True:
            statuses[(await web.post(f"{url}/moderations", json=neighbours.body())).status_code] += 1

    async with httpx.AsyncClient(timeout=_TIMEOUT_SECONDS, trust_env=False) as web:
        tasks = [asyncio.create_task(client(web)) for _ in range(neighbours.clients)]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def report(rows: Sequence[Row]) -> str:
    """Return the rows as a table; ratios are to the median of all quiet streams."""
    quiet = [seconds for row in rows if row.name == QUIET.name for seconds in row.seconds]
    head = ["neighbours", "median s", "of quiet", "longest s", "streams failed", "moderations answered"]
    return table(head, [_cells(row, statistics.median(quiet) if quiet else float("nan")) for row in rows])


def _cells(row: Row, quiet: float) -> list[str]:
    seconds = row.seconds or [float("nan")]
    median = statistics.median(seconds)
    statuses = ", ".join(f"{times} x {status}" for status, times in sorted(row.statuses.items())) or "none"
    return [row.name, f"{median:.2f}", f"{median / quiet:.1f}", f"{max(seconds):.2f}", str(row.failed), statuses]


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, and print a table. Exit status 1 if streams failed."""
    parser = argparse.ArgumentParser("python -m benchmarks.neighbours", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--url", default="http://127.0.0.1:8000/v1")
    parser.add_argument("--model", default="unsay-mini")
    parser.add_argument("--streams", type=count, default=40, metavar="N", help="of each kind (default: 40)")
    parser.add_argument(
        "--timeout", type=above_zero, default=60.0, metavar="SECONDS", help="for a stream (default: 60)"
    )
    said = parser.parse_args(argv)
    rows = asyncio.run(measured(said.url, said.model, said.streams, said.timeout))
    sys.stdout.write(f"{report(rows)}\n")
    return int(any(row.failed for row in rows))


if __name__ == "__main__":
    sys.exit(main())
