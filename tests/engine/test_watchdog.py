"""The watchdog: when an engine hangs, when it does not, and when it is well again. On a clock moved by hand."""

import asyncio
import logging
from dataclasses import dataclass, field

import pytest

from server.engine.watchdog import Watchdog


@dataclass
class Watched:
    now: float = 0.0
    told: list[bool] = field(default_factory=list)
    probes: list[asyncio.Future[object]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.dog = Watchdog(20, self, self._probe, lambda: self.now)

    def engine_hangs(self, hangs: bool) -> None:
        self.told.append(hangs)

    async def _probe(self) -> object:
        self.probes.append(asyncio.get_running_loop().create_future())
        return await self.probes[-1]

    async def at(self, now: float) -> bool:
        self.now = now
        answers = self.dog.check()
        await asyncio.sleep(0)  # a probe begins
        return answers

    async def ask(self) -> tuple[asyncio.Future[int], asyncio.Task[int]]:
        """Something asked of the engine: its answer, and the task that waits for it."""
        answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        waiting = asyncio.create_task(self.dog.wait(answer))
        await asyncio.sleep(0)
        return answer, waiting


async def test_an_engine_of_which_nothing_is_asked_is_well() -> None:
    watched = Watched()
    assert await watched.at(1000) and watched.told == [] and watched.probes == []


async def test_an_engine_that_says_nothing_hangs_is_told_once_and_is_well_again_with_a_token(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "unsay.engine")
    watched = Watched()
    await watched.at(100)
    answer, waiting = await watched.ask()
    assert await watched.at(119.9)
    assert not await watched.at(120) and not await watched.at(150)
    answer.set_result(7)
    assert await waiting == 7
    assert await watched.at(150) and watched.told == [True, False]
    assert [record.levelname for record in caplog.records] == ["ERROR", "INFO"]


async def test_a_token_for_anybody_is_a_sign_of_life() -> None:
    watched = Watched()
    _, waiting = await watched.ask()
    for now in range(15, 100, 15):
        answer, other = await watched.ask()
        watched.now = now
        answer.set_result(1)
        await other
        assert await watched.at(now)
    waiting.cancel()


async def test_halfway_it_is_asked_and_an_answer_is_a_sign_of_life() -> None:
    """A request may wait longer than that: for room, for a grammar."""
    watched = Watched()
    _, waiting = await watched.ask()
    assert await watched.at(9) and not watched.probes
    assert await watched.at(10) and await watched.at(11) and len(watched.probes) == 1
    watched.probes[0].set_result(False)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert await watched.at(30.9) and len(watched.probes) == 2  # heard at 11
    waiting.cancel()


async def test_an_engine_that_hangs_is_asked_on_after_its_requests_have_left() -> None:
    watched = Watched()
    _, waiting = await watched.ask()
    assert not await watched.at(20)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert not await watched.at(60) and len(watched.probes) == 1
    watched.probes[0].set_result(False)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert await watched.at(61) and watched.told == [True, False]


async def test_an_error_for_an_answer_is_no_sign_of_life_and_it_is_asked_again() -> None:
    watched = Watched()
    _, waiting = await watched.ask()
    assert not await watched.at(20)
    watched.probes[0].set_exception(RuntimeError("dead"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not await watched.at(21) and len(watched.probes) == 2
    waiting.cancel()


async def test_a_wait_that_fails_is_over() -> None:
    watched = Watched()
    answer, waiting = await watched.ask()
    answer.set_exception(ValueError("refused"))
    with pytest.raises(ValueError):
        await waiting
    assert await watched.at(1000)
