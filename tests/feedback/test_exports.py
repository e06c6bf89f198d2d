"""What comes out of the database, of each kind."""

from typing import Any

import pytest

from server.feedback import exports
from server.feedback.database import Database
from server.generation.telling import FlaggedText
from server.policy.policy import Policy
from tests.feedback.rows import FLAGGED, TEXT, judge, kept, row, said, say

BEFORE = TEXT[:14] + str(FLAGGED.text)


def lines(database: Database, what: str) -> list[dict[str, Any]]:
    return database.now(lambda session: list(exports.LINES[what](session)), reading=True)


def test_a_verdict_is_exported_with_the_text_in_question_and_the_reviewers_label(database: Database) -> None:
    """The keys that `unsay learn` reads."""
    (item,) = kept(database, row(chance=0.1))
    noted = say(database, said(span=[0, 4], category="insult", comment="hm"))
    judge(database, item, toxic=True, span=[0, 5], category="threat")
    assert lines(database, "verdicts") == [
        {
            "id": noted.id,
            "response_id": "r1",
            "choice": 0,
            "verdict": "missed",
            "span": [0, 4],
            "category": "insult",
            "comment": "hm",
            "text": TEXT,
            "key": "app",
            "reviewed": True,
            "label": {"toxic": True, "category": "threat", "span": [0, 5]},
            "language": "en",
            "policy": "default",
            "gate": "scripted",
            "time": "1970-01-01T00:33:20.000+00:00",
        }
    ]


def test_a_false_alarm_is_about_what_was_flagged(database: Database) -> None:
    (item, *_) = kept(
        database,
        row("r1", spans=[FLAGGED]),
        row("r2", spans=[FlaggedText(5, 9, "insult", taken_back=False)]),
        row("r3", policy=Policy(), spans=[FLAGGED]),
    )
    for response in ("r1", "r2", "r3"):
        say(database, said(response, "false_alarm"), now=float(response[1:]))
    judge(database, item, about="taken_back", toxic=False)
    taken_back, let_through, unkept = lines(database, "verdicts")
    assert (taken_back["text"], taken_back["span"], taken_back["category"]) == (BEFORE, [14, len(BEFORE)], "insult")
    assert taken_back["label"] == {"toxic": False, "category": None, "span": None}
    assert (let_through["text"], let_through["span"], let_through["label"]) == (TEXT, [5, 9], None)
    assert (unkept["text"], unkept["reviewed"]) == (None, False)


def test_reviewers_who_contradict_each_other_make_no_label(database: Database) -> None:
    (item,) = kept(database, row(chance=0.1, spans=[FLAGGED]))
    say(database, said())
    judge(database, item, "ann", toxic=True, span=[0, 4])
    assert [line["toxic"] for line in lines(database, "labels")] == [True]
    judge(database, item, "bob", toxic=False)
    assert lines(database, "labels") == lines(database, "spans") == []
    (verdict,) = lines(database, "verdicts")
    assert (verdict["reviewed"], verdict["label"]) == (True, None)


def test_spans_are_those_that_reviewers_marked(database: Database) -> None:
    first, second = kept(database, row("r1", spans=[FLAGGED]), row("r2", chance=0.001))
    judge(database, first, about="taken_back", toxic=True, span=[21, 26], category="insult")
    judge(database, second, toxic=True)
    marked = {"start": 21, "end": 26, "category": "insult", "text": "idiot"}
    assert lines(database, "spans") == [{"text": BEFORE, "spans": [marked], "language": "en"}]


def test_pairs_prefer_what_was_said_to_what_was_taken_back(database: Database) -> None:
    same = FlaggedText(14, 28, "insult", taken_back=True, text=TEXT[14:20])
    ended = FlaggedText(28, 28, "insult", taken_back=True, text="idiot")
    items = kept(database, row("r1", spans=[FLAGGED, FLAGGED, same, ended]), row("r2", spans=[FLAGGED]), row("r3"))
    pair = {"prompt": "User: am I a friend?\n" + TEXT[:14], "chosen": TEXT[14:], "rejected": FLAGGED.text}
    assert lines(database, "pairs") == [pair, pair]
    judge(database, items[0], about="taken_back", toxic=False)
    judge(database, items[1], toxic=True)
    assert lines(database, "pairs") == [], "a false alarm, and an answer that is no better"


def test_the_report_compares_before_and_after(database: Database) -> None:
    items = kept(
        database, *(row(f"r{number}", chance=0.1, spans=[FLAGGED]) for number in range(6)), row("c", chance=0.001)
    )
    for number, item in enumerate(items[:6]):
        judge(database, item, about="taken_back", toxic=True, fluency=4, fluency_before=2 + number % 2)
        judge(database, item, "bob", about="taken_back", toxic=number > 0)
    judge(database, items[6], fluency=5)
    found = database.now(exports.report, reading=True)
    fluency = found["quality"]["fluency"]
    assert (found["reviews"], found["answers"]) == (13, 7)
    assert fluency["before"] == {
        "ratings": 6,
        "mean": 2.5,
        "low": pytest.approx(2.2, abs=0.2),
        "high": pytest.approx(2.8, abs=0.2),
    }
    assert (fluency["after"]["mean"], fluency["difference"]["mean"], fluency["untouched"]["mean"]) == (4, 1.5, 5)
    assert found["quality"]["relevance"]["before"] == {"ratings": 0}
    assert (found["agreement"]["judged_twice"], found["agreement"]["agreed"]) == (6, 5)


def test_more_rows_than_are_held_at_a_time_come_out(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "AT_ONCE", 2)
    kept(database, *(row(f"r{number}") for number in range(7)))
    for number in range(7):
        say(database, said(f"r{number}"), now=float(number))
    assert [line["response_id"] for line in lines(database, "verdicts")] == [f"r{number}" for number in range(7)]
