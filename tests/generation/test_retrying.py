"""What each rung of the ladder changes, told by the attempts that an engine is asked for."""

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest

from server.engine.drafting.scripted import Vocabulary
from server.generation.draft import Attempt
from tests.generation.stage import policy, staged, text_of

RUDE = "It rained. Then, well, you big idiot said the fox."
RUDER = "It rained. Then, well, you big moron said the fox."
POLITE = "It rained. Then, well, you big friend said the fox."
VOCABULARY = Vocabulary(longest=16)


def _attempts(ladder: tuple[str, ...], *texts: str, greedy: bool = True, **options: Any) -> tuple[str, list[Attempt]]:
    """The text that came out, and every attempt after the first."""

    async def scenario() -> tuple[str, list[Attempt]]:
        own = policy(ladder=ladder, parallel_candidates=3)
        async with staged(*texts, policy=own, whole=True, greedy=greedy, vocabulary=VOCABULARY, **options) as stage:
            pieces = await stage.play()
            return text_of(pieces), stage.engine.attempts[1:]

    return asyncio.run(scenario())


def _written(tokens: Iterable[int]) -> str:
    return b"".join(map(VOCABULARY.content, tokens)).decode()


def test_a_ban_bars_the_word_and_keeps_what_stands_before_it() -> None:
    text, (attempt,) = _attempts(("ban",), RUDE, POLITE)
    assert text == POLITE
    assert _written(attempt.kept) == "It rained. Then, well, you big"
    assert _written(attempt.banned) == " idiot"


def test_where_chance_draws_a_resample_bars_nothing_and_the_next_rung_does() -> None:
    text, (first, second) = _attempts(("resample", "ban"), RUDE, POLITE, greedy=False)
    assert text == POLITE
    assert (first.banned, first.retry, second.retry) == (frozenset(), 1, 2)
    assert _written(second.banned) == " idiot"


def test_without_chance_a_resample_bars_the_word_too() -> None:
    text, (attempt,) = _attempts(("resample",), RUDE, POLITE)
    assert text == POLITE
    assert attempt.banned


@pytest.mark.parametrize(
    ("rung", "kept"),
    [("clause", "It rained. Then, well,"), ("sentence", "It rained."), ("previous_sentence", "")],
)
def test_the_deeper_rungs_go_back_to_where_clause_and_sentence_begin(rung: str, kept: str) -> None:
    _, (attempt,) = _attempts((rung,), RUDE, "Sun.", max_tokens=14)
    assert _written(attempt.kept) == kept


def test_candidates_are_drafted_at_once_where_chance_draws() -> None:
    text, attempts = _attempts(("candidates",), RUDE, POLITE, greedy=False)
    assert text == POLITE
    assert [attempt.candidate for attempt in attempts] == [0, 1, 2]
    assert len({(attempt.number, attempt.kept, attempt.banned) for attempt in attempts}) == 1


def test_without_chance_there_is_one_candidate() -> None:
    _, attempts = _attempts(("candidates",), RUDE, POLITE)
    assert [attempt.candidate for attempt in attempts] == [0]


def test_the_tokens_of_lost_candidates_are_counted_as_discarded() -> None:
    async def scenario() -> None:
        own = policy(ladder=("candidates",), parallel_candidates=3)
        async with staged(RUDE, POLITE, policy=own, whole=True, greedy=False) as stage:
            released = sum(len(piece.tokens) for piece in await stage.play())
            drafted = stage.engine.drafted
            assert stage.guarded.report.tokens_discarded == drafted - released
            assert stage.observer.counts["discarded"] == drafted - released

    asyncio.run(scenario())


def test_steering_avoids_the_words_at_which_the_text_turned_and_only_then() -> None:
    _, attempts = _attempts(("ban", "steer"), RUDE, RUDER, POLITE)
    banned, steered = attempts
    assert banned.avoided == frozenset()
    assert {_written([token]) for token in steered.avoided} == {" idiot", " moron"}
    assert steered.avoided_for > 0
