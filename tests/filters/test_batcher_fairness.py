"""One caller keeps the scorer from no other: urgency, bounds, rests, and what is dropped."""

import asyncio
from collections.abc import Sequence
from itertools import count
from typing import Any

import pytest

from filters.batcher import Batcher
from filters.call import Caller
from filters.pace import RESTS, WRITTEN_SECONDS, Rest
from filters.scorer import EXACT, Scores
from filters.scorers.scripted import ScriptedScorer
from tests.filters.test_batcher import PLENTY, SHORT, WORDS, Record, batching, expected, reason_of
from tests.generation.stage import until


class Listing(ScriptedScorer):
    """Lists the texts of each pass."""

    def __init__(self) -> None:
        super().__init__(WORDS)
        self.seen: list[list[str]] = []

    def score(self, texts: Sequence[str]) -> list[Scores]:
        self.seen.append(list(texts))
        return super().score(texts)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """A loop whose clock a test may set."""
    return "asyncio"


MODERATION, WINDOW = Caller("moderations", "eve"), Caller("windows", "ann")


async def asked(batcher: Batcher, texts: Sequence[str], caller: Caller) -> asyncio.Task[list[Scores]]:
    task = asyncio.create_task(batcher.score(texts, EXACT, caller))
    for _ in range(3):
        await asyncio.sleep(0)
    return task


async def test_a_window_does_not_wait_for_992_texts_of_a_moderation_but_for_one_pass() -> None:
    scorer = Listing()
    scorer.hang()
    async with batching(scorer) as batcher:
        many = await asked(batcher, [f"text {number}" for number in range(992)], MODERATION)
        window = await asked(batcher, ["<7>"], WINDOW)
        scorer.release()
        assert await window == expected(["<7>"])
        assert scorer.seen[1] == ["<7>"] and not many.done()
        many.cancel()


async def test_after_its_client_is_gone_not_one_more_of_its_texts_is_scored() -> None:
    scorer, record = Listing(), Record()
    scorer.hang()
    async with batching(scorer, record) as batcher:
        many = await asked(batcher, [f"text {number}" for number in range(992)], MODERATION)
        many.cancel()
        scorer.release()
        assert await batcher.score(["<7>"], EXACT, WINDOW) == expected(["<7>"])
    assert len(scorer.seen) == 2 and len(scorer.seen[0]) == 16, "the pass that was under way, and the window's"
    assert record.dropped_texts == [("moderations", 992 - 16)]
    assert record.failures == []


async def test_what_a_client_had_waiting_makes_room_as_soon_as_it_is_gone() -> None:
    scorer = ScriptedScorer(WORDS)
    scorer.hang()
    async with batching(scorer, max_queue=20) as batcher:
        first = await asked(batcher, ["<1>"] * 17, MODERATION)
        gone = await asked(batcher, ["<1>"] * 19, Caller("moderations", "ann"))
        gone.cancel()
        await asyncio.sleep(0)
        stays = await asked(batcher, ["<2>"] * 19, Caller("moderations", "ben"))
        scorer.release()
        assert await stays == expected(["<2>"] * 19)
        await first


async def test_no_pass_holds_the_scorer_for_longer_than_its_characters_take() -> None:
    scorer = Listing()
    text = "plain words here " * 3000 + "<19> at the end"
    async with batching(scorer, max_characters=8000) as batcher:
        for caller in (MODERATION, WINDOW):
            assert await batcher.score([text], EXACT, caller) == expected(["<19>"])
    assert max(sum(map(len, each)) for each in scorer.seen) <= 8000
    assert len(scorer.seen) > 100


async def test_moderations_that_fill_their_queue_take_nothing_from_windows_or_readiness() -> None:
    scorer = ScriptedScorer(WORDS)
    scorer.hang()
    async with batching(scorer, max_queue=20) as batcher:
        many = [await asked(batcher, ["<1>"] * 18, Caller("moderations", number)) for number in range(3)]
        assert await reason_of(many[2]) == "overloaded"
        assert batcher.ready
        window = await asked(batcher, ["<2>"] * 18, WINDOW)
        scorer.release()
        assert await window == expected(["<2>"] * 18)
        assert await many[0] == await many[1] == expected(["<1>"] * 18)


