"""A whole guarded server over a scripted engine that tells vLLM's own metrics what it does, and a plain one beside it.

`python -m tests.dashboards.served PLAIN_PORT [words of unsay serve]`: the plain server is an upstream for others.
"""

import argparse
import asyncio
import random
import sys
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
import uvloop
from vllm.config import VllmConfig
from vllm.engine.arg_utils import EngineArgs
from vllm.v1.metrics.loggers import PrometheusStatLogger
from vllm.v1.metrics.stats import IterationStats, PrefixCacheStats, SchedulerStats

from server import app, plugin
from server.configuration import parse
from server.engine import launcher
from server.engine.core import arming
from server.engine.scripted_client import ScriptedClient
from server.telemetry.metrics import Metrics

WORDS = " garden old the was town church and in green quiet a of river they by mill bread stone morning went".split()
BLOCKS = 64
"""In all of the KV cache, if there were one: each request takes one of them."""


class Publishing(ScriptedClient):
    """A scripted engine that tells vLLM's own metrics of its steps as vLLM's engine does of its."""

    def __init__(self, config: VllmConfig) -> None:
        super().__init__(config, lambda *asked: (0,))
        encode = self.renderer.tokenizer.encode
        self._words = [encode(f" {word}", add_special_tokens=False)[0] for word in WORDS]
        self.script = self._ranked_words
        self._told = PrometheusStatLogger(config)

    def _ranked_words(self, prompt: Sequence[int], drawn: Sequence[int], seed: int | None) -> Sequence[int]:
        return random.Random(f"{seed} {len(prompt)} {list(drawn)[-2:]} {len(drawn)}").sample(self._words, 8)

    async def generate(self, prompt: Any, *args: Any, **options: Any) -> AsyncGenerator[Any, None]:
        began, known = time.monotonic(), len(prompt["prompt_token_ids"])
        async for output in super().generate(prompt, *args, **options):
            step = IterationStats()
            step.num_generation_tokens = sum(len(made.token_ids) for made in output.outputs)
            if began:
                step.time_to_first_tokens_iter.append(time.monotonic() - began)
                step.prompt_token_stats.total = known
            cache = PrefixCacheStats(requests=1, queries=known, hits=known // 2) if began else PrefixCacheStats()
            self._tell(step, cache)
            began = 0.0
            yield output
        self._tell(IterationStats(), PrefixCacheStats())

    def _tell(self, step: IterationStats, cache: PrefixCacheStats) -> None:
        used = self.running / BLOCKS
        now = SchedulerStats(num_running_reqs=self.running, kv_cache_usage=used, prefix_cache_stats=cache)
        self._told.record(now, step)


def engine(port: int) -> launcher.Engines:
    """Provides a guarded engine, while plain vLLM is served over the one behind it at a port of this machine."""

    @asynccontextmanager
    async def guarding(args: argparse.Namespace) -> AsyncIterator[Any]:
        guard_started = app.prepare(args.additional_config, metrics=Metrics())
        config = EngineArgs.from_cli_args(args).create_engine_config()
        arming.arm(config)
        inner = Publishing(config)
        plain = await launcher.application(inner, args)
        server = uvicorn.Server(uvicorn.Config(plain, port=port, log_level="warning", lifespan="off"))
        serving = asyncio.create_task(server._serve())  # without its own handlers of signals
        yield guard_started(inner)
        server.should_exit = True
        await serving

    return guarding


def main(words: Sequence[str]) -> None:
    """Serve until told to stop."""
    start = parse(["serve", "mini", "--enable-scale-out", *words[1:]])
    plugin.prepare_process(start.settings.log_format)
    args = app.engine_arguments(start)
    address, sock = launcher.bind(args)
    uvloop.run(launcher.serve(address, sock, args, engine=engine(int(words[0]))))


if __name__ == "__main__":
    main(sys.argv[1:])
