"""What users say of answers, in each kind of database."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from server.errors import BadRequest, Forbidden, NotFound
from server.feedback.database import Database
from server.feedback.records import REPORTED
from server.feedback.tables import AnswerRow, VerdictRow
from server.feedback.verdicts import MOST_COMMENT, MOST_OF_A_CHOICE, parse
from tests.feedback.rows import TEXT, kept, row, said, say


def count(database: Database) -> int:
    return database.now(lambda session: session.scalar(select(func.count()).select_from(VerdictRow))) or 0


def test_what_is_said_is_kept_once_by_its_content(database: Database) -> None:
    kept(database, row())
    first, again = say(database, said()), say(database, said(), now=9999.0)
    assert (first.fresh, again.fresh) == (True, False) and (again.id, again.time) == (first.id, first.time)
    assert say(database, said(span=[0, 4])).fresh and say(database, said(span=[0, 4], category="insult")).fresh
    assert count(database) == 3


def test_the_clients_key_finds_what_it_said_and_is_not_taken_for_anything_else(database: Database) -> None:
    kept(database, row(), row("r2"), row("r3", key="other"))
    first = say(database, said(), idempotency="k")
    assert say(database, said(), idempotency="k").id == first.id
    with pytest.raises(BadRequest, match="Idempotency-Key"):
        say(database, said("r2"), idempotency="k")
    assert say(database, said("r3"), "other", idempotency="k").fresh, "it is the client's own"
    assert count(database) == 2


def test_an_unknown_answer_is_not_found_and_another_keys_is_forbidden(database: Database) -> None:
    kept(database, row(), row("r2", key="other"))
    for unknown in (said("nosuch"), said(choice=1)):
        with pytest.raises(NotFound):
            say(database, unknown)
    with pytest.raises(Forbidden):
        say(database, said("r2"))
    assert count(database) == 0


def test_of_answers_with_one_id_the_newest_is_meant_that_the_key_had(database: Database) -> None:
    """Clients may choose ids (X-Request-Id), and the same one twice."""
    kept(database, row(text="one"), row(text="and another one"), row(text="!", key="other"))
    assert say(database, said(span=[0, 15])).fresh
    with pytest.raises(BadRequest, match="behind the text, which has 15"):
        say(database, said(span=[0, 16]))


def test_a_span_lies_within_the_text_whether_that_is_kept_or_not(database: Database) -> None:
    from server.policy.policy import Policy

    kept(database, row(policy=Policy()))
    assert say(database, said(span=[0, len(TEXT)])).fresh
    with pytest.raises(BadRequest, match="span"):
        say(database, said(span=[0, len(TEXT) + 1]))


def test_a_choice_has_enough_at_some_point(database: Database) -> None:
    kept(database, row())
    for number in range(MOST_OF_A_CHOICE):
        say(database, said(comment=str(number)))
    with pytest.raises(BadRequest, match="enough"):
        say(database, said(comment="more"))


def test_a_complaint_is_for_reviewers_and_praise_is_not(database: Database) -> None:
    kept(database, row(), row("r2"))
    say(database, said(verdict="good"))
    say(database, said("r2", "false_alarm"))
    asked = select(AnswerRow.interest).order_by(AnswerRow.id)
    assert database.now(lambda session: list(session.scalars(asked))) == [0, REPORTED]


def test_of_the_same_said_at_once_one_is_kept(database: Database) -> None:
    kept(database, row())

    def attempt(_: int) -> str | None:
        try:
            return say(database, said()).id
        except IntegrityError:  # the service tries again, and finds it
            return None

    with ThreadPoolExecutor(8) as threads:
        ids = {found for found in threads.map(attempt, range(16)) if found}
    assert len(ids) == 1 and count(database) == 1


BAD: list[tuple[dict[str, Any], str]] = [
    ({"verdict": "awful"}, "verdict"),
    ({"verdict": True}, "verdict"),
    ({"response_id": ""}, "response_id"),
    ({"response_id": "x" * 257}, "response_id"),
    ({"response_id": 5}, "response_id"),
    ({"response_id": "a\0b"}, "response_id"),
    ({"choice": -1}, "choice"),
    ({"choice": 2**31}, "choice"),
    ({"choice": "0"}, "choice"),
    ({"span": [3]}, "span"),
    ({"span": [3, 3]}, "span"),
    ({"span": [4, 3]}, "span"),
    ({"span": [-1, 3]}, "span"),
    ({"span": [0, 10**30]}, "span"),
    ({"span": "0-3"}, "span"),
    ({"category": "a b"}, "category"),
    ({"comment": ""}, "comment"),
    ({"comment": "x" * (MOST_COMMENT + 1)}, "comment"),
    ({"comment": "\0"}, "comment"),
    ({"verdikt": "missed"}, "verdikt"),
]


@pytest.mark.parametrize(("wrong", "named"), BAD, ids=[str(wrong)[:40] for wrong, _ in BAD])
def test_what_does_not_fit_is_named(wrong: dict[str, Any], named: str) -> None:
    with pytest.raises(BadRequest) as refused:
        parse({"response_id": "r1", "verdict": "missed", **wrong})
    assert (refused.value.param or "").split(".")[0] == named and "\n" not in refused.value.message


def test_null_is_nothing_said() -> None:
    assert parse({"response_id": "r1", "verdict": "good", "span": None, "comment": None}).comment is None
