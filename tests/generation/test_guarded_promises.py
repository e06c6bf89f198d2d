"""The driver under an adversary: readers that leave, a scorer that dawdles, any timing and any sizes of drafts."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import aclosing
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.scorers.scripted import ScriptedScorer
from server.generation.guarded import Guarded
from server.policy.policy import Policy
from tests.generation.stage import Stage, drain, ending_of, policy, staged, text_of, until
from tests.guard.policies import policies, seeds
from tests.properties import examples

CLEAN = "the sun is warm today and the garden is green"
RUDE = "well you idiot said the fox to the hen"
LONG = " ".join(["hen"] * 1000)

# Readers that leave.


async def _leave_by_closing(stage: Stage) -> None:
    reading = stage.guarded.pieces()
    await anext(reading)
    await reading.aclose()


async def _leave_by_cancelling(stage: Stage) -> None:
    async def read() -> None:
        async with aclosing(stage.guarded.pieces()) as reading:
            async for _ in reading:
                read_one.set()
                stage.scorer.hang()

    read_one = asyncio.Event()
    task = asyncio.create_task(read())
    await read_one.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("leave", [_leave_by_closing, _leave_by_cancelling])
async def test_a_reader_that_leaves_takes_every_task_with_him(
    leave: Callable[[Stage], Coroutine[Any, Any, None]],
) -> None:
    async with staged(LONG, policy=policy(hold_back=0), in_step=True) as stage:
        before = asyncio.all_tasks()
        await leave(stage)
        assert asyncio.all_tasks() <= before
        assert (stage.engine.aborted, stage.engine.running) == ([0], 0)
        counts = stage.observer.counts
        assert counts["released"] + counts["discarded"] == stage.engine.drafted
        assert len(stage.observer.answers) == 1 and stage.observer.answers[0][2] == "unknown", "one, cut short"


async def test_a_reader_that_leaves_before_the_first_verdict_leaves_nothing_behind() -> None:
    async with staged(RUDE) as stage:
        stage.scorer.hang()
        before = asyncio.all_tasks()
        reader = asyncio.create_task(stage.play())
        await until(lambda: stage.scorer.passes == 1)
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)
        assert asyncio.all_tasks() <= before


async def test_closing_what_was_never_read_does_nothing() -> None:
    async with staged(CLEAN) as stage:
        await stage.guarded.pieces().aclose()
        assert stage.engine.attempts == []


async def test_a_slow_reader_stops_the_drafting() -> None:
    eager = policy(first_stride=1, stride=1, max_stride=1, hold_back=0)
    async with staged(LONG, policy=eager, in_step=True) as stage:
        async with aclosing(stage.guarded.pieces()) as reading:
            first = await anext(reading)
            await until(lambda: not stage.guarded._outlet._channel._drained.is_set())
            for _ in range(100):  # time enough for as many more windows
                await stage.judge.scores(["hen"])
            assert stage.engine.drafted < 100
            rest = [piece async for piece in reading]
            assert text_of([first, *rest]) == LONG


# Monitor mode.


async def test_monitor_mode_releases_at_once_even_while_the_scorer_hangs_and_scores_behind_the_answer() -> None:
    async with staged(RUDE, policy=policy(mode="monitor")) as stage:
        stage.scorer.hang()
        pieces = await stage.play()
        assert (text_of(pieces), ending_of(pieces)) == (RUDE, "stop")
        assert (stage.guarded.report.spans_scored, stage.observer.answers) == (0, [])
        stage.scorer.release()
        await until(lambda: stage.guarded._state.complete)
        report = stage.guarded.report
        assert (report.action, report.rewinds, report.spans_flagged) == ("flagged", 0, 1)
        assert report.scores == {"toxicity": 0.9}
        assert stage.observer.counts == {"released": stage.engine.drafted}
        await until(lambda: bool(stage.observer.answers))
        assert [answer[:2] for answer in stage.observer.answers] == [("flagged", "toxicity")]


@pytest.mark.parametrize("size", [1, 2, 5, 50])
async def test_monitor_mode_counts_one_flagged_word_once(size: int) -> None:
    async with staged(RUDE, policy=policy(mode="monitor"), sizes=lambda: size, in_step=True) as stage:
        assert text_of(await stage.play()) == RUDE
        await until(lambda: stage.guarded._state.complete)
        assert stage.guarded.report.spans_flagged == 1


async def test_monitor_mode_goes_on_when_the_scorer_fails() -> None:
    async with staged(RUDE, policy=policy(mode="monitor"), retriable=lambda: True) as stage:
        stage.scorer.fail(100)
        pieces = await stage.play()
        assert (text_of(pieces), ending_of(pieces)) == (RUDE, "stop")
        await until(lambda: stage.guarded._state.complete)
        assert stage.guarded.report.action == "unguarded"


async def test_a_reader_that_leaves_in_monitor_mode_leaves_nothing_behind() -> None:
    async with staged(LONG, policy=policy(mode="monitor")) as stage:
        before = asyncio.all_tasks()
        await _leave_by_closing(stage)
        assert asyncio.all_tasks() <= before


# Any text, any timing.

WORDS = {"idiot": 0.9, "moron": 0.7, "old fox": 0.8}
vocabularies = st.sampled_from(["the", "fox", "old", "hen", "idiot", "moron", "über", "said,", "日本", "no."])
texts = st.lists(st.lists(vocabularies, max_size=14).map(" ".join), min_size=1, max_size=4)


def _dawdling(random: Random, scorer: Callable[[], ScriptedScorer]) -> Callable[[], Coroutine[Any, Any, None]]:
    """A gate that lets others run before the engine for a random while, and stops the scorer now and then."""

    async def gate() -> None:
        if random.random() < 0.2:
            scorer().hang()
        for _ in range(random.randrange(30)):
            await asyncio.sleep(0)
        scorer().release()

    return gate


@examples(250)
@given(policies(), texts, seeds, st.booleans(), st.integers(1, 40))
async def test_no_flagged_word_ever_leaves_and_every_token_is_counted(
    own: Policy, wordings: list[str], seed: int, whole: bool, max_tokens: int
) -> None:
    random = Random(seed)
    own = own.model_copy(update={"hold_back": 3, "context": max(3, own.context), "on_scorer_failure": "closed"})
    stages: list[Stage] = []
    gate = _dawdling(random, lambda: stages[0].scorer)
    sizes = lambda: random.randint(1, 6)  # noqa: E731
    async with staged(
        *wordings,
        policy=own,
        words=WORDS,
        whole=whole,
        greedy=random.random() < 0.5,
        sizes=sizes,
        gate=gate,
        max_tokens=max_tokens,
    ) as stage:
        stages.append(stage)
        sent = await _read(stage.guarded, own.on_exhausted != "flag")
        _check_counts(stage)
        if stage.guarded.report.action == "clean":
            assert any(text.startswith(sent) for text in wordings)


async def _read(guarded: Guarded, strict: bool) -> str:
    """The text that left; fails as soon as a flagged word is in it."""
    sent = ""
    for piece in await drain(guarded.pieces()):
        sent += piece.text
        assert not strict or not any(word in sent for word in WORDS), sent
    return sent


def _check_counts(stage: Stage) -> None:
    report, state, counts = stage.guarded.report, stage.guarded._state, stage.observer.counts
    assert report.tokens_generated == stage.engine.drafted
    assert len(stage.observer.rewinds) == report.rewinds
    put_back = "candidate" in report.strategies
    if put_back:
        assert counts["released"] + counts["discarded"] >= stage.engine.drafted
    else:
        assert counts["released"] + counts["discarded"] == stage.engine.drafted + state.written
        assert counts["discarded"] == report.tokens_discarded
