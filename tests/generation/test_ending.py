"""The end of the server: who may come, what goes on, and what is given up."""

import asyncio

import pytest

from server.errors import ShuttingDown
from server.generation.ending import Ending


async def for_ever() -> None:
    await asyncio.Event().wait()


def test_it_goes_forward_only() -> None:
    ending = Ending()
    steps = [lambda: None, ending.drain, ending.close, ending.drain]
    seen = [(step(), ending.phase, ending.accepting)[1:] for step in steps]
    assert seen == [("open", True), ("draining", False), ("closed", False), ("closed", False)]


async def test_it_is_idle_when_all_that_was_under_way_has_ended() -> None:
    ending = Ending()
    assert await ending.idle_within(0)
    with ending.during():
        with ending.during(request=True):
            assert not await ending.idle_within(0) and (ending.under_way, ending.requests) == (2, 1)
        assert (ending.under_way, ending.requests) == (1, 0) and not await ending.idle_within(0)
        waiting = asyncio.create_task(ending.idle_within(3600))
        await asyncio.sleep(0)
    assert await waiting


async def test_what_is_under_way_counts_until_it_ends_however_it_does() -> None:
    ending = Ending()
    with pytest.raises(ValueError), ending.during():
        raise ValueError
    assert await ending.idle_within(0)


async def test_what_is_awaited_goes_on_while_draining() -> None:
    ending = Ending()
    answer = asyncio.get_running_loop().create_future()
    waiting = asyncio.create_task(ending.unless_closed(answer))
    await asyncio.sleep(0)
    ending.drain()
    answer.set_result(7)
    assert await waiting == 7


async def test_what_is_awaited_is_given_up_when_all_is_closed() -> None:
    ending, given_up = Ending(), asyncio.Event()

    async def work() -> None:
        try:
            await for_ever()
        finally:
            given_up.set()

    waiting = [asyncio.create_task(ending.unless_closed(work())) for _ in range(3)]
    await asyncio.sleep(0)
    ending.close()
    assert [type(error) for error in await asyncio.gather(*waiting, return_exceptions=True)] == [ShuttingDown] * 3
    assert given_up.is_set()


async def test_once_all_is_closed_nothing_is_waited_for() -> None:
    ending = Ending()
    ending.close()
    with pytest.raises(ShuttingDown):
        await ending.unless_closed(for_ever())


async def test_errors_and_cancellation_of_what_is_awaited_stay_what_they_are() -> None:
    ending = Ending()

    async def late() -> None:
        raise TimeoutError("of its own")

    with pytest.raises(TimeoutError, match="of its own"):
        await ending.unless_closed(late())
    waiting = asyncio.create_task(ending.unless_closed(for_ever()))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


def test_what_is_to_be_done_at_the_close_is_done_once_and_only_while_it_matters() -> None:
    ending, done = Ending(), list[str]()
    with ending.at_close(lambda: done.append("over")):
        pass
    with ending.at_close(lambda: done.append("on")):
        ending.close()
        ending.close()
    with ending.at_close(lambda: done.append("late")):
        assert done == ["on", "late"]
