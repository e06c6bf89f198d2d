"""One call: its texts in pieces, its turns, its scores and its time."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.call import OVERLAP_CHARACTERS, SHORTEST_PIECE, URGENCIES, Call, Caller, Urgency
from filters.scorer import ScorerUnavailable, Scores
from filters.scorers.scripted import ScriptedScorer
from tests.properties import examples

PLENTY = 60.0


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """A loop whose clock a test may set."""
    return "asyncio"


def calling(*texts: str, most: int = SHORTEST_PIECE, seconds: float = PLENTY, **caller: Any) -> Call:
    return Call(texts, Caller(**caller), most, seconds)


def scored(texts: list[str]) -> list[Scores]:
    return ScriptedScorer({"idiot": 0.9, "silly": 0.4}).score(texts)


@examples(50)
@given(st.lists(st.text("ab \u200b\n語", max_size=30), max_size=80), st.integers(SHORTEST_PIECE, 900))
async def test_no_piece_is_longer_than_it_may_be_and_nothing_is_lost(words: list[str], most: int) -> None:
    text = " ".join(words) * 9
    taken = calling(text, most=most).take(10**6, 10**9)
    assert all(len(piece) <= most for piece in taken)
    assert all(piece in text for piece in taken)
    assert {word for piece in taken for word in piece.split()} >= {word for word in text.split() if len(word) < 64}


@examples(50)
@given(st.integers(0, 3000), st.integers(1, OVERLAP_CHARACTERS - 1))
async def test_what_is_shorter_than_the_overlap_is_whole_in_a_piece(at: int, length: int) -> None:
    phrase = "b" * length
    text = "ab " * (at // 3) + phrase + " ab" * 500
    assert any(phrase in piece for piece in calling(text).take(10**6, 10**9))


async def test_as_many_are_taken_as_fit_in_order() -> None:
    call = calling("aaa", "bb", "cccc", "d")
    assert call.take(2, 100) == ["aaa", "bb"]
    assert call.take(9, 3) == []
    assert call.take(9, 4) == ["cccc"]
    assert (call.waiting, call.take(0, 9)) == (1, [])


async def test_a_long_text_has_the_highest_scores_of_its_pieces() -> None:
    call = calling("fine", "plain words " * 90 + "you idiot " + "plain words " * 90, "silly")
    while call.waiting:
        call.settle(scored(call.take(1, SHORTEST_PIECE)))
    assert await call.scores() == scored(["fine", "idiot", "silly"])


async def test_an_error_ends_it_and_what_comes_later_changes_nothing() -> None:
    call = calling("a", "b")
    call.settle(ScorerUnavailable("error"))
    call.settle(scored(["a"]))
    with pytest.raises(ScorerUnavailable, match="error"):
        await call.scores()


async def test_calls_without_a_client_are_each_others_strangers() -> None:
    assert calling("a").client != calling("a").client
    assert calling("a", client="c").client == calling("b", client="c").client


@pytest.mark.parametrize("urgency", URGENCIES)
async def test_only_windows_have_to_be_whole_in_time_the_others_have_to_get_on(urgency: Urgency) -> None:
    """Seconds are those of a clock that this test turns."""
    loop = asyncio.get_running_loop()
    real, passed = loop.time, 0.0
    loop.time = lambda: real() + passed  # type: ignore[method-assign]
    call = calling("a", "b", "c", seconds=10, urgency=urgency)
    waiting = asyncio.create_task(call.scores())
    ended = []
    for _ in range(2):
        passed += 8
        for _ in range(4):
            await asyncio.sleep(0)
        ended.append(waiting.done())
        call.settle(scored(call.take(1, 9)))
    assert ended == [False, urgency == "windows"]
    passed += 11
    with pytest.raises(TimeoutError):
        await waiting
