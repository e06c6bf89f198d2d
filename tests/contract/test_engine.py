"""What every engine keeps, whoever writes the tokens: the port of `Engine` in server/generation/draft.py.

A rig gives the suite an engine whose text, left alone, is longer than `LIMIT` tokens. To put another engine through it,
write a rig and add it to `RIGS`.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import aclosing
from typing import Any, Protocol

import pytest

from server.engine.drafting.scripted import ScriptedEngine, Vocabulary, Wordings
from server.generation.draft import Attempt, Draft, Engine

LIMIT = 24


class Rig(Protocol):
    """An engine under test, and where it runs."""

    def engine(self, max_tokens: int) -> Engine:
        """An engine for one request; every call draws the same text, if nothing is banned."""

    async def idle(self) -> None:
        """Wait until the engine works on no request; fails if it goes on."""

    def run(self, scenario: Coroutine[Any, Any, None]) -> None:
        """Run a scenario where the engine can be used."""


class ScriptedRig:
    """The deterministic engine, which drafts in `size` tokens."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._engines: list[ScriptedEngine] = []

    def engine(self, max_tokens: int) -> Engine:
        vocabulary = Vocabulary()
        texts = (" ".join(f"{word}{number}" for number in range(LIMIT)) for word in ("fox", "hen", "owl"))
        wordings = Wordings(*map(vocabulary.encode, texts))
        self._engines.append(ScriptedEngine(wordings, max_tokens=max_tokens, sizes=lambda: self._size))
        return self._engines[-1]

    async def idle(self) -> None:
        assert [engine.running for engine in self._engines] == [0] * len(self._engines)

    def run(self, scenario: Coroutine[Any, Any, None]) -> None:
        asyncio.run(scenario)


RIGS: dict[str, Callable[[], Rig]] = {
    "scripted": lambda: ScriptedRig(1),
    "scripted in threes": lambda: ScriptedRig(3),
    "scripted at once": lambda: ScriptedRig(1000),
}


@pytest.fixture(params=RIGS)
def rig(request: pytest.FixtureRequest) -> Rig:
    return RIGS[request.param]()


async def _all(engine: Engine, attempt: Attempt) -> list[Draft]:
    """Every draft of an attempt, after which the engine is closed: what it can be asked for again is its own affair."""
    async with aclosing(engine), aclosing(engine.draft(attempt)) as drafts:
        return [draft async for draft in drafts]


async def _text(engine: Engine, attempt: Attempt) -> list[int]:
    return [token for draft in await _all(engine, attempt) for token in draft.tokens]


FIRST = Attempt(0, (), frozenset())


def test_drafts_are_deltas_and_the_reason_comes_once_at_the_end(rig: Rig) -> None:
    async def scenario() -> None:
        drafts = await _all(rig.engine(LIMIT), FIRST)
        assert sum(len(draft.tokens) for draft in drafts) == LIMIT
        assert [draft.finish_reason for draft in drafts] == [None] * (len(drafts) - 1) + ["length"]
        await rig.idle()

    rig.run(scenario())


def test_logprobs_come_one_a_token_or_not_at_all(rig: Rig) -> None:
    async def scenario() -> None:
        for draft in await _all(rig.engine(LIMIT), FIRST):
            assert not draft.logprobs or len(draft.logprobs) == len(draft.tokens)

    rig.run(scenario())


@pytest.mark.parametrize("kept", [1, 5, LIMIT - 1])
def test_kept_tokens_are_not_drafted_again_and_count_for_the_limit(rig: Rig, kept: int) -> None:
    async def scenario() -> None:
        text = await _text(rig.engine(LIMIT), FIRST)
        rest = await _text(rig.engine(LIMIT), Attempt(1, text[:kept], frozenset(), retry=1))
        assert len(rest) == LIMIT - kept

    rig.run(scenario())


def test_nothing_is_drafted_when_the_limit_is_used_up(rig: Rig) -> None:
    async def scenario() -> None:
        text = await _text(rig.engine(LIMIT), FIRST)
        for kept in (text, [*text, *text[:3]]):  # a mask may take more tokens than were left
            drafts = await _all(rig.engine(LIMIT), Attempt(1, kept, frozenset()))
            assert [(list(draft.tokens), draft.finish_reason) for draft in drafts] == [([], "length")]

    rig.run(scenario())


@pytest.mark.parametrize("kept", [0, 4, LIMIT - 1])
def test_a_banned_token_is_not_drawn_first(rig: Rig, kept: int) -> None:
    async def scenario() -> None:
        text = await _text(rig.engine(LIMIT), FIRST)
        banned: set[int] = set()
        for number in range(2):
            drawn = await _text(rig.engine(LIMIT), Attempt(number, text[:kept], frozenset(banned)))
            assert drawn, "something else could have been drawn"
            assert drawn[0] not in banned
            assert len(drawn) <= LIMIT - kept
            banned.add(drawn[0])

    rig.run(scenario())


def test_a_ban_holds_at_the_first_position_only(rig: Rig) -> None:
    async def scenario() -> None:
        text = await _text(rig.engine(LIMIT), FIRST)
        later = frozenset(text[4:]) - {text[3]}
        assert await _text(rig.engine(LIMIT), Attempt(0, text[:3], later)) == text[3:]

    rig.run(scenario())


def test_closing_draft_and_engine_early_aborts_the_request(rig: Rig) -> None:
    async def scenario() -> None:
        engine = rig.engine(LIMIT)
        drafts = engine.draft(FIRST)
        await anext(drafts)
        await drafts.aclose()
        await engine.aclose()
        await rig.idle()

    rig.run(scenario())


def test_cancelling_whoever_reads_aborts_the_request(rig: Rig) -> None:
    async def scenario() -> None:
        engine, begun = rig.engine(LIMIT), asyncio.Event()

        async def read() -> None:
            async with aclosing(engine), aclosing(engine.draft(FIRST)) as drafts:
                async for _ in drafts:
                    begun.set()
                    await asyncio.Event().wait()

        reader = asyncio.create_task(read())
        await begun.wait()
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)
        await rig.idle()

    rig.run(scenario())


def test_one_engine_may_draft_again_while_the_last_attempt_is_being_closed(rig: Rig) -> None:
    async def scenario() -> None:
        engine = rig.engine(LIMIT)
        first = engine.draft(FIRST)
        begun = list((await anext(first)).tokens)
        second = asyncio.create_task(_text(engine, Attempt(1, begun[:1], frozenset(), retry=1)))
        await first.aclose()
        assert len(await second) == LIMIT - 1
        await rig.idle()

    rig.run(scenario())
