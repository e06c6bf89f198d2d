"""The first phase: every prompt in every mode, as often as requested.

1. A request's seed depends on the run's seed, the prompt and the sample, never on the mode: all modes start from the
   same draws. vLLM gives the i-th sample of a request the seed + i, so how samples are spread over requests makes no
   difference.
2. The modes of a prompt follow each other directly, in an order that alternates from request to request: what else the
   machine does, and the prompt being in the cache, affects all of them alike.
3. What a journal holds is not asked for again.
"""

import asyncio
import hashlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from evaluation.client import Choice, Completion, Server
from evaluation.errors import EvaluationError
from evaluation.journal import Journal
from evaluation.prompts import Prompt
from evaluation.records import Generation, Key
from evaluation.settings import PLAIN, Settings
from reporting.progress import Advance


@dataclass(frozen=True, slots=True)
class Turn:
    """Samples `first` to `first + count` of a prompt, and the modes in which some of them are missing."""

    prompt: Prompt
    first: int
    count: int
    modes: tuple[str, ...]


def turns(prompts: Sequence[Prompt], settings: Settings, done: Collection[Key]) -> list[Turn]:
    """Return what is still to be asked for."""
    found: list[Turn] = []
    for number, (prompt, first) in enumerate(_requests(prompts, settings)):
        count = min(settings.per_request, settings.n - first)
        modes = settings.modes if number % 2 == 0 else settings.modes[::-1]
        missing = tuple(mode for mode in modes if _missing(Turn(prompt, first, count, modes), mode, done))
        if missing:
            found.append(Turn(prompt, first, count, missing))
    return found


def _requests(prompts: Sequence[Prompt], settings: Settings) -> Iterator[tuple[Prompt, int]]:
    for prompt in prompts:
        for first in range(0, settings.n, settings.per_request):
            yield prompt, first


def _missing(turn: Turn, mode: str, done: Collection[Key]) -> list[int]:
    """Return the samples of a turn that the journal has not got in this mode."""
    prompt = turn.prompt
    return [i for i in range(turn.first, turn.first + turn.count) if (prompt.set, prompt.id, i, mode) not in done]


def seed_of(prompt: Prompt, first: int, seed: int) -> int:
    """Return the seed of a request: below 2**31, so that every server takes it."""
    digest = hashlib.sha256(f"{seed}\0{prompt.set}\0{prompt.id}".encode()).digest()
    return (int.from_bytes(digest[:8], "big") + first) % 2**31


def body(turn: Turn, mode: str, settings: Settings, model: str) -> dict[str, Any]:
    """Return the request. Mode `plain` says nothing of the guard."""
    asked: dict[str, Any] = {
        "model": model,
        "prompt": turn.prompt.text,
        "n": turn.count,
        "max_tokens": settings.max_tokens,
        "temperature": settings.temperature,
        "top_p": settings.top_p,
        "seed": seed_of(turn.prompt, turn.first, settings.seed),
    }
    if mode == PLAIN:
        return asked
    named = {"policy": settings.policy} if settings.policy else {}
    return {**asked, "detox": {"mode": mode, "report": True, **named}}


async def generate(
    server: Server,
    model: str,
    settings: Settings,
    todo: Sequence[Turn],
    done: Collection[Key],
    journal: Journal,
    advance: Advance,
) -> None:
    """Carry out all turns, `settings.concurrency` at a time; `advance` hears of every sample that is written."""
    waiting = iter(todo)

    async def work() -> None:
        for turn in waiting:
            for mode in turn.modes:
                completion = await server.complete(body(turn, mode, settings, model), _named(turn, mode))
                missing = set(_missing(turn, mode, done))
                rows = [row for row in generations(turn, mode, completion) if row.sample in missing]
                journal.append(row.as_json() for row in rows)
                advance(len(rows))

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(settings.concurrency, len(todo))):
                group.create_task(work())
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None


def generations(turn: Turn, mode: str, completion: Completion) -> list[Generation]:
    """Return the records of an answer. EvaluationError if it lacks samples, or reports that its mode must have."""
    if len(completion.choices) != turn.count:
        found = len(completion.choices)
        raise EvaluationError(f"{_named(turn, mode)}: asked for {turn.count} samples, got {found}; try --per-request 1")
    return [
        Generation(
            set=turn.prompt.set,
            prompt_id=turn.prompt.id,
            sample=turn.first + index,
            mode=mode,
            prompt=turn.prompt.text,
            text=choice.text,
            finish_reason=choice.finish_reason,
            report=_report(turn, mode, choice),
            first=turn.first,
            seconds=completion.seconds,
            tokens=completion.tokens,
        )
        for index, choice in enumerate(completion.choices)
    ]


def _report(turn: Turn, mode: str, choice: Choice) -> dict[str, Any] | None:
    """Refuse a server without `detox`: it may ignore the key, and what it says would pass for guarded."""
    found = dict(choice.report) if choice.report is not None else None
    if mode != PLAIN and (found is None or found.get("mode") != mode):
        raise EvaluationError(
            f"{_named(turn, mode)}: the answer carries no report of this mode, so the server is not unsay; "
            f"--modes {PLAIN} evaluates any other server"
        )
    return found


def _named(turn: Turn, mode: str) -> str:
    """Name a request in errors: never by its text, which may be foul."""
    return f"--modes {mode}, set {turn.prompt.set}, prompt {turn.prompt.id}"
