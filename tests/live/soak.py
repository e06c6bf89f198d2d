"""Many mixed requests at once, some of which leave: `make soak` for an hour of them (`SOAK_ARGS="--minutes 5"`).

On all routes; half of those that can stream do; some have penalties, seeds, stop strings, several choices or a schema;
every third leaves at a random moment. Then nothing of them may be left: no request, no task, no block, and no more
memory and descriptors than before.
"""

import argparse
import asyncio
import itertools
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx

from tests.live.answers import told
from tests.live.wear import Sample, page, sampled, wrongs
from tests.live.wire import JSON, PATHS, asking

if TYPE_CHECKING:
    from tests.live.servers import Servers

FLAGGED = ("of", "th", "an")
AT_ONCE = 48
PATIENCE_SECONDS = 110
SAMPLES = 20
MODERATIONS = "/v1/moderations"
SHAPES: tuple[tuple[str, JSON], ...] = (
    ("completions", {}),
    ("chat", {"seed": 7}),
    ("completions", {"presence_penalty": 1.0, "frequency_penalty": 0.5}),
    ("responses", {"store": False}),
    ("completions", {"n": 2, "temperature": 1}),
    ("messages", {}),
    ("completions", {"structured_outputs": {"regex": "[a-z ]{20,60}"}}),
    ("moderations", {}),
    ("completions", {"min_tokens": 20, "bad_words": ["town", "the city"]}),
    ("chat", {"stop": ["ing", "e "], "n": 3}),
    ("completions", {"stop": ["s ", "."]}),
)


@dataclass
class Ended:
    """What became of the requests."""

    answered: int = 0
    left: int = 0
    rewinds: int = 0
    stuck: int = 0
    refused: int = 0
    """Cleanly: the server had too much to do, and said when to come again."""
    routes: Counter[str] = field(default_factory=Counter)


async def soak(base: str, model: str, count: int, seed: int = 1) -> Ended:
    """Ask so many requests, `AT_ONCE` at a time; raises if one is answered wrongly or not at all."""
    ended = Ended()
    await asking_on(base, model, iter(range(count)), AT_ONCE, ended, seed)
    assert not ended.stuck and not ended.refused, ended
    return ended


async def asking_on(base: str, model: str, numbers: Iterator[int], clients: int, ended: Ended, seed: int = 1) -> None:
    """Ask the requests of these numbers, so many at a time; raises if one is answered wrongly."""
    chance = random.Random(seed)
    limits = httpx.Limits(max_connections=None)

    async def client(web: httpx.AsyncClient) -> None:
        for number in numbers:
            patience = chance.uniform(0.0, 1.0)
            await _ask(web, number, model, patience if number % 3 == 0 else None, ended)

    async with httpx.AsyncClient(base_url=base, timeout=PATIENCE_SECONDS, limits=limits) as web:
        async with asyncio.TaskGroup() as group:
            for _ in range(clients):
                group.create_task(client(web))


def _body(model: str, number: int, route: str, more: JSON) -> JSON:
    if route == "moderations":
        return {"input": [f"{number}. The history of the town", "A second text."]}
    body: JSON = {"stream": number % 2 == 0, "detox": {"policy": "patient"}, **more}
    if body["stream"] and route in ("completions", "chat"):
        body["stream_options"] = {"include_usage": True}
    return asking(route, model, f"{number}. The history of the town", tokens=40, **body)


async def _ask(web: httpx.AsyncClient, number: int, model: str, patience: float | None, ended: Ended) -> None:
    route, more = SHAPES[number % len(SHAPES)]
    try:
        async with asyncio.timeout(patience):
            answer = await web.post(PATHS.get(route, MODERATIONS), json=_body(model, number, route, more))
    except TimeoutError:
        ended.left += 1
        return
    except httpx.TimeoutException:
        ended.stuck += 1
        return
    if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE and "retry-after" in answer.headers:
        ended.refused += 1
        return
    if route == "moderations":
        assert answer.status_code == httpx.codes.OK and len(answer.json()["results"]) == 2, answer.text
    else:
        said = told(route, answer)
        assert not any(word in text.lower() for text in said.texts for word in FLAGGED), said
        ended.rewinds += sum(report["rewinds"] for report in said.reports)
    ended.answered += 1
    ended.routes[route] += 1


async def soaking(servers: "Servers", minutes: float, streams: int, ended: Ended) -> list[Sample]:
    """Ask for so long; return what the server took meanwhile."""
    begin = time.monotonic()
    end = begin + minutes * 60
    numbers = itertools.takewhile(lambda _: time.monotonic() < end, itertools.count())
    work = asyncio.create_task(asking_on(servers.guarded, servers.model, numbers, streams, ended))
    samples: list[Sample] = []
    while not work.done():
        await asyncio.wait([work], timeout=minutes * 60 / SAMPLES)
        if work.done():
            break
        samples.append(await asyncio.to_thread(sample, servers, time.monotonic() - begin, ended))
        print(samples[-1], file=sys.stderr, flush=True)  # noqa: T201
    await work
    return samples


def sample(servers: "Servers", seconds: float, ended: Ended) -> Sample:
    """What is taken and under way now."""
    from tests.live.counts import vllm_counts

    servers.scorer.texts.clear()  # kept for tests, and no leak of the server's
    tasks = servers.run(_tasks())
    blocks = vllm_counts(servers)["vllm:kv_cache_usage_perc"]
    running = int(servers.engine.get_num_unfinished_requests())
    return sampled(seconds, ended.answered + ended.left + ended.refused, tasks, running, blocks)


async def _tasks() -> int:
    return len(asyncio.all_tasks())


def run(minutes: float, streams: int) -> list[str]:
    """Soak servers of our own; say how it went, return what is wrong."""
    from filters.scorers.detoxify import DetoxifyScorer
    from tests.filters.scorers.bundled import BUNDLED_CLASSIFIER
    from tests.journeys.test_failures import quiet, until
    from tests.live.scorer import SwitchableScorer
    from tests.live.servers import serving

    ended = Ended()
    with serving(SwitchableScorer(DetoxifyScorer.load(str(BUNDLED_CLASSIFIER)))) as servers:
        before = sample(servers, 0.0, ended)
        with servers.scorer.flagging(*FLAGGED):
            samples = asyncio.run(soaking(servers, minutes, streams, ended))
            until(lambda: quiet(servers))
        until(lambda: servers.run(_tasks()) <= before.tasks)
        after = sample(servers, minutes * 60, ended)
        whole: Any = servers.run(servers.engine.reset_prefix_cache())
    sys.stdout.write(f"{page([before, *samples, after])}\n\n{ended}\n")
    wrong = wrongs(samples, minutes)
    wrong += [f"{ended.stuck} requests were stuck"] if ended.stuck else []
    wrong += ["more requests were refused than answered"] if ended.refused > ended.answered else []
    wrong += [] if whole and not after.blocks else ["blocks of the cache are not free"]
    return wrong


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser("python -m tests.live.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0, help="how long (default: 60)")
    parser.add_argument("--streams", type=int, default=32, help="how many clients ask at once (default: 32)")
    args = parser.parse_args()
    wrong = run(args.minutes, args.streams)
    sys.stdout.write("\n".join(wrong or ["Nothing is left behind."]) + "\n")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
