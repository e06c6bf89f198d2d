"""No task fails unheard, and none is left behind."""

import asyncio

from server.generation.tasks import Tasks


async def test_what_a_task_raises_is_handed_on() -> None:
    heard: list[Exception] = []

    async def broken() -> None:
        raise ValueError("broken")

    await Tasks(heard.append).spawn(broken)
    assert [str(error) for error in heard] == ["broken"]


async def test_stopping_ends_every_task_and_waits_for_it() -> None:
    before = asyncio.all_tasks()
    ended: list[str] = []
    heard: list[Exception] = []
    tasks = Tasks(heard.append)

    async def endless(name: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.append(name)

    for name in "ab":
        tasks.spawn(lambda name=name: endless(name))  # type: ignore[misc]
    await asyncio.sleep(0)
    await tasks.stop()
    assert (sorted(ended), heard) == (["a", "b"], [])
    assert asyncio.all_tasks() == before


async def test_a_task_cancelled_before_its_turn_never_begins() -> None:
    begun: list[int] = []

    async def work() -> None:
        begun.append(1)

    tasks = Tasks(lambda error: None)
    tasks.spawn(work)
    await tasks.stop()
    assert begun == []


async def test_the_end_comes_after_those_that_others_begin() -> None:
    done: list[str] = []
    tasks = Tasks(lambda error: None)

    async def last() -> None:
        await asyncio.sleep(0)
        done.append("last")

    async def first() -> None:
        await asyncio.sleep(0)
        tasks.spawn(last)
        done.append("first")

    tasks.spawn(first)
    await tasks.ended()
    assert done == ["first", "last"]


async def test_it_is_told_once_that_none_is_running_any_more() -> None:
    told: list[str] = []
    tasks, first, second = Tasks(lambda error: None), asyncio.Event(), asyncio.Event()
    tasks.when_idle(lambda: told.append("at once"))
    tasks.spawn(lambda: _wait(first))
    tasks.spawn(lambda: _wait(second))
    tasks.when_idle(lambda: told.append("then"))
    for event in (first, second):
        assert told == ["at once"]
        event.set()
        for _ in range(5):
            await asyncio.sleep(0)
    assert told == ["at once", "then"]


async def _wait(event: asyncio.Event) -> None:
    await event.wait()
