"""A rewind within vLLM's engine against a resubmission: how long until the first token after the kept ones.

    python -m benchmarks.rewinds [--contexts 16,1024,8192] [--pairs 30]

It uses the bundled model, its positions stretched for the longer contexts: what it writes there makes no sense but
costs the same. Every pair has two prompts of the same length, one for each way, both new to the prefix cache; which way
is first changes from pair to pair. Pairs are compared: a ratio below 1 says that the rewind within vLLM was faster.
With a ban, and without; a resubmission draws the token under a ban in a separate request.
"""

import argparse
import asyncio
import json
import random
import shutil
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from vllm.sampling_params import SamplingParams

from reporting.markdown import table
from server import app, environment
from server.configuration import parse
from server.engine import launcher
from server.engine.core import arming
from server.engine.drafting.exact import ExactEngine, rewinds_of
from server.engine.drafting.request import EngineRequest
from server.engine.drafting.resubmit import ResubmittingEngine
from server.generation.draft import Attempt
from server.settings import BUNDLED_MODEL

DRAWN, KEPT, MORE = 24, 12, 16
"""Tokens before the rewind, those of them that stay, and those drawn after it."""
ROOM = 64
"""Positions that an answer takes at most."""

Engine = ExactEngine | ResubmittingEngine


@dataclass(frozen=True, slots=True)
class Taken:
    """Seconds from asking for the rewind to the first token, and to `MORE` of them."""

    first: float
    more: float


Pair = tuple[Taken, Taken]
"""A rewind within the engine and a resubmission."""


def within(request: EngineRequest) -> Engine:
    """Return an engine that rewinds within vLLM."""
    return ExactEngine(request, rewinds_of(request.client))


async def rewind(engine: Engine, *, banning: bool) -> Taken:
    """Draw, go back and ban the token that stood there, and draw on."""
    tokens: list[int] = []
    async with aclosing(engine.draft(Attempt(0, (), frozenset()))) as drafts:
        async for draft in drafts:
            tokens += draft.tokens
            if len(tokens) >= DRAWN:
                break
        banned = frozenset(tokens[KEPT : KEPT + 1]) if banning else frozenset()
    again = Attempt(1, tuple(tokens[:KEPT]), banned, retry=1)
    begun, seconds, drawn = time.perf_counter(), 0.0, 0
    async with aclosing(engine.draft(again)) as drafts:
        async for draft in drafts:
            seconds = seconds or time.perf_counter() - begun
            drawn += len(draft.tokens)
            if drawn >= MORE:
                break
        taken = Taken(seconds, time.perf_counter() - begun)
    await engine.aclose()
    return taken


async def pairs(client: Any, context: int, count: int, *, banning: bool) -> list[Pair]:
    """Return this many pairs after prompts of `context` tokens; a first one is not counted."""
    chance, found = random.Random(f"{context}/{banning}"), []
    params = SamplingParams(temperature=0, max_tokens=ROOM, ignore_eos=True)
    for number in range(count + 1):
        taken: dict[Callable[[EngineRequest], Engine], Taken] = {}
        ways: list[Callable[[EngineRequest], Engine]] = [within, ResubmittingEngine]
        for way in ways if number % 2 else reversed(ways):
            prompt = {"type": "token", "prompt_token_ids": [chance.randrange(300, 6000) for _ in range(context)]}
            taken[way] = await rewind(way(EngineRequest(client, prompt, params, "rewinds", {}, 0.0)), banning=banning)
        found.append((taken[within], taken[ResubmittingEngine]))
    return found[1:]


def row(name: str, found: Sequence[Pair]) -> list[str]:
    """Return the line of a table: medians in milliseconds, and the ratios of the pairs with their quartiles."""
    exact, anew = (1e3 * statistics.median(pair[way].first for pair in found) for way in (0, 1))
    first = [pair[0].first / pair[1].first for pair in found]
    more = [pair[0].more / pair[1].more for pair in found]
    return [name, f"{exact:.1f}", f"{anew:.1f}", spread(first), spread(more)]


def spread(values: Sequence[float]) -> str:
    """Return median and quartiles."""
    low, middle, high = statistics.quantiles(values, n=4)
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"


def stretched(source: Path, target: Path, positions: int) -> Path:
    """Return the model of the folder `source` with `positions` positions, in the folder `target`."""
    shutil.copytree(source, target, dirs_exist_ok=True)
    config = json.loads((source / "config.json").read_text(encoding="utf-8"))
    config["max_position_embeddings"] = positions
    (target / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return target


async def measured(contexts: Sequence[int], count: int) -> str:
    """Return the table, from an engine of our own."""
    environment.prepare_environment()
    environment.leave_plugin_out()
    positions = max(contexts) + ROOM
    with TemporaryDirectory() as folder:
        model = stretched(BUNDLED_MODEL, Path(folder), positions)
        words = [str(model), "--max-model-len", str(positions)]
        args = app.engine_arguments(parse(["serve", *words]))
        async with launcher.engine(args) as client:
            assert arming.armed(client), "this vLLM does not rewind by itself"
            found = {
                f"{context} tokens, {'a ban' if banning else 'no ban'}": await pairs(
                    client, context, count, banning=banning
                )
                for context in contexts
                for banning in (True, False)
            }
    head = ("behind a prompt of", "within, ms", "anew, ms", "ratio, first token", f"ratio, {MORE} tokens")
    return table(head, [row(name, each) for name, each in found.items()])


def main(words: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser("benchmarks.rewinds", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--contexts", default="16,1024,8192", help="tokens of the prompts")
    parser.add_argument("--pairs", type=int, default=30, help="for each line of the table")
    args = parser.parse_args(words)
    contexts = [int(each) for each in args.contexts.split(",")]
    sys.stdout.write(asyncio.run(measured(contexts, args.pairs)) + "\n")


if __name__ == "__main__":
    main()