async def test_a_call_that_is_larger_than_the_queue_is_let_in_where_nothing_waits() -> None:
    async with batching(ScriptedScorer(WORDS), max_queue=4) as batcher:
        assert await batcher.score(["<3>"] * 9) == expected(["<3>"] * 9)


class Clock:
    """Time that passes only by being told so: the loop's, and a second for each pass of the scorer."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._loop = asyncio.get_running_loop()
        self._seconds = 0.0
        begun = self._loop.time()
        monkeypatch.setattr(self._loop, "time", lambda: begun + self._seconds)
        monkeypatch.setattr("filters.scoring_thread.time.perf_counter", count().__next__)

    async def to(self, seconds: float) -> None:
        self._seconds = seconds
        for _ in range(6):
            await asyncio.sleep(0)


async def test_while_answers_are_written_the_rest_leaves_the_cores_to_the_engine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scorer = Listing()
    async with batching(scorer, max_batch=1) as batcher:
        clock = Clock(monkeypatch)
        await batcher.score(["<1>"], EXACT, WINDOW)
        many = await asked(batcher, ["<2>"] * 9, MODERATION)
        await until(lambda: len(scorer.seen) == 2 and not batcher._in_pass)
        await clock.to(RESTS - 0.1)
        assert len(scorer.seen) == 2
        assert await batcher.score(["<7>"], EXACT, WINDOW) == expected(["<7>"]), "windows do not wait for its end"
        await clock.to(RESTS + 0.1)
        await until(lambda: len(scorer.seen) == 4 and not batcher._in_pass)
        await clock.to(RESTS + WRITTEN_SECONDS + 0.2)
        assert await many == expected(["<2>"] * 9), "without rests once nothing is being written"


async def test_a_timer_that_is_early_by_the_clock_ends_the_rest_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """uvloop's are, by up to a millisecond: who looked at the clock then would wait for the next caller."""
    async with batching(Listing(), max_batch=1) as batcher:
        clock, loop = Clock(monkeypatch), asyncio.get_running_loop()
        at_its_time = loop.call_at

        def early(when: float, call: Any, *args: Any, **more: Any) -> asyncio.TimerHandle:
            is_rest = isinstance(getattr(call, "__self__", None), Rest)
            return at_its_time(when - RESTS if is_rest else when, call, *args, **more)

        monkeypatch.setattr(loop, "call_at", early)
        await batcher.score(["<1>"], EXACT, WINDOW)
        many = await asked(batcher, ["<2>"] * 3, MODERATION)
        await clock.to(0.1)
        await until(many.done)
        assert await many == expected(["<2>"] * 3)


class Stopping(ScriptedScorer):
    """Gives scores once, and hangs in the second pass."""

    stopped = False

    def score(self, texts: Sequence[str]) -> list[Scores]:
        if self.passes == 1:
            self.hang()
            self.stopped = True
        return super().score(texts)


@pytest.mark.parametrize(("caller", "ready"), [(MODERATION, True), (WINDOW, False)])
async def test_only_windows_that_come_too_late_behind_others_make_it_unready(
    caller: Caller, ready: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Passes come back meanwhile, so the scorer lives. Seconds are those of a clock that this test turns."""
    scorer = Stopping(WORDS)
    scorer.hang()
    async with batching(scorer, max_batch=1) as batcher:
        clock = Clock(monkeypatch)
        first = await asked(batcher, ["<1>"], WINDOW)
        late = await asked(batcher, ["<2>"], caller)
        await clock.to(PLENTY / 2)
        other = await asked(batcher, ["<3>"], Caller("windows", "ben"))
        scorer.release()
        await first
        await until(lambda: scorer.stopped)
        await clock.to(PLENTY + 1)
        assert await reason_of(late) == "deadline"
        assert not other.done() and batcher.ready == ready
        other.cancel()


async def test_whatever_is_late_while_no_pass_comes_back_makes_it_unready() -> None:
    scorer = ScriptedScorer(WORDS)
    scorer.hang()
    async with batching(scorer, deadline_seconds=SHORT) as batcher:
        assert await reason_of(await asked(batcher, ["<1>"], MODERATION)) == "deadline"
        assert not batcher.ready
