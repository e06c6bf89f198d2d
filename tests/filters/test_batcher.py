import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.batcher import Batcher
from filters.call import Caller, Urgency
from filters.judge import Judge
from filters.scorer import Reason, Scorer, ScorerUnavailable, Scores
from filters.scorers.scripted import ScriptedScorer
from tests.filters.test_scoring_thread import BoundingScorer, PickyScorer
from tests.properties import examples

WORDS = {f"<{number}>": number / 20 for number in range(20)}
PLENTY = 60.0  # a deadline that no test waits for
SHORT = 0.05  # one that some do


class Record:
    """Remembers what the batcher tells its observer."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.depths: list[int] = [0]
        self.dropped_texts: list[tuple[Urgency, int]] = []
        self.failures: list[Reason] = []

    def batch_scored(self, size: int, seconds: float) -> None:
        assert seconds >= 0
        self.sizes.append(size)

    def queue_depth(self, urgency: Urgency, depth: int) -> None:
        self.depths.append(depth)

    def dropped(self, urgency: Urgency, texts: int) -> None:
        self.dropped_texts.append((urgency, texts))

    def scorer_failed(self, reason: Reason) -> None:
        self.failures.append(reason)


@asynccontextmanager
async def batching(scorer: Scorer, record: Record | None = None, **options: Any) -> AsyncIterator[Batcher]:
    batcher = Batcher(scorer, **{"observer": record, "deadline_seconds": PLENTY, **options})
    await batcher.start()
    try:
        yield batcher
    finally:
        if isinstance(scorer, ScriptedScorer):
            scorer.release()
        await batcher.aclose()


async def begun(batcher: Batcher, texts: Sequence[str]) -> asyncio.Task[list[Scores]]:
    """A call that stands in line, or is in the pass if there was none."""
    task = asyncio.create_task(batcher.score(texts))
    for _ in range(3):
        await asyncio.sleep(0)
    return task


async def reason_of(call: asyncio.Task[list[Scores]]) -> Reason:
    with pytest.raises(ScorerUnavailable) as caught:
        await call
    return caught.value.reason


def expected(texts: Sequence[str]) -> list[Scores]:
    return ScriptedScorer(WORDS).score(texts)


CALLS = st.lists(st.lists(st.sampled_from(sorted(WORDS)), max_size=7), max_size=9)


@examples(60)
@given(CALLS, st.integers(1, 6))
async def test_every_caller_gets_its_own_scores_in_order(calls: list[list[str]], max_batch: int) -> None:
    record = Record()
    async with batching(ScriptedScorer(WORDS), record, max_batch=max_batch) as batcher:
        results = await asyncio.gather(*(batcher.score(texts) for texts in calls))
    assert results == [expected(texts) for texts in calls]
    assert sum(record.sizes) == sum(map(len, calls))
    assert all(size <= max_batch for size in record.sizes)
    assert record.depths[-1] == 0


async def test_callers_of_one_turn_and_those_that_come_during_a_pass_share_a_pass() -> None:
    record = Record()
    scorer = ScriptedScorer(WORDS)
    async with batching(scorer, record) as batcher:
        await asyncio.gather(*(batcher.score(["<1>"]) for _ in range(3)))
        scorer.hang()
        calls = [await begun(batcher, ["<1>"]) for _ in range(5)]
        scorer.release()
        await asyncio.gather(*calls)
    assert record.sizes == [3, 1, 4]


async def test_its_backlog_is_the_work_that_windows_wait_for() -> None:
    scorer = ScriptedScorer(WORDS)
    async with batching(scorer, max_batch=1) as batcher:
        batcher._pace.begin(0.0, 4)
        batcher._pace.end(400.0)
        assert batcher.backlog_seconds == Judge(batcher).backlog_seconds == 0.0
        scorer.hang()
        calls = [await begun(batcher, ["<1>"]) for _ in range(4)]
        calls.append(asyncio.create_task(batcher.score(["<2>"] * 5, caller=Caller("moderations"))))
        await asyncio.sleep(0)
        assert batcher.backlog_seconds == Judge(batcher).backlog_seconds == 400.0, "a pass of one, and three that wait"
        scorer.release()
        await asyncio.gather(*calls)
        assert batcher.backlog_seconds == 0.0


async def test_a_caller_with_many_texts_does_not_hold_up_the_others() -> None:
    scorer = ScriptedScorer(WORDS)
    scorer.hang()
    async with batching(scorer, max_batch=4) as batcher:
        large = await begun(batcher, ["<3>"] * 40)
        small = await begun(batcher, ["<2>"])
        scorer.release()
        assert await small == expected(["<2>"])
        assert not large.done()
        assert await large == expected(["<3>"] * 40)


async def test_over_the_bound_a_call_is_refused_at_once_and_the_waiting_ones_are_served() -> None:
    record = Record()
    scorer = ScriptedScorer(WORDS)
    scorer.hang()
    async with batching(scorer, record, max_queue=3) as batcher:
        in_pass = await begun(batcher, ["<1>"])
        waiting = await begun(batcher, ["<2>", "<3>"])
        assert await reason_of(await begun(batcher, ["<4>"] * 2)) == "overloaded"
        fits = await begun(batcher, ["<5>"])
        scorer.release()
        assert await in_pass == expected(["<1>"])
        assert await waiting == expected(["<2>", "<3>"])
        assert await fits == expected(["<5>"])
    assert record.failures == ["overloaded"]
    assert max(record.depths) == 3


async def test_with_a_hung_thread_every_call_ends_by_its_deadline_and_late_results_are_thrown_away() -> None:
    record = Record()
    scorer = ScriptedScorer(WORDS)
    scorer.hang()
    async with batching(scorer, record, deadline_seconds=SHORT, max_queue=2) as batcher:
        for _ in range(3):  # more in all than may wait: the late ones have left the line
            calls = [await begun(batcher, ["<1>"]) for _ in range(2)]
            assert [await reason_of(call) for call in calls] == ["deadline"] * 2
        assert record.depths[-1] == 0
        assert not batcher.ready
        assert not await batcher.probe()
    assert record.failures == ["deadline"] * 7


async def test_after_a_hang_the_next_call_gets_its_own_result() -> None:
    scorer = ScriptedScorer(WORDS)
    scorer.hang()
    async with batching(scorer, deadline_seconds=1.0) as batcher:
        assert await reason_of(await begun(batcher, ["<1>"])) == "deadline"
        later = await begun(batcher, ["<9>"])
        scorer.release()
        assert await later == expected(["<9>"])
        assert batcher.ready


async def test_a_failure_is_an_error_and_readiness_returns_with_the_next_success() -> None:
    record = Record()
    scorer = ScriptedScorer(WORDS)
    async with batching(scorer, record) as batcher:
        assert batcher.ready
        scorer.fail(2)
        assert await reason_of(await begun(batcher, ["<1>"])) == "error"
        assert not batcher.ready
        assert not await batcher.probe()
        assert await batcher.probe()
        assert batcher.ready
    assert record.failures == ["error", "error"]
    assert record.sizes == [1]


@examples(40)
@given(st.lists(st.lists(st.sampled_from(["<1>", "<2>", "poison"]), min_size=1, max_size=4), min_size=1, max_size=6))
async def test_a_poisonous_text_fails_its_own_caller_only(calls: list[list[str]]) -> None:
    async with batching(PickyScorer(WORDS), max_batch=100) as batcher:
        results = await asyncio.gather(*(batcher.score(texts) for texts in calls), return_exceptions=True)
    for texts, result in zip(calls, results, strict=True):
        if "poison" in texts:
            assert isinstance(result, ScorerUnavailable) and result.reason == "error"
        else:
            assert result == expected(texts)


@examples(60)
@given(CALLS, st.sets(st.integers(0, 8)), st.integers(1, 6))
async def test_a_cancelled_caller_disturbs_no_other(
    calls: list[list[str]], cancelled: set[int], max_batch: int
) -> None:
    record = Record()
    scorer = ScriptedScorer(WORDS)
    scorer.hang()
    async with batching(scorer, record, max_batch=max_batch) as batcher:
        tasks = [await begun(batcher, texts) for texts in calls]
        for index in cancelled & set(range(len(tasks))):
            tasks[index].cancel()
        scorer.release()
        results = await asyncio.gather(*tasks, return_exceptions=True)
    for index, result in enumerate(results):
        if index in cancelled and calls[index]:
            assert isinstance(result, asyncio.CancelledError)
        else:
            assert result == expected(calls[index])
    assert record.depths[-1] == 0
    assert record.failures == []


async def test_closing_fails_every_call_and_does_not_wait_for_a_hung_thread() -> None:
    scorer = ScriptedScorer(WORDS)
    scorer.hang()
    batcher = Batcher(scorer, max_batch=1)
    await batcher.start()
    calls = [await begun(batcher, ["<1>"]) for _ in range(3)]
    async with asyncio.timeout(10):
        await batcher.aclose()
    assert [await reason_of(call) for call in calls] == ["closed"] * 3
    assert await reason_of(await begun(batcher, ["<1>"])) == "closed"
    assert not batcher.ready
    await batcher.aclose()
    scorer.release()


def test_a_pass_that_comes_back_after_its_loop_has_ended_is_told_to_nobody() -> None:
    scorer = ScriptedScorer(WORDS)
    scorer.hang()

    async def closed() -> None:
        batcher = Batcher(scorer, deadline_seconds=SHORT)
        await batcher.start()
        assert await reason_of(await begun(batcher, ["<1>"])) == "deadline"
        await batcher.aclose()

    before = set(threading.enumerate())
    asyncio.run(closed())  # a loop that is over before the test is
    (thread,) = set(threading.enumerate()) - before
    scorer.release()
    thread.join(PLENTY)
    assert not thread.is_alive()


async def test_the_rest_of_a_call_that_has_failed_is_not_scored() -> None:
    scorer = PickyScorer(WORDS)
    async with batching(scorer, max_batch=1) as batcher:
        assert await reason_of(await begun(batcher, ["poison", "<1>", "<2>"])) == "error"
    assert scorer.passes == 1


async def test_before_it_is_started_it_is_closed() -> None:
    batcher = Batcher(ScriptedScorer(WORDS))
    assert not batcher.ready
    assert await reason_of(await begun(batcher, ["<1>"])) == "closed"


async def test_its_readiness_is_the_scorers_too() -> None:
    class Loading(ScriptedScorer):
        def ready(self) -> bool:
            return False

    async with batching(Loading(WORDS)) as batcher:
        assert not batcher.ready
        assert not await batcher.probe()


async def test_callers_in_one_pass_keep_their_own_thresholds() -> None:
    scorer, half, fifth = BoundingScorer(), {"toxicity": 0.5}, {"toxicity": 0.2}
    async with batching(scorer, max_batch=3) as batcher:
        assert list(await asyncio.gather(batcher.score(["a", "b"], half), batcher.score(["c", "d"], fifth))) == [
            [{"toxicity": 0.25}] * 2,
            [{"toxicity": 0.1}] * 2,
        ]
    assert scorer.asked == [[half, half, fifth], [fifth]]
