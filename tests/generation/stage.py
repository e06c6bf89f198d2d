"""One guarded choice, complete: scripted engine and scorer, the real judge, batcher, transcript and driver."""

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from filters.batcher import Batcher
from filters.judge import Judge
from filters.scorers.scripted import ScriptedScorer
from server.engine.drafting.scripted import ScriptedEngine, Vocabulary, WordDetokenizer, Wordings
from server.generation.guarded import Guarded
from server.generation.observer import Fate, Glanced, Judgement, Outcome, Phase, Result
from server.generation.outlet import Piece
from server.generation.pairs import Pair, Pairs
from server.generation.probe import Probe
from server.generation.services import Services
from server.generation.trace import ChoiceTrace, Trace
from server.generation.tracing import UNTRACED_CHOICE, ChoiceSpans
from server.generation.transcript import Transcript
from server.guard.state import GuardState
from server.policy.policy import Policy
from tests.filters.test_judge import by_capitals

POLICY = Policy(first_stride=2, stride=4, max_stride=4, context=16, hold_back=3)
WORDS = {"idiot": 0.9, "moron": 0.8}


@dataclass
class Recorder:
    """An observer that keeps everything it is told."""

    verdicts: Counter[str] = field(default_factory=Counter)
    prompts: list[tuple[str, ...]] = field(default_factory=list)
    rewinds: list[tuple[str, Outcome]] = field(default_factory=list)
    languages: list[tuple[str, bool]] = field(default_factory=list)
    answers: list[tuple[str, ...]] = field(default_factory=list)
    heard: list[tuple[str, int, int]] = field(default_factory=list)
    results: dict[tuple[Phase, Result], list[float]] = field(default_factory=lambda: defaultdict(list))
    glances: list[Glanced] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    times: dict[str, list[float]] = field(default_factory=dict)

    def span_judged(self, verdict: Judgement, category: str, policy: str, model: str) -> None:
        self.verdicts[verdict] += 1

    def prompt_judged(self, verdict: Judgement, category: str, policy: str, model: str) -> None:
        self.prompts.append((verdict, category, policy, model))

    def glanced(self, outcome: Glanced) -> None:
        self.glances.append(outcome)

    def scores_seen(self, scores: Mapping[str, float]) -> None: ...

    def language_found(self, language: str, *, unread: bool) -> None:
        self.languages.append((language, unread))

    def answered(self, verdict: Judgement, category: str, language: str, policy: str, model: str) -> None:
        self.answers.append((verdict, category, language, policy, model))

    def spans_heard(self, language: str, judged: int, flagged: int) -> None:
        self.heard.append((language, judged, flagged))

    def verdict_took(self, phase: Phase, result: Result, seconds: float) -> None:
        self.results[phase, result].append(seconds)

    def rewound(self, strategy: str, outcome: Outcome) -> None:
        self.rewinds.append((strategy, outcome))

    def request_finished(self, action: str, route: str, policy: str) -> None: ...

    def tokens(self, fate: Fate, count: int) -> None:
        assert count > 0
        self.counts[fate] += count

    def held(self, seconds: float) -> None:
        self.times.setdefault("held", []).append(seconds)

    def first_release(self, seconds: float) -> None:
        self.times.setdefault("first_release", []).append(seconds)

    def first_text_held(self, seconds: float) -> None:
        self.times.setdefault("first_text", []).append(seconds)

    def rewind_took(self, seconds: float) -> None:
        self.times.setdefault("rewind", []).append(seconds)


class PairList(list[Pair]):
    """Takes pairs, and keeps them."""

    def add(self, pair: Pair) -> None:
        self.append(pair)


@dataclass
class Stage:
    vocabulary: Vocabulary
    engine: ScriptedEngine
    scorer: ScriptedScorer
    judge: Judge
    observer: Recorder
    guarded: Guarded
    services: Services

    async def play(self) -> list[Piece]:
        """Every piece until the end."""
        return await drain(self.guarded.pieces())


@asynccontextmanager
async def staged(
    *texts: str,
    policy: Policy = POLICY,
    words: Mapping[str, float] = WORDS,
    whole: bool = False,
    restart_only: bool = False,
    greedy: bool = True,
    retriable: Callable[[], bool] = lambda: False,
    stop: tuple[str, ...] = (),
    max_queue: int = 512,
    deadline_seconds: float = 30.0,
    now: Callable[[], float] = time.monotonic,
    vocabulary: Vocabulary | None = None,
    in_step: bool = False,
    pairs: Pairs | None = None,
    languages: frozenset[str] | None = None,
    probe: Probe | None = None,
    spans: ChoiceSpans = UNTRACED_CHOICE,
    trace: Trace | None = None,
    **engine_options: Any,
) -> AsyncIterator[Stage]:
    """A stage on which the engine writes the first text, or another one where tokens are banned.

    `languages` are those that the scorer reads, as `by_capitals` tells them apart. `in_step`: the engine waits for
    every verdict. At the end no task of the choice may be left.
    """
    vocabulary = vocabulary or Vocabulary()

    async def judged() -> None:
        await until(lambda: idle(guarded))

    if in_step:
        engine_options["gate"] = judged
    engine = ScriptedEngine(Wordings(*map(vocabulary.encode, texts)), **engine_options)
    scorer, observer = ScriptedScorer(words, languages=languages), Recorder()
    batcher = Batcher(scorer, max_queue=max_queue, deadline_seconds=deadline_seconds)
    services = Services(
        Judge(batcher, find=by_capitals), observer, "scripted", vocabulary.encode, now, pairs, probe=probe
    )
    transcript = Transcript(lambda: WordDetokenizer(vocabulary, stop))
    start = GuardState(whole=whole, restart_only=restart_only, maskable=not restart_only)
    guarded = Guarded(
        engine,
        transcript,
        policy,
        services,
        start=start,
        greedy=greedy,
        retriable=retriable,
        spans=spans,
        trace=ChoiceTrace(trace, 0, transcript.spelled),
    )
    before = asyncio.all_tasks()
    await batcher.start()
    try:
        yield Stage(vocabulary, engine, scorer, services.judge, observer, guarded, services)
    finally:
        scorer.release()
        if policy.mode == "enforce":
            assert asyncio.all_tasks() <= before, "tasks were left behind"
        await batcher.aclose()
        await until(lambda: asyncio.all_tasks() <= before)
    assert engine.running == 0


def idle(guarded: Guarded) -> bool:
    """Whether no verdict is awaited: nothing that was drafted so far is with the scorer."""
    return guarded._state.in_flight is None


async def drain(pieces: AsyncGenerator[Piece, None]) -> list[Piece]:
    async with aclosing(pieces) as following:
        return [piece async for piece in following]


async def until(condition: Callable[[], bool]) -> None:
    """Give everybody turns until it is so; TimeoutError if that takes seconds."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110  some of what is waited for happens in the scorer's thread
            await asyncio.sleep(0)


def text_of(pieces: list[Piece]) -> str:
    return "".join(piece.text for piece in pieces)


def tokens_of(pieces: list[Piece]) -> list[int]:
    return [token for piece in pieces for token in piece.tokens]


def ending_of(pieces: list[Piece]) -> str | None:
    assert all(piece.finish_reason is None for piece in pieces[:-1])
    return pieces[-1].finish_reason


def policy(**keys: Any) -> Policy:
    """The stage's policy with other keys."""
    return Policy.model_validate(POLICY.model_dump() | keys)
