"""What leaves, leaves once and in order: of one choice, through its channel, and of several side by side."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.engine.drafting.scripted import Vocabulary, WordDetokenizer
from server.generation.draft import Draft
from server.generation.outlet import Channel, Outlet, Piece, merge
from server.generation.transcript import Transcript

VOCABULARY = Vocabulary(longest=3)
TEXT = "one two 日本 six seven"


def _transcript(stop: tuple[str, ...] = ()) -> Transcript:
    transcript = Transcript(lambda: WordDetokenizer(VOCABULARY, stop))
    transcript.append(Draft(VOCABULARY.encode(TEXT)))
    return transcript


async def _drained(outlet: Outlet) -> list[Piece]:
    pieces = []
    while (piece := await outlet.get()) is not None:
        pieces.append(piece)
    return pieces


@given(st.lists(st.integers(0, len(VOCABULARY.encode(TEXT))), max_size=6), st.sampled_from([(), ("zzz",)]))
async def test_any_frontiers_give_the_same_tokens_and_text(frontiers: list[int], stop: tuple[str, ...]) -> None:
    transcript = _transcript(stop)
    outlet = Outlet(transcript)
    sent = sum(outlet.send(upto) for upto in sorted(frontiers))
    sent += outlet.finish(len(transcript.tokens), "stop", None)
    pieces = await _drained(outlet)
    assert "".join(piece.text for piece in pieces) == TEXT
    assert [token for piece in pieces for token in piece.tokens] == transcript.tokens
    assert sent == outlet.tokens == len(transcript.tokens)
    assert [piece.finish_reason for piece in pieces] == [None] * len(frontiers) + ["stop"]


async def test_what_a_stop_string_may_take_back_waits_for_the_end() -> None:
    transcript = _transcript(stop=("sevens",))
    outlet = Outlet(transcript)
    outlet.send(len(transcript.tokens))
    outlet.finish(len(transcript.tokens), "length", None)
    first, last = await _drained(outlet)
    assert (first.text, last.text, last.tokens) == (TEXT[:-5], TEXT[-5:], [])


@given(st.lists(st.integers(0, 9), max_size=6), st.integers(1, 40), st.booleans())
async def test_a_stop_string_of_any_length_never_sends_what_is_not_released(
    frontiers: list[int], length: int, ended: bool
) -> None:
    transcript = _transcript(stop=("z" * length,))
    if ended:
        transcript.append(Draft((), finish_reason="length"))
    outlet, sent = Outlet(transcript), ""
    for upto in frontiers:
        outlet.send(upto)
        piece = await outlet.get()
        assert piece is not None
        sent += piece.text
        assert TEXT[: transcript.start_of(outlet.tokens)].startswith(sent)


async def test_after_the_end_or_an_error_nothing_is_sent_or_counted() -> None:
    finished, failed = Outlet(_transcript()), Outlet(_transcript())
    finished.finish(2, "length", None)
    assert (finished.send(4), finished.tokens) == (0, 2)
    failed.fail(ValueError("broken"))
    assert (failed.send(4), failed.finish(4, "stop", None), failed.tokens) == (0, 0, 0)
    with pytest.raises(ValueError, match="broken"):
        await failed.get()


async def test_pieces_come_in_order_and_then_the_end() -> None:
    channel: Channel[int] = Channel()
    for piece in range(3):
        channel.put(piece)
    channel.close()
    assert [await channel.get() for _ in range(3)] == [0, 1, 2]
    for _ in range(2):
        assert await channel.get() is None


async def test_a_waiting_reader_is_woken_by_a_piece_and_by_the_end() -> None:
    channel: Channel[int] = Channel()
    reading = asyncio.create_task(channel.get())
    await asyncio.sleep(0)
    channel.put(1)
    assert await reading == 1
    reading = asyncio.create_task(channel.get())
    await asyncio.sleep(0)
    channel.close()
    assert await reading is None


async def test_an_error_overtakes_what_waits() -> None:
    channel: Channel[int] = Channel()
    channel.put(1)
    channel.close(ValueError("broken"))
    channel.put(2)
    with pytest.raises(ValueError, match="broken"):
        await channel.get()


async def test_only_the_first_close_counts_and_nothing_comes_after_it() -> None:
    channel: Channel[int] = Channel()
    channel.put(1)
    channel.close()
    channel.put(2)
    channel.close(ValueError("late"))
    assert channel.closed
    assert await channel.get() == 1
    assert await channel.get() is None


async def test_a_full_channel_makes_the_writer_wait_until_it_is_read_or_closed() -> None:
    channel: Channel[int] = Channel(size=2)
    channel.put(1)
    await asyncio.wait_for(channel.room(), 1)
    channel.put(2)
    writer = asyncio.create_task(channel.room())
    await asyncio.sleep(0)
    assert not writer.done()
    await channel.get()
    await writer
    channel.put(3)
    writer = asyncio.create_task(channel.room())
    channel.close()
    await writer


class Choice:
    """A choice that says its words, one after each turn of its gate, and knows whether it was closed."""

    def __init__(self, *words: str, error: Exception | None = None, gate: asyncio.Event | None = None) -> None:
        self.words, self.error, self.gate = words, error, gate
        self.open = 0

    async def pieces(self) -> AsyncGenerator[Piece, None]:
        self.open += 1
        try:
            for word in self.words:
                await asyncio.sleep(0)
                yield Piece([], [], word)
            if self.gate:
                await self.gate.wait()
            if self.error:
                raise self.error
        finally:
            self.open -= 1


def _started(*choices: Choice) -> AsyncGenerator[tuple[int, Piece], None]:
    return merge([choice.pieces() for choice in choices])


@pytest.mark.parametrize("count", [1, 2, 5])
async def test_every_piece_comes_in_the_order_of_its_choice(count: int) -> None:
    before = asyncio.all_tasks()
    choices = [Choice(*(f"{index}{letter}" for letter in "abcdef")) for index in range(count)]
    got: dict[int, list[str]] = {index: [] for index in range(count)}
    async for index, piece in _started(*choices):
        got[index].append(piece.text)
    assert got == {index: list(choice.words) for index, choice in enumerate(choices)}
    assert asyncio.all_tasks() == before


async def test_a_fast_choice_does_not_wait_for_a_slow_one() -> None:
    gate = asyncio.Event()
    got = []
    async with aclosing(_started(Choice(gate=gate), Choice("a", "b"))) as merged:
        async for index, piece in merged:
            got.append((index, piece.text))
            if len(got) == 2:
                gate.set()
    assert got == [(1, "a"), (1, "b")]


@pytest.mark.parametrize("count", [1, 3])
async def test_closing_closes_every_choice(count: int) -> None:
    before = asyncio.all_tasks()
    choices = [Choice("a", gate=asyncio.Event()) for _ in range(count)]
    merged = _started(*choices)
    await anext(merged)
    await merged.aclose()
    assert [choice.open for choice in choices] == [0] * count
    assert asyncio.all_tasks() == before


@pytest.mark.parametrize("count", [1, 3])
async def test_cancelling_the_reader_closes_every_choice(count: int) -> None:
    before = asyncio.all_tasks()
    choices = [Choice("a", gate=asyncio.Event()) for _ in range(count)]
    arrived = asyncio.Event()

    async def read() -> None:
        async with aclosing(_started(*choices)) as merged:
            async for _ in merged:
                arrived.set()

    reader = asyncio.create_task(read())
    await arrived.wait()
    reader.cancel()
    await asyncio.gather(reader, return_exceptions=True)
    assert [choice.open for choice in choices] == [0] * count
    assert asyncio.all_tasks() == before


@pytest.mark.parametrize("others", [0, 2])
async def test_the_first_error_ends_all(others: int) -> None:
    choices = [Choice("x", error=ValueError("broken")), *(Choice("a", gate=asyncio.Event()) for _ in range(others))]
    with pytest.raises(ValueError, match="broken"):
        async for _ in _started(*choices):
            pass
    assert [choice.open for choice in choices] == [0] * (others + 1)


async def test_a_reader_that_falls_behind_stops_the_choices() -> None:
    said = 0

    async def talkative() -> AsyncGenerator[Piece, None]:
        nonlocal said
        while said < 1000:
            said += 1
            await asyncio.sleep(0)
            yield Piece([], [], "a")

    async with aclosing(merge([talkative(), talkative()])) as merged:
        await anext(merged)
        for _ in range(500):
            await asyncio.sleep(0)
        assert said < 200
