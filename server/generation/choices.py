"""Several choices of one request side by side, each under its own guard."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from server.generation.channel import Channel, Closed
from server.generation.outlet import Piece


async def merge(choices: Sequence[AsyncGenerator[Piece, None]]) -> AsyncGenerator[tuple[int, Piece], None]:
    """Pieces of all choices with their index, as they come. Closing it closes them all; the first error ends all."""
    if len(choices) == 1:
        async with aclosing(choices[0]) as pieces:
            async for piece in pieces:
                yield 0, piece
        return
    channel: Channel[tuple[int, Piece]] = Channel()
    tasks = [asyncio.create_task(_forward(index, pieces, channel)) for index, pieces in enumerate(choices)]
    closing = asyncio.create_task(_close_behind(tasks, channel))
    try:
        while True:
            yield await channel.get()
    except Closed:
        pass
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, closing, return_exceptions=True)


async def _forward(index: int, pieces: AsyncGenerator[Piece, None], channel: Channel[tuple[int, Piece]]) -> None:
    try:
        async with aclosing(pieces):
            async for piece in pieces:
                channel.put((index, piece))
                await channel.room()
    except Exception as error:  # whatever it is, the reader gets it
        channel.close(error)


async def _close_behind(tasks: Sequence[asyncio.Task[None]], channel: Channel[tuple[int, Piece]]) -> None:
    await asyncio.wait(tasks)
    channel.close()
