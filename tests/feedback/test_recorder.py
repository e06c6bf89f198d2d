"""Writing rows off the path of requests: what waits, what is dropped, what a database that is down leaves waiting."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, text

from server.feedback.database import Database
from server.feedback.recorder import Recorder
from server.feedback.tables import AnswerRow
from tests.feedback.rows import Told, row


def written(database: Database) -> int:
    return database.now(lambda session: session.scalar(select(func.count()).select_from(AnswerRow))) or 0


async def test_rows_are_written_soon(database: Database) -> None:
    told = Told()
    recorder = Recorder(database, told)
    recorder.begin()
    for number in range(250):
        recorder.add(lambda number=number: [row(f"r{number}")])  # type: ignore[misc]
    await recorder.settled(20)
    assert written(database) == told.recorded["written"] == 250
    await recorder.aclose()


async def test_what_does_not_fit_is_dropped_and_counted(tmp_path: Path) -> None:
    told = Told()
    database = Database(str(tmp_path / "f.db"))
    recorder = Recorder(database, told, most_rows=3)
    for _ in range(5):
        recorder.add(lambda: [row()])
    assert told.recorded == {"dropped": 2}
    recorder.begin()
    await recorder.settled(10)
    assert (written(database), told.recorded["written"]) == (3, 3)
    await recorder.aclose()
    database.close()


async def test_rows_wait_for_a_database_that_is_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.feedback.database.WAIT_SECONDS", 0.02)
    monkeypatch.setattr("server.feedback.recorder.PAUSE_SECONDS", 0.01)
    database, told = Database(str(tmp_path / "f.db")), Told()
    assert written(database) == 0
    recorder = Recorder(database, told)
    recorder.begin()
    with database.engine.begin() as other:
        other.execute(text("SELECT 1"))
        recorder.add(lambda: [row()])
        await recorder.settled(0.2)
        assert not told.recorded
    await recorder.settled(10)
    assert told.recorded == {"written": 1} and written(database) == 1
    await recorder.aclose()
    database.close()


async def test_what_the_database_refuses_is_counted_and_the_next_is_written(tmp_path: Path) -> None:
    database, told = Database(str(tmp_path / "f.db")), Told()
    recorder = Recorder(database, told)
    recorder.begin()
    recorder.add(lambda: [{**row(), "policy": None}])
    await recorder.settled(10)
    recorder.add(lambda: [row()])
    await recorder.settled(10)
    assert told.recorded == {"refused": 1, "written": 1} and written(database) == 1
    await recorder.aclose()
    database.close()


async def test_a_record_that_cannot_be_made_is_counted(tmp_path: Path) -> None:
    database, told = Database(str(tmp_path / "f.db")), Told()

    def make() -> Any:
        raise RuntimeError

    Recorder(database, told).add(make)
    assert told.recorded == {"refused": 1}
    database.close()


async def test_what_is_to_come_is_waited_for(tmp_path: Path) -> None:
    database, told = Database(str(tmp_path / "f.db")), Told()
    recorder, verdict = Recorder(database, told), asyncio.Event()
    recorder.begin()

    async def wait() -> None:
        await verdict.wait()

    recorder.add(lambda: [row()], [wait])
    await recorder.settled(0.05)
    assert not told.recorded
    verdict.set()
    await recorder.settled(10)
    assert told.recorded == {"written": 1}
    await recorder.aclose()
    database.close()


async def test_what_waits_at_the_end_is_written_or_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.feedback.database.WAIT_SECONDS", 0.02)
    monkeypatch.setattr("server.feedback.recorder.LAST_SECONDS", 0.05)
    database, told = Database(str(tmp_path / "f.db")), Told()
    assert written(database) == 0
    recorder = Recorder(database, told)
    recorder.begin()
    with database.engine.begin() as other:
        other.execute(text("SELECT 1"))
        recorder.add(lambda: [row()])
        await recorder.aclose()
    assert told.recorded == {"dropped": 1}
    database.close()
