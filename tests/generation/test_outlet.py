"""What leaves, leaves once and in order."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.engine.drafting.scripted import Vocabulary, WordDetokenizer
from server.generation.channel import Closed
from server.generation.draft import Draft
from server.generation.outlet import Outlet, Piece
from server.generation.transcript import Transcript

VOCABULARY = Vocabulary(longest=3)
TEXT = "one two 日本 six seven"


def _transcript(stop: tuple[str, ...] = ()) -> Transcript:
    transcript = Transcript(lambda: WordDetokenizer(VOCABULARY, stop))
    transcript.append(Draft(VOCABULARY.encode(TEXT)))
    return transcript


async def _drained(outlet: Outlet) -> list[Piece]:
    pieces = []
    with pytest.raises(Closed):
        while True:
            pieces.append(await outlet.get())
    return pieces


@given(st.lists(st.integers(0, len(VOCABULARY.encode(TEXT))), max_size=6), st.sampled_from([(), ("zzz",)]))
def test_any_frontiers_give_the_same_tokens_and_text(frontiers: list[int], stop: tuple[str, ...]) -> None:
    async def scenario() -> None:
        transcript = _transcript(stop)
        outlet = Outlet(transcript)
        sent = sum(outlet.send(upto) for upto in sorted(frontiers))
        sent += outlet.finish(len(transcript.tokens), "stop", None)
        pieces = await _drained(outlet)
        assert "".join(piece.text for piece in pieces) == TEXT
        assert [token for piece in pieces for token in piece.tokens] == transcript.tokens
        assert sent == outlet.tokens == len(transcript.tokens)
        assert [piece.finish_reason for piece in pieces] == [None] * len(frontiers) + ["stop"]

    asyncio.run(scenario())


def test_what_a_stop_string_may_take_back_waits_for_the_end() -> None:
    async def scenario() -> None:
        transcript = _transcript(stop=("sevens",))
        outlet = Outlet(transcript)
        outlet.send(len(transcript.tokens))
        outlet.finish(len(transcript.tokens), "length", None)
        first, last = await _drained(outlet)
        assert (first.text, last.text, last.tokens) == (TEXT[:-5], TEXT[-5:], [])

    asyncio.run(scenario())


@given(st.lists(st.integers(0, 9), max_size=6), st.integers(1, 40), st.booleans())
def test_a_stop_string_of_any_length_never_sends_what_is_not_released(
    frontiers: list[int], length: int, ended: bool
) -> None:
    async def scenario() -> None:
        transcript = _transcript(stop=("z" * length,))
        if ended:
            transcript.append(Draft((), finish_reason="length"))
        outlet, sent = Outlet(transcript), ""
        for upto in frontiers:
            outlet.send(upto)
            sent += (await outlet.get()).text
            assert TEXT[: transcript.start_of(outlet.tokens)].startswith(sent)

    asyncio.run(scenario())


def test_after_the_end_or_an_error_nothing_is_sent_or_counted() -> None:
    async def scenario() -> None:
        finished, failed = Outlet(_transcript()), Outlet(_transcript())
        finished.finish(2, "length", None)
        assert (finished.send(4), finished.tokens) == (0, 2)
        failed.fail(ValueError("broken"))
        assert (failed.send(4), failed.finish(4, "stop", None), failed.tokens) == (0, 0, 0)
        with pytest.raises(ValueError, match="broken"):
            await failed.get()

    asyncio.run(scenario())
