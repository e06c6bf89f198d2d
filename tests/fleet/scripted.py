"""A guarded replica without a model: vLLM's application over the scripted engine, which writes until it is let go."""

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry

from filters.scorers.scripted import ScriptedScorer
from server import app, composition, environment
from server.configuration import parse
from server.policy import catalog
from server.telemetry.metrics import Metrics

WORDS = ("serve", "mini", "--screen", "none", "--dtype", "float32", "--max-model-len", "1024")
FLAGGED, INSTEAD, AFTER = "river", "forest", 12
"""What is written as the word of this number, and what in its place once it has been taken back."""
SLOW_SECONDS = 0.004


class Writer:
    """A script of the scripted engine: plain words, one flagged one; slow until the file `gate` is there."""

    def __init__(self, tokenizer: Any, gate: Path) -> None:
        self._plain, self.flagged, self._instead = (
            tokenizer.encode(f" {word}", add_special_tokens=False)[0] for word in ("and", FLAGGED, INSTEAD)
        )
        self._gate = gate

    def __call__(self, prompt: Sequence[int], drawn: Sequence[int], seed: int | None) -> Sequence[int]:
        if not self._gate.exists():
            time.sleep(SLOW_SECONDS)
        return (self.flagged, self._instead) if len(drawn) == AFTER else (self._plain, self._instead)


@asynccontextmanager
async def serving(gate: str) -> AsyncIterator[Any]:
    """Provide the application, up."""
    environment.prepare_environment()
    from vllm.engine.arg_utils import EngineArgs

    from server.engine.core import arming
    from server.engine.scripted_client import ScriptedClient

    start, metrics = parse(WORDS), Metrics(CollectorRegistry())
    args = app.engine_arguments(start)
    config = EngineArgs.from_cli_args(args).create_engine_config()
    arming.arm(config)
    engine = ScriptedClient(config, lambda *asked: (0,))
    engine.script = Writer(engine.renderer.tokenizer, Path(gate))
    flagged = engine.renderer.tokenizer.decode(engine.script.flagged)
    async with app.judging(ScriptedScorer({flagged: 0.95}), start.settings, metrics) as judge:
        yield await composition.guarded_application(engine, args, judge, catalog.builtin(), metrics)
