"""Where a database may be, what it is like when it is not there, and what is done to its file."""

import asyncio
import stat
import threading
from pathlib import Path

import pytest
from sqlalchemy import text

from server.errors import StartError, Unavailable
from server.feedback.database import MOST_WAITING, Database, address, check
from tests.feedback.rows import kept, row


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("feedback.db", "sqlite:///feedback.db"),
        ("/var/lib/x.db", "sqlite:////var/lib/x.db"),
        ("sqlite:///x.db", "sqlite:///x.db"),
        ("postgresql://u@h/n", "postgresql+psycopg://u@h/n"),
        ("postgres://u@h/n", "postgresql+psycopg://u@h/n"),
    ],
)
def test_a_file_or_a_url_says_where_it_is(said: str, meant: str) -> None:
    assert str(address(said)) == meant


@pytest.mark.parametrize("said", ["mysql://u:secret@h/n", "sqlite://", "sqlite:///:memory:", "://", "http://h"])
def test_what_is_no_database_is_refused_without_being_repeated(said: str) -> None:
    with pytest.raises(StartError, match="feedback_db: expected") as refused:
        address(said)
    assert "secret" not in str(refused.value)


def test_its_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "feedback.db"
    database = Database(str(file))
    kept(database, row())
    for each in tmp_path.iterdir():
        assert not each.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO), each
    database.close()
    file.chmod(0o644)
    with pytest.raises(StartError, match="others may read"):
        check(str(file))


def test_a_place_that_cannot_be_written_is_refused_before_anything_starts(tmp_path: Path) -> None:
    for place in (tmp_path / "nosuch" / "f.db", tmp_path):
        with pytest.raises(StartError, match="feedback_db"):
            check(str(place))
    check(None)


def test_what_is_committed_is_on_disk_and_what_is_deleted_is_overwritten(tmp_path: Path) -> None:
    database = Database(str(tmp_path / "f.db"))
    kept(database, row())
    with database.engine.connect() as connection:
        found = [connection.execute(text(f"PRAGMA {name}")).scalar() for name in ("journal_mode", "synchronous")]
        assert found == ["wal", 2] and connection.execute(text("PRAGMA secure_delete")).scalar() == 1
    database.close()


async def test_work_is_done_in_threads_of_its_own(tmp_path: Path) -> None:
    database = Database(str(tmp_path / "f.db"))
    name = await database.run(lambda session: threading.current_thread().name)
    assert name.startswith("feedback")
    database.close()


async def test_no_more_waits_for_it_than_it_can_do_soon(tmp_path: Path) -> None:
    database, go = Database(str(tmp_path / "f.db")), threading.Event()
    waiting = [asyncio.create_task(database.run(lambda session: go.wait(20))) for _ in range(MOST_WAITING)]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable):
        await database.run(lambda session: True)
    go.set()
    assert all(await asyncio.gather(*waiting)) and await database.run(lambda session: True)
    database.close()


def test_work_that_fails_leaves_nothing(database: Database) -> None:
    def work(session: object) -> None:
        kept_in_it = text("INSERT INTO claims VALUES (1, 'ann', 1.0)")
        session.execute(kept_in_it)  # type: ignore[attr-defined]
        raise KeyError

    kept(database, row())
    with pytest.raises(KeyError):
        database.now(work)
    assert database.now(lambda session: session.execute(text("SELECT count(*) FROM claims")).scalar()) == 0


def test_one_that_is_not_there_is_unavailable_and_logged_once(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    caplog.set_level("INFO", "unsay.feedback")
    database = Database(f"postgresql://u:secret@/n?host={tmp_path}")
    for _ in range(2):
        with pytest.raises(Unavailable):
            kept(database, row())
    (logged,) = [record for record in caplog.records if "does not answer" in record.message]
    assert "secret" not in caplog.text and logged.levelname == "ERROR"
    database.close()


async def test_one_that_ends_and_comes_back_is_found_again(postgres: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its server drops every connection, as it does when it is started again."""
    database = Database(postgres.format("postgres"))
    ask = text("SELECT 1")
    assert database.now(lambda session: session.execute(ask).scalar()) == 1
    other = Database(postgres.format("template1"))
    drop = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'postgres' AND pid <> pg_backend_pid()"
    )
    with other.engine.connect() as connection:
        connection.execute(text(drop))
    assert database.now(lambda session: session.execute(ask).scalar()) == 1
    database.close()
    other.close()
