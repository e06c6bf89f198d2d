"""Alternatives in logprobs leave the server too: they are judged, and what is flagged loses its name."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from vllm.logprobs import Logprob

from filters.batcher import Batcher
from filters.judge import Judge
from filters.scorers.scripted import ScriptedScorer
from server.engine.alternatives import TEXTS_A_CALL, Alternatives, AlternativeScores
from server.generation.outlet import Piece
from server.policy.policy import Policy

WORDS = {1: "You", 2: " idiot", 3: " friend", 4: " id", 5: "iot", 6: "ea", 7: " kind"}


def entry(*tokens: int, text: bool = True) -> dict[int, Logprob]:
    return {token: Logprob(-1.0, at, WORDS[token] if text else None) for at, token in enumerate(tokens)}


@asynccontextmanager
async def judging(scorer: ScriptedScorer, **options: Any) -> AsyncIterator[AlternativeScores]:
    batcher = Batcher(scorer, **options)
    await batcher.start()
    try:
        yield AlternativeScores(Judge(batcher))
    finally:
        await batcher.aclose()


async def cleared(
    tokens: list[int],
    entries: list[Any],
    *,
    failing: bool = False,
    wanted: frozenset[int] = frozenset(),
    word: str = "",
    **policy: Any,
) -> list[Any]:
    """The entries as they leave, each token in a piece of its own."""
    scorer = ScriptedScorer({"idiot": 0.9})
    scorer.fail(9 if failing else 0)
    async with judging(scorer) as scores:
        alternatives = Alternatives(scores, Policy(**policy), WORDS.__getitem__, wanted, word)
        pieces = [Piece([token], [own], "") for token, own in zip(tokens, entries, strict=True)]
        return [left for piece in pieces for left in (await alternatives.clear(piece)).logprobs]


async def shown(*args: Any, **options: Any) -> list[set[int]]:
    """The token ids that each entry still names."""
    return [{token for token in left or () if token >= 0} for left in await cleared(*args, **options)]


async def test_a_flagged_alternative_keeps_its_place_and_numbers_without_a_name() -> None:
    first, second = await cleared([1, 3], [entry(1), entry(2, 3, 7)])
    assert first == entry(1)
    assert list(second) == [-1, 3, 7] and second[-1] == Logprob(-1.0, 0, "[withheld:1]")


async def test_an_alternative_that_would_complete_a_flagged_word_has_no_name() -> None:
    assert await shown([4, 6], [entry(4, 3), entry(6, 5)]) == [{4, 3}, {6}]
    assert await shown([4, 6], [entry(4), entry(6, 5)]) == [{4}, {6}], (
        "a token without alternatives begins a word as well"
    )


async def test_the_word_may_have_begun_in_the_prompt() -> None:
    assert await shown([6], [entry(6, 5)]) == [{6, 5}]
    assert await shown([6], [entry(6, 5)], word="id") == [{6}]


async def test_behind_a_mask_a_word_begins_anew() -> None:
    assert await shown([4, 1, 6], [entry(4), None, entry(6, 5)]) == [{4}, set(), {6, 5}]


async def test_what_has_no_name_already_stays_without() -> None:
    nameless = {-1: Logprob(-2.0, 3, "[withheld:1]")}
    (left,) = await cleared([3], [entry(3, 2) | nameless])
    assert sorted(left) == [-2, -1, 3] and left[-1] == nameless[-1]


async def test_the_same_piece_behind_another_word_stays() -> None:
    assert await shown([3, 6], [entry(3, 7), entry(6, 5)]) == [{3, 7}, {6, 5}]


async def test_the_drawn_token_and_those_asked_for_by_id_stay() -> None:
    assert await shown([2], [entry(2, 3)]) == [{2, 3}]
    assert await shown([3], [entry(3, 2)], wanted=frozenset({2})) == [{3, 2}]


async def test_alternatives_without_text_are_read_by_the_tokenizer() -> None:
    assert await shown([3], [entry(3, 2, 7, text=False)]) == [{3, 7}]


async def test_without_a_verdict_no_alternative_has_a_name() -> None:
    assert await shown([3], [entry(3, 7)], failing=True) == [{3}]
    assert await shown([3], [entry(3, 7)], failing=True, on_scorer_failure="open") == [{3, 7}]


@pytest.mark.parametrize("mode", ["monitor", "off"])
async def test_other_modes_take_nothing_out(mode: str) -> None:
    assert await shown([3], [entry(3, 2)], mode=mode) == [{3, 2}]


async def test_entries_that_are_missing_stay_missing() -> None:
    assert await shown([1, 3], [None, entry(3, 2)]) == [set(), {3}]


async def test_a_text_is_scored_once_and_many_come_in_several_calls() -> None:
    scorer = ScriptedScorer({})
    async with judging(scorer, max_queue=TEXTS_A_CALL) as scores:
        many = [str(number) for number in range(3 * TEXTS_A_CALL)]
        await scores.of(many)
        passes = scorer.passes
        assert set(await scores.of(many)) == set(many)
        assert scorer.passes == passes


async def test_the_least_recently_seen_is_forgotten_first() -> None:
    scorer = ScriptedScorer({})
    async with judging(scorer) as scores:
        few = AlternativeScores(scores._judge, most=2)
        for text in ("a", "b", "a", "c", "a"):
            await few.of([text])
        assert scorer.passes == 3
