"""vLLM's own OpenAI server, guarded, over the scripted engine: in this process, with no socket and no model between."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from prometheus_client import CollectorRegistry
from vllm.engine.arg_utils import EngineArgs

from filters.category import Category
from filters.judge import Judge
from filters.scorer import ScorerUnavailable, Scores
from server import app as wiring
from server import composition, environment
from server.configuration import parse
from server.engine.core import arming
from server.engine.scripted_client import ScriptedClient
from server.policy.policy import DEFAULT_THRESHOLDS
from server.telemetry.metrics import Metrics
from tests.fuzz import flagged_in
from tests.fuzz.case import ROUTES, Case
from tests.live.policies import catalog
from tests.live.reading import read_until, scope
from tests.live.servers import FLAGS

PATIENCE_SECONDS = 20
"""After which whatever is still there was left behind: far more than the slowest pass of a scorer takes."""


class HostileScorer:
    """Always right about what is flagged; else what `kind` says: late, flipping, crashing."""

    name = "hostile"
    categories: tuple[Category, ...] = tuple(DEFAULT_THRESHOLDS)

    def __init__(self) -> None:
        self.kind = "honest"
        self.chance = random.Random(0)

    def score(self, texts: Sequence[str]) -> list[Scores]:
        if self.kind == "crashing" and self.chance.random() < 0.2:
            raise ScorerUnavailable("error")
        if self.kind == "late":
            time.sleep(self.chance.random() * 0.002)
        return [dict.fromkeys(self.categories, self._score(text)) for text in texts]

    def ready(self) -> bool:
        return True

    def _score(self, text: str) -> float:
        # A single word keeps its verdict: that of a word which began in the prompt is held against its beginning.
        flips = self.kind == "flipping" and " " in text and self.chance.random() < 0.15
        return 0.95 if flips or flagged_in(text) else 0.0


@dataclass(frozen=True)
class Answer:
    """What came back, in bytes, and what went wrong around it."""

    status: int
    head: bytes
    body: bytes
    trouble: str | None = None


@dataclass
class Arena:
    """Two servers over one scripted engine each: one rewinds within it, one submits anew."""

    apps: dict[bool, Any]
    engines: dict[bool, ScriptedClient]
    scorer: HostileScorer
    judge: Judge

    @property
    def tokenizer(self) -> Any:
        return self.engines[True].renderer.tokenizer

    async def play(self, case: Case, **changed: Any) -> Answer:
        """The answer to a case, its body changed, and whether anything was left behind by it."""
        engine = self.engines[case.exact]
        engine.script, engine.sizes = case.writer, lambda: case.sizes.choice((1, 1, 1, 2, 5))
        await self._recovered()
        self.scorer.kind, self.scorer.chance = case.scorer, random.Random(case.number)
        before = asyncio.all_tasks()
        messages, trouble = await self._asked(case, case.body | changed)
        if not await self._idle(engine, before):
            trouble = trouble or f"left behind: {engine.running} requests, {len(asyncio.all_tasks() - before)} tasks"
        head: dict[str, Any] = messages[0] if messages else {"status": 0, "headers": []}
        fields = b"\n".join(b": ".join(field) for field in head["headers"])
        body = b"".join(message.get("body", b"") for message in messages[1:])
        return Answer(head["status"], fields, body, trouble)

    async def _recovered(self) -> None:
        """Wait until the passes of the last case are over, and the server serves again if one of them crashed.

        Passes are made in order: once one has gone well, none of a case before it can fail any more.
        """
        self.scorer.kind = "honest"
        while True:
            try:
                await self.judge.scores(["All is well."])
            except ScorerUnavailable:
                await asyncio.sleep(0)
            else:
                if self.judge.available():
                    return

    async def _idle(self, engine: ScriptedClient, before: set[asyncio.Task[Any]]) -> bool:
        until = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < until:
            if engine.running == 0 and asyncio.all_tasks() <= before:
                return True
            await asyncio.sleep(0)
        return False

    async def _asked(self, case: Case, body: Any) -> tuple[list[Any], str | None]:
        messages: list[Any] = []

        def left() -> bool:
            return case.leaves_after is not None and len(messages) >= case.leaves_after

        try:
            await read_until(self.apps[case.exact], scope(ROUTES[case.route]), body, messages, left)
        except Exception as error:
            return messages, None if left() else f"{type(error).__name__}: {error}"
        return messages, None


@asynccontextmanager
async def arena() -> AsyncIterator[Arena]:
    """Both servers, up; a second or two."""
    start = parse(["serve", "mini", "--screen", "none", "--reasoning-parser", "granite", *FLAGS])
    environment.prepare_environment()
    args = wiring.engine_arguments(start)
    metrics, scorer = Metrics(CollectorRegistry()), HostileScorer()
    async with wiring.judging(scorer, start.settings, metrics) as judge:
        apps: dict[bool, Any] = {}
        engines: dict[bool, ScriptedClient] = {}
        for exact in (True, False):
            config = EngineArgs.from_cli_args(args).create_engine_config()
            if exact:
                arming.arm(config)
            engines[exact] = ScriptedClient(config, lambda prompt, drawn, seed: (0,))
            apps[exact] = await composition.guarded_application(engines[exact], args, judge, catalog(), metrics)
        yield Arena(apps, engines, scorer, judge)
