"""The bounded way out."""

import asyncio

import pytest

from server.generation.channel import Channel, Closed


def test_pieces_come_in_order_and_then_the_end() -> None:
    async def scenario() -> None:
        channel: Channel[int] = Channel()
        for piece in range(3):
            channel.put(piece)
        channel.close()
        assert [await channel.get() for _ in range(3)] == [0, 1, 2]
        for _ in range(2):
            with pytest.raises(Closed):
                await channel.get()

    asyncio.run(scenario())


def test_a_waiting_reader_is_woken_by_a_piece_and_by_the_end() -> None:
    async def scenario() -> None:
        channel: Channel[int] = Channel()
        reading = asyncio.create_task(channel.get())
        await asyncio.sleep(0)
        channel.put(1)
        assert await reading == 1
        reading = asyncio.create_task(channel.get())
        await asyncio.sleep(0)
        channel.close()
        with pytest.raises(Closed):
            await reading

    asyncio.run(scenario())


def test_an_error_overtakes_what_waits() -> None:
    async def scenario() -> None:
        channel: Channel[int] = Channel()
        channel.put(1)
        channel.close(ValueError("broken"))
        channel.put(2)
        with pytest.raises(ValueError, match="broken"):
            await channel.get()

    asyncio.run(scenario())


def test_only_the_first_close_counts_and_nothing_comes_after_it() -> None:
    async def scenario() -> None:
        channel: Channel[int] = Channel()
        channel.put(1)
        channel.close()
        channel.put(2)
        channel.close(ValueError("late"))
        assert channel.closed
        assert await channel.get() == 1
        with pytest.raises(Closed):
            await channel.get()

    asyncio.run(scenario())


def test_a_full_channel_makes_the_writer_wait_until_it_is_read_or_closed() -> None:
    async def scenario() -> None:
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

    asyncio.run(scenario())
