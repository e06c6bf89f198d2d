"""Several choices side by side."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from server.generation.choices import merge
from server.generation.outlet import Piece


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
def test_every_piece_comes_in_the_order_of_its_choice(count: int) -> None:
    async def scenario() -> None:
        choices = [Choice(*(f"{index}{letter}" for letter in "abcdef")) for index in range(count)]
        got: dict[int, list[str]] = {index: [] for index in range(count)}
        async for index, piece in _started(*choices):
            got[index].append(piece.text)
        assert got == {index: list(choice.words) for index, choice in enumerate(choices)}
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(scenario())


def test_a_fast_choice_does_not_wait_for_a_slow_one() -> None:
    async def scenario() -> None:
        gate = asyncio.Event()
        got = []
        async with aclosing(_started(Choice(gate=gate), Choice("a", "b"))) as merged:
            async for index, piece in merged:
                got.append((index, piece.text))
                if len(got) == 2:
                    gate.set()
        assert got == [(1, "a"), (1, "b")]

    asyncio.run(scenario())


@pytest.mark.parametrize("count", [1, 3])
def test_closing_closes_every_choice(count: int) -> None:
    async def scenario() -> None:
        choices = [Choice("a", gate=asyncio.Event()) for _ in range(count)]
        merged = _started(*choices)
        await anext(merged)
        await merged.aclose()
        assert [choice.open for choice in choices] == [0] * count
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(scenario())


@pytest.mark.parametrize("count", [1, 3])
def test_cancelling_the_reader_closes_every_choice(count: int) -> None:
    async def scenario() -> None:
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
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(scenario())


@pytest.mark.parametrize("others", [0, 2])
def test_the_first_error_ends_all(others: int) -> None:
    async def scenario() -> None:
        choices = [Choice("x", error=ValueError("broken")), *(Choice("a", gate=asyncio.Event()) for _ in range(others))]
        with pytest.raises(ValueError, match="broken"):
            async for _ in _started(*choices):
                pass
        assert [choice.open for choice in choices] == [0] * (others + 1)

    asyncio.run(scenario())


def test_a_reader_that_falls_behind_stops_the_choices() -> None:
    async def scenario() -> None:
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

    asyncio.run(scenario())
