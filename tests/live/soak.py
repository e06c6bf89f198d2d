"""Many mixed requests at once, some of which leave: `python -m tests.live.soak 2000` for longer than the tests take.

Half of them stream; some have penalties, seeds, several choices or a schema; every third leaves at a random moment.
"""

import asyncio
import random
import sys
from dataclasses import dataclass
from typing import Any

import httpx

from tests.live.answers import told
from tests.live.wire import JSON, PATHS, asking

FLAGGED = ("of", "th", "an")
AT_ONCE = 48
SHAPES: tuple[JSON, ...] = (
    {},
    {"seed": 7},
    {"presence_penalty": 1.0, "frequency_penalty": 0.5},
    {"n": 2, "temperature": 1},
    {"structured_outputs": {"regex": "[a-z ]{20,60}"}},
    {"min_tokens": 20, "bad_words": ["town", "the city"]},
)


@dataclass
class Ended:
    """What became of the requests."""

    answered: int = 0
    left: int = 0
    rewinds: int = 0


async def soak(base: str, model: str, count: int, seed: int = 1) -> Ended:
    """Ask so many requests, `AT_ONCE` at a time; raises if one is answered wrongly or not at all."""
    chance, ended, places = random.Random(seed), Ended(), asyncio.Semaphore(AT_ONCE)
    limits = httpx.Limits(max_connections=None)

    async def one(web: httpx.AsyncClient, number: int, patience: float) -> None:
        async with places:
            await _ask(web, _body(model, number), patience if number % 3 == 0 else None, ended)

    async with httpx.AsyncClient(base_url=base, timeout=110, limits=limits) as web:
        await asyncio.gather(*(one(web, number, chance.uniform(0.0, 1.0)) for number in range(count)))
    return ended


def _body(model: str, number: int) -> JSON:
    more: JSON = {"stream": number % 2 == 0, "detox": {"policy": "patient"}, **SHAPES[number % len(SHAPES)]}
    if more["stream"]:
        more["stream_options"] = {"include_usage": True}
    return asking("completions", model, f"{number}. The history of the town", tokens=40, **more)


async def _ask(web: httpx.AsyncClient, body: JSON, patience: float | None, ended: Ended) -> None:
    try:
        async with asyncio.timeout(patience):
            answer = await web.post(PATHS["completions"], json=body)
    except TimeoutError:
        ended.left += 1
        return
    said = told("completions", answer)
    assert not any(word in text.lower() for text in said.texts for word in FLAGGED), said
    ended.answered += 1
    ended.rewinds += sum(report["rewinds"] for report in said.reports)


def main(count: int) -> None:
    """Soak servers of our own."""
    from filters.scorers.detoxify import DetoxifyScorer
    from tests.filters.scorers.bundled import BUNDLED_CLASSIFIER
    from tests.journeys.test_failures import quiet, until
    from tests.live.scorer import SwitchableScorer
    from tests.live.servers import serving

    with serving(SwitchableScorer(DetoxifyScorer.load(str(BUNDLED_CLASSIFIER)))) as servers:
        with servers.scorer.flagging(*FLAGGED):
            ended = asyncio.run(soak(servers.guarded, servers.model, count))
            until(lambda: quiet(servers))
        whole: Any = servers.run(servers.engine.reset_prefix_cache())
    sys.stdout.write(f"{ended}, every block of the cache is free: {whole}\n")


if __name__ == "__main__":
    main(int(sys.argv[1]))
