"""The driver with real parts around it: what leaves, what is counted, and what is left behind."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import pytest

from filters.scorer import Reason
from server.engine.drafting.scripted import Vocabulary
from server.errors import ScorerDown
from server.generation.draft import Attempt, Draft
from tests.generation.stage import ending_of, idle, policy, staged, text_of, tokens_of, until

CLEAN = "the sun is warm today and the garden is green"
RUDE = "well you idiot said the fox to the hen"
POLITE = "well you friend said the fox to the hen"


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("size", [1, 3, 100])
async def test_clean_text_leaves_token_for_token(whole: bool, size: int) -> None:
    async with staged(CLEAN, whole=whole, sizes=lambda: size, in_step=True) as stage:
        pieces = await stage.play()
        tokens = [*stage.vocabulary.encode(CLEAN), Vocabulary.end]
        assert (text_of(pieces), tokens_of(pieces), ending_of(pieces)) == (CLEAN, tokens, "stop")
        shown = [entry for piece in pieces for entry in piece.logprobs]
        assert shown == [{token: at} for at, token in enumerate(tokens)]
        assert stage.observer.counts == {"released": len(tokens)}
        assert (stage.guarded.report.action, stage.engine.aborted) == ("clean", [])
        assert (len(pieces) == 1) == whole


@pytest.mark.parametrize("whole", [False, True])
async def test_a_flagged_word_is_rewound_and_drafted_anew(whole: bool) -> None:
    async with staged(RUDE, POLITE, whole=whole) as stage:
        pieces = await stage.play()
        assert (text_of(pieces), ending_of(pieces)) == (POLITE, "stop")
        report = stage.guarded.report
        assert (report.action, report.rewinds, report.strategies) == ("rewound", 1, ("ban",))
        assert stage.observer.rewinds == [("ban", "cleared")]
        assert "idiot" not in str(report)


async def test_the_word_is_banned_where_it_stood_and_what_was_before_it_is_kept() -> None:
    async with staged(RUDE, POLITE) as stage:
        await stage.play()
        _, second = stage.engine.attempts
        kept = stage.vocabulary.encode("well you")
        assert (list(second.kept), second.number, second.retry) == (kept, 1, 1)
        assert second.banned == {stage.vocabulary.encode(" idiot")[0]}


async def test_it_is_idle_as_long_as_no_verdict_is_waited_for() -> None:
    async with staged(CLEAN) as stage:
        assert idle(stage.guarded)
        stage.scorer.hang()
        playing = asyncio.create_task(stage.play())
        await until(lambda: not idle(stage.guarded))
        stage.scorer.release()
        assert text_of(await playing) == CLEAN
        assert idle(stage.guarded)


STUBBORN = "well you idiot and then some more of it"


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize(
    ("on_exhausted", "text", "ending", "action"),
    [
        ("refuse", None, "content_filter", "refused"),
        ("truncate", "well you", "content_filter", "truncated"),
        ("mask", "well you[…] and then some more of it", "stop", "masked"),
        ("flag", STUBBORN, "stop", "flagged"),
    ],
)
async def test_a_spent_budget_ends_as_the_policy_wants(
    whole: bool, on_exhausted: str, text: str | None, ending: str, action: str
) -> None:
    own = policy(on_exhausted=on_exhausted, max_rewinds=0, hold_back=1)
    vocabulary = Vocabulary(longest=9)  # a word a token, as long as the mask
    async with staged(STUBBORN, policy=own, whole=whole, vocabulary=vocabulary) as stage:
        pieces = await stage.play()
        sent = text_of(pieces)
        if text is None:
            assert "well you".startswith(sent)
        elif on_exhausted == "mask":
            assert sent.startswith("well you[…]") or sent.startswith("well[…]")
            assert "idiot" not in sent
        elif on_exhausted == "truncate":
            assert "well you".startswith(sent)
        else:
            assert sent == text
        assert (ending_of(pieces), stage.guarded.report.action) == (ending, action)


async def test_the_least_toxic_candidate_is_put_back() -> None:
    own = policy(on_exhausted="flag", max_rewinds=2, max_rewinds_per_span=4)
    worst, bad, worse = (f"well you {word} said the fox" for word in ("idiot", "twit", "moron"))
    words = {"idiot": 0.9, "twit": 0.6, "moron": 0.8}
    async with staged(worst, bad, worse, policy=own, words=words) as stage:
        pieces = await stage.play()
        assert (text_of(pieces), ending_of(pieces)) == (bad, "stop")
        report = stage.guarded.report
        assert (report.action, report.scores, report.strategies) == (
            "flagged",
            {"toxicity": 0.6},
            ("ban", "candidate"),
        )
        assert report.tokens_generated == stage.engine.drafted
        assert stage.observer.rewinds == [("ban", "flagged"), ("ban", "exhausted")]


async def test_an_earlier_span_that_was_mended_is_no_candidate_for_a_later_one() -> None:
    """In a whole answer nothing is released meanwhile, so the frontier alone does not tell the spans apart."""
    own = policy(on_exhausted="flag", max_rewinds=2)
    rude = "well you twit said the fox to the hen and the old moron laughed"
    mended = rude.replace("twit", "friend")
    milder = mended.replace("moron", "bully")
    words = {"twit": 0.6, "moron": 0.9, "bully": 0.8}
    async with staged(rude, mended, milder, policy=own, words=words, whole=True) as stage:
        pieces = await stage.play()
        assert text_of(pieces) == milder
        assert stage.observer.rewinds == [("ban", "cleared"), ("ban", "exhausted")]


async def test_only_seconds_of_trouble_count() -> None:
    rude = f"{RUDE} and then {CLEAN} you moron"
    polite = rude.replace("idiot", "friend")
    seconds = 0.0

    def four_seconds_later() -> int:
        nonlocal seconds
        seconds += 4
        return 1

    own = policy(max_rewind_seconds=30.0)
    async with staged(rude, polite, policy=own, in_step=True, sizes=four_seconds_later, now=lambda: seconds) as stage:
        pieces = await stage.play()
        assert (ending_of(pieces), stage.guarded.report.rewinds) == ("stop", 2)


async def test_seconds_are_a_budget() -> None:
    hands = iter(range(0, 100_000, 20))  # every look at the clock finds it 20 seconds later
    own = policy(max_rewind_seconds=30.0, max_rewinds=100, max_rewinds_per_span=100)
    texts = [RUDE.replace("idiot", f"{letter}idiot") for letter in "abcdefgh"]
    async with staged(*texts, policy=own, now=lambda: float(next(hands))) as stage:
        pieces = await stage.play()
        assert ending_of(pieces) == "content_filter"
        assert stage.guarded.report.rewinds == 1


async def test_a_request_that_cannot_be_resumed_restarts_from_its_beginning() -> None:
    other = POLITE.replace("well", "so")
    async with staged(RUDE, other, restart_only=True, whole=True) as stage:
        pieces = await stage.play()
        assert text_of(pieces) == other
        assert [list(attempt.kept) for attempt in stage.engine.attempts] == [[], []]
        assert stage.observer.rewinds == [("restart", "cleared")]


async def test_a_retry_that_ends_before_the_place_that_gave_trouble_has_cleared_it() -> None:
    texts = ("well you big idiot said the fox", "well you big moron said the fox", "so.")
    async with staged(*texts, policy=policy(ladder=("ban", "clause")), whole=True) as stage:
        pieces = await stage.play()
        assert (text_of(pieces), ending_of(pieces)) == ("so.", "stop")
        assert stage.observer.rewinds == [("ban", "flagged"), ("clause", "cleared")]


async def test_a_restart_that_is_flagged_again_and_let_through_was_in_vain() -> None:
    own = policy(on_exhausted="flag", max_rewinds=1)
    other = RUDE.replace("well", "so")
    async with staged(RUDE, other, policy=own, restart_only=True, whole=True) as stage:
        pieces = await stage.play()
        assert (text_of(pieces), stage.guarded.report.action) == (other, "flagged")
        assert stage.guarded.report.scores == {"toxicity": 0.9}
        assert stage.observer.rewinds == [("restart", "exhausted")]


# The scorer fails.


@pytest.mark.parametrize("reason", ["error", "deadline", "overloaded"])
async def test_without_a_verdict_nothing_leaves(reason: Reason) -> None:
    options: dict[str, Any] = {"max_queue": 0} if reason == "overloaded" else {}
    async with staged(CLEAN, **options) as stage:
        stage.scorer.fail(1, reason)
        pieces = await stage.play()
        assert (text_of(pieces), tokens_of(pieces), ending_of(pieces)) == ("", [], "content_filter")
        assert (stage.guarded.report.action, stage.observer.verdicts["failed"]) == ("refused", 1)
        assert stage.observer.counts["released"] == 0


async def test_a_scorer_that_fails_in_the_middle_ends_the_text_there() -> None:
    async with staged(CLEAN, in_step=True) as stage, aclosing(stage.guarded.pieces()) as reading:
        first = await anext(reading)
        stage.scorer.fail(10)
        rest = [piece async for piece in reading]
        sent = text_of([first, *rest])
        assert CLEAN.startswith(sent)
        assert (ending_of([first, *rest]), stage.guarded.report.action) == ("content_filter", "refused")


async def test_a_scorer_that_is_late_counts_as_failed() -> None:
    async with staged(CLEAN, deadline_seconds=0.01) as stage:
        stage.scorer.hang()
        pieces = await stage.play()
        assert (tokens_of(pieces), ending_of(pieces)) == ([], "content_filter")
        assert stage.guarded.report.scorer_failure == "deadline"


async def test_a_request_that_can_be_tried_again_hears_that_the_scorer_is_down_and_gets_no_piece() -> None:
    async with staged(CLEAN, retriable=lambda: True) as stage:
        stage.scorer.fail(1)
        with pytest.raises(ScorerDown, match="error"):
            await anext(stage.guarded.pieces())


async def test_an_open_policy_lets_text_pass_unscored_and_says_so() -> None:
    async with staged(RUDE, policy=policy(on_scorer_failure="open")) as stage:
        stage.scorer.fail(100)
        pieces = await stage.play()
        assert (text_of(pieces), ending_of(pieces)) == (RUDE, "stop")
        assert stage.guarded.report.action == "unguarded"


async def test_while_the_scorer_is_silent_nothing_leaves() -> None:
    async with staged(CLEAN) as stage:
        stage.scorer.hang()
        playing = asyncio.create_task(stage.play())
        await until(lambda: stage.engine.attempts != [] and stage.engine.running == 0)
        assert stage.observer.counts["released"] == 0
        stage.scorer.release()
        assert text_of(await playing) == CLEAN
        assert stage.observer.verdicts["cleared"] == 2, "all that came meanwhile goes into one window"


async def test_tokens_that_were_too_few_to_be_judged_count_when_the_reader_leaves() -> None:
    doors = iter([True, True, True])

    async def three_times() -> None:
        if not next(doors, False):
            await asyncio.Event().wait()

    async with staged(CLEAN, policy=policy(first_stride=64, stride=64, max_stride=64), gate=three_times) as stage:
        playing = asyncio.create_task(stage.play())
        await until(lambda: stage.engine.drafted == 3)
        await asyncio.sleep(0)
        playing.cancel()
        await asyncio.wait([playing])
        report = stage.guarded.report
        assert (report.tokens_generated, report.tokens_discarded) == (3, 3)
        assert stage.observer.counts["discarded"] == 3


# The engine ends otherwise, or fails.


@pytest.mark.parametrize("ending", ["abort", "error", "length"])
async def test_the_engines_own_ending_is_handed_on(ending: str) -> None:
    async with staged(CLEAN, ending=ending) as stage:
        pieces = await stage.play()
        assert ending_of(pieces) == ending
        assert CLEAN.startswith(text_of(pieces))
        assert (text_of(pieces) == CLEAN) or ending != "length"


async def test_an_engine_that_fails_fails_the_answer_and_nothing_more_is_released() -> None:
    async with staged(CLEAN, fails_at=8, failure=ValueError("broken")) as stage:
        stage.scorer.hang()
        reading = stage.guarded.pieces()
        with pytest.raises(ValueError, match="broken"):
            await anext(reading)
        stage.scorer.release()
        with pytest.raises(StopAsyncIteration):
            await anext(reading)
        assert stage.observer.counts == {"discarded": 8}


async def test_an_engine_that_stops_without_a_reason_is_no_finished_text() -> None:
    async def draft(attempt: Attempt) -> AsyncGenerator[Draft, None]:
        yield Draft(stage.vocabulary.encode(CLEAN))

    async with staged(CLEAN) as stage:
        stage.engine.draft = draft  # type: ignore[method-assign]
        with pytest.raises(RuntimeError, match="finish reason"):
            await stage.play()


async def test_a_stop_string_ends_the_text_before_it() -> None:
    async with staged(CLEAN, stop=("garden",)) as stage:
        pieces = await stage.play()
        assert (text_of(pieces), ending_of(pieces)) == ("the sun is warm today and the ", "stop")
        assert pieces[-1].stop_reason == "garden"
        assert "g" not in text_of(pieces).removeprefix("the sun is warm today and the ")


async def test_a_refusal_has_no_stop_reason() -> None:
    async with staged(RUDE, stop=("hen",), policy=policy(max_rewinds=0)) as stage:
        pieces = await stage.play()
        assert (ending_of(pieces), pieces[-1].stop_reason) == ("content_filter", None)


async def test_max_tokens_holds_over_rewinds() -> None:
    async with staged(RUDE, POLITE, max_tokens=6) as stage:
        pieces = await stage.play()
        assert len(tokens_of(pieces)) == 6
        assert ending_of(pieces) == "length"
        assert POLITE.startswith(text_of(pieces))
