"""What is deleted, with all that hangs on it, in each kind of database."""

from typing import Any

import pytest
from sqlalchemy import func, select

from server.feedback import retention
from server.feedback.database import Database
from server.feedback.tables import AnswerRow, Base
from tests.feedback.rows import judge, kept, row, said, say

DAY = 24 * 3600.0


def left(database: Database) -> list[str]:
    return database.now(lambda session: list(session.scalars(select(AnswerRow.response_id).order_by(AnswerRow.id))))


def counts(database: Database) -> dict[str, Any]:
    tables = Base.metadata.tables
    return database.now(
        lambda session: {
            name: session.scalar(select(func.count()).select_from(table)) for name, table in tables.items()
        }
    )


def test_what_is_too_old_goes_with_what_was_said_of_it(database: Database) -> None:
    old, _ = kept(database, row("old", time=0.0), row("new", time=5 * DAY))
    say(database, said("old"))
    say(database, said("new"))
    judge(database, old, toxic=True)
    assert database.now(lambda session: retention.purge(session, 7, 8 * DAY)) == 1
    assert left(database) == ["new"]
    assert counts(database) == {"answers": 1, "verdicts": 1, "reviews": 0, "claims": 0}


@pytest.mark.parametrize(
    ("whose", "stays"),
    [
        ({"key": "app", "user": None}, ["other-u1"]),
        ({"key": None, "user": "u1"}, ["app", "app-u2"]),
        ({"key": "app", "user": "u1"}, ["app", "app-u2", "other-u1"]),
    ],
)
def test_what_one_has_had_is_erased_and_nothing_else(
    database: Database, whose: dict[str, str | None], stays: list[str]
) -> None:
    kept(
        database,
        row("app"),
        row("app-u1", user="u1"),
        row("app-u2", user="u2"),
        row("other-u1", user="u1", key="other"),
    )
    erased = database.now(lambda session: retention.erase(session, **whose))
    assert left(database) == stays and erased == 4 - len(stays)


def test_nobody_is_not_everybody(database: Database) -> None:
    kept(database, row())
    with pytest.raises(ValueError, match="neither"):
        database.now(lambda session: retention.erase(session, key=None, user=None))
    assert left(database) == ["r1"]


def test_erased_text_is_in_no_file_any_more(tmp_path: Any) -> None:
    database = Database(str(tmp_path / "f.db"))
    kept(database, *(row(f"r{number}", text=f"remember the wombat {number}", user="u1") for number in range(50)))
    database.now(lambda session: retention.erase(session, key=None, user="u1"))
    database.close()
    assert all(b"wombat" not in each.read_bytes() for each in tmp_path.iterdir())
