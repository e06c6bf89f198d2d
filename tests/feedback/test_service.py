"""Feedback of one server: answers that are on their way, two who say the same, what is deleted while it runs."""

import asyncio
import time
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from server.configuration import Settings
from server.errors import NotFound, StartError, Unavailable
from server.feedback.database import Database
from server.feedback.records import Selection
from server.feedback.service import Feedback, begun
from tests.feedback.rows import Told, kept, row, said
from tests.feedback.site import Heard


def made(database: Database, told: Told | None = None, *, days: float = 0, now: float = 5000.0) -> Feedback:
    return Feedback(database, told or Told(), days=days, selection=Selection(), audit=Heard(), now=lambda: now)


async def test_an_answer_that_is_on_its_way_is_waited_for(url: str) -> None:
    feedback, coming = made(Database(url)), asyncio.Event()
    feedback.begin()

    async def wait() -> None:
        await coming.wait()

    feedback.recorder.add(lambda: [row()], [wait])
    saying = asyncio.create_task(feedback.say(said(), "app", None))
    coming.set()
    assert (await saying).fresh
    with pytest.raises(NotFound):
        await feedback.say(said("nosuch"), "app", None)
    await feedback.aclose()


async def test_of_the_same_said_at_once_all_are_told_of_one(url: str) -> None:
    told, database = Told(), Database(url)
    kept(database, row())
    feedback = made(database, told)
    noted = await asyncio.gather(*(feedback.say(said(), "app", f"k{number}") for number in range(8)))
    assert len({each.id for each in noted}) == 1 and told.given == {"missed": 1}
    await feedback.aclose()


async def test_what_is_too_old_is_deleted_at_the_start(tmp_path: Path) -> None:
    database = Database(str(tmp_path / "f.db"))
    kept(database, row("old", time=0.0), row("new", time=99 * 86400.0))
    heard = Heard()
    feedback = Feedback(database, Told(), days=90, selection=Selection(), audit=heard, now=lambda: 100 * 86400.0)
    await feedback._purge()
    assert heard.events == [("retention", {"answers": 1, "days": 90})]
    with pytest.raises(NotFound):
        await feedback.say(said("old"), "app", None)
    assert (await feedback.say(said("new"), "app", None)).fresh
    await feedback.aclose()


async def test_without_its_database_it_begins_all_the_same_and_says_so(tmp_path: Path) -> None:
    told = Told()
    feedback = made(Database(f"postgresql://u@/n?host={tmp_path}"), told)
    feedback.begin()
    with pytest.raises(Unavailable):
        await feedback.say(said(), "app", None)
    assert told.failures >= 1
    await feedback.aclose()


async def test_it_is_kept_where_an_operator_wants_it(tmp_path: Path) -> None:
    async with AsyncExitStack() as closing:
        assert begun(Settings(), Told(), closing) is None
        file = tmp_path / "f.db"
        wanted = Settings(feedback_db=str(file), review_sample=0.5, review_twice=1.0)
        feedback = begun(wanted, Told(), closing, heard := Heard())
        assert feedback is not None and feedback.selection == Selection(0.5, 1.0)
        feedback.recorder.add(lambda: [row(time=time.time())])  # what is old is deleted at the start, which is now
        assert (await feedback.say(said(), "app", None)).fresh
        assert [event for event, _ in heard.events] == ["feedback"]
        with pytest.raises(StartError):
            begun(Settings(feedback_db="mysql://h"), Told(), closing)
    assert file.exists()
