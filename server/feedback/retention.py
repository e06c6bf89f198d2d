"""What goes out of the database for good: what is too old, and what one key or one of its users has had."""

from typing import Any

from sqlalchemy import ColumnElement, CursorResult, delete
from sqlalchemy.orm import Session

from server.feedback.tables import AnswerRow
from server.hashing import hashed

DAY_SECONDS = 24 * 3600


def purge(session: Session, days: float, now: float) -> int:
    """Delete every answer that is older than so many days, with all that was said of it; return how many there were."""
    return _delete(session, AnswerRow.time < now - days * DAY_SECONDS)


def erase(session: Session, *, key: str | None, user: str | None) -> int:
    """Delete the answers of a user, of a key, or of a key's user, likewise. One of them is given."""
    where: list[ColumnElement[bool]] = []
    if key is not None:
        where.append(AnswerRow.key == key)
    if user is not None:
        where.append(AnswerRow.user_hash == hashed(user))
    if not where:
        raise ValueError("neither a key nor a user")
    return _delete(session, *where)


def _delete(session: Session, *where: ColumnElement[bool]) -> int:
    deleted: CursorResult[Any] = session.execute(delete(AnswerRow).where(*where))  # type: ignore[assignment]
    return deleted.rowcount
