"""Candidates drafted at once. The stages are gated, so that who comes first is said and not left to chance."""

import asyncio
import math
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import pytest

from server.generation.draft import Attempt, Draft
from server.generation.race import Race

ENOUGH = 2


class _Lanes:
    """An engine that gives candidate k the drafts of lane k; a lane waits for its gate before each."""

    def __init__(self, *lanes: Sequence[Draft | Exception]) -> None:
        self._lanes = lanes
        self.gates = [asyncio.Event() for _ in lanes]
        self.closed: list[int] = []

    async def draft(self, attempt: Attempt) -> AsyncGenerator[Draft, None]:
        try:
            for draft in self._lanes[attempt.candidate]:
                await self.gates[attempt.candidate].wait()
                if isinstance(draft, Exception):
                    raise draft
                yield draft
        finally:
            self.closed.append(attempt.candidate)

    def open(self, *lanes: int) -> None:
        for lane in lanes:
            self.gates[lane].set()


def _attempts(width: int) -> list[Attempt]:
    return [Attempt(1, (), frozenset(), candidate=at) for at in range(width)]


def _lane(first: int, *, end: str | None = "stop") -> list[Draft | Exception]:
    return [Draft([first]), Draft([first + 1]), Draft([first + 2], finish_reason=end)]


async def _first_token_is_the_excess(drafts: Sequence[Draft]) -> float:
    """Tokens from 50 on are beyond what is allowed."""
    return drafts[0].tokens[0] - 50.0


def _race(engine: _Lanes, width: int) -> Race:
    return Race(engine, _attempts(width), ENOUGH, _first_token_is_the_excess)


async def _tokens(race: Race) -> list[int]:
    async with aclosing(race.drafts()) as drafts:
        return [token async for draft in drafts for token in draft.tokens]


async def test_the_first_clean_candidate_goes_on_and_the_others_are_closed() -> None:
    engine = _Lanes(_lane(60), _lane(10), _lane(20))
    race = _race(engine, 3)
    engine.open(0, 1)
    assert await _tokens(race) == [10, 11, 12]
    assert race.lost == ENOUGH
    assert sorted(engine.closed) == [0, 1, 2]


async def test_if_none_is_clean_the_least_bad_goes_on() -> None:
    engine = _Lanes(_lane(70), _lane(55), _lane(90))
    race = _race(engine, 3)
    engine.open(0, 1, 2)
    assert await _tokens(race) == [55, 56, 57]
    assert race.lost == 2 * ENOUGH


async def test_who_was_faster_does_not_matter() -> None:
    engine = _Lanes(_lane(10), _lane(20))
    race = asyncio.create_task(_tokens(_race(engine, 2)))
    engine.open(1)
    for _ in range(20):
        await asyncio.sleep(0)
    engine.open(0)
    assert await race == [10, 11, 12]


async def test_as_many_tokens_are_measured_however_many_come_at_once() -> None:
    measured: list[list[int]] = []

    async def note(drafts: Sequence[Draft]) -> float:
        measured.append([token for draft in drafts for token in draft.tokens])
        assert all(draft.finish_reason is None for draft in drafts)
        return -1.0

    engine = _Lanes([Draft([1]), Draft([2, 3, 4], finish_reason="stop")], [Draft([5, 6, 7]), Draft([8], None, "stop")])
    engine.open(0, 1)
    assert await _tokens(Race(engine, _attempts(2), ENOUGH, note)) == [1, 2, 3, 4]
    assert measured == [[1, 2], [5, 6]]


async def test_a_candidate_that_cannot_be_measured_loses_to_one_that_can() -> None:
    async def worthless(drafts: Sequence[Draft]) -> float:
        return math.inf if drafts[0].tokens[0] == 10 else 5.0

    engine = _Lanes(_lane(10), _lane(80))
    engine.open(0, 1)
    assert await _tokens(Race(engine, _attempts(2), ENOUGH, worthless)) == [80, 81, 82]


async def test_a_candidate_that_fails_leaves_the_race_to_the_others() -> None:
    engine = _Lanes([RuntimeError("lost")], _lane(70))
    engine.open(0, 1)
    assert await _tokens(_race(engine, 2)) == [70, 71, 72]


async def test_if_every_candidate_fails_the_failure_is_raised() -> None:
    engine = _Lanes([RuntimeError("lost")], [RuntimeError("lost")])
    engine.open(0, 1)
    with pytest.raises(RuntimeError, match="lost"):
        await _tokens(_race(engine, 2))
    assert sorted(engine.closed) == [0, 1]


async def test_a_single_candidate_comes_draft_by_draft_and_is_not_measured() -> None:
    async def unwanted(drafts: Sequence[Draft]) -> float:
        raise AssertionError("measured")

    engine = _Lanes(_lane(99))
    engine.open(0)
    race = Race(engine, _attempts(1), ENOUGH, unwanted)
    async with aclosing(race.drafts()) as drafts:
        assert (await anext(drafts)).tokens == [99]
    assert (engine.closed, race.lost) == ([0], 0)


async def test_an_end_within_the_race_ends_the_winner() -> None:
    engine = _Lanes([Draft([10], finish_reason="stop")], _lane(60))
    engine.open(0)
    assert await _tokens(_race(engine, 2)) == [10]


async def test_closing_a_race_that_is_not_decided_closes_every_candidate() -> None:
    before = asyncio.all_tasks()
    engine = _Lanes(_lane(10), _lane(20))
    race = _race(engine, 2)
    waiting = asyncio.create_task(_tokens(race))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert sorted(engine.closed) == [0, 1]
    assert asyncio.all_tasks() == before


async def test_what_was_seen_of_the_winner_comes_with_it() -> None:
    drafts: list[Draft | Exception] = [Draft((1,), seen=[b"a"]), Draft((2, 3), None, "stop")]
    engine = _Lanes(drafts, _lane(50))
    engine.open(0, 1)
    async for draft in _race(engine, 2).drafts():
        assert (list(draft.tokens), draft.seen) == ([1, 2, 3], [b"a", None, None])
