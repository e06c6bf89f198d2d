"""Answers for tests, as rows and as requests, and what is told of feedback."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select

from server.feedback import judgement, review, verdicts
from server.feedback.database import Database
from server.feedback.judgement import Judged
from server.feedback.recorder import Fate
from server.feedback.records import Records
from server.feedback.review import Reviewer
from server.feedback.tables import AnswerRow
from server.feedback.verdicts import Noted, Said, Verdict
from server.generation.report import Report
from server.generation.request import GuardedRequest
from server.generation.telling import ChoiceRecord, FlaggedText
from server.guard.state import Action
from server.keys.key import Key
from server.policy.policy import Policy

TEXT = "Well, you are a good friend."
FLAGGED = FlaggedText(14, 28, "insult", taken_back=True, text="a dull idiot.")
KEEPING = Policy(keep_text="all")


class Told:
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.given = Counter[Verdict]()
        self.recorded = Counter[Fate]()
        self.failures = 0

    def feedback_given(self, verdict: Verdict) -> None:
        self.given[verdict] += 1

    def answers_recorded(self, fate: Fate, count: int) -> None:
        self.recorded[fate] += count

    def feedback_failed(self) -> None:
        self.failures += 1


def request(
    text: str = TEXT,
    *,
    policy: Policy = KEEPING,
    key: str = "app",
    user: str | None = None,
    spans: Sequence[FlaggedText] = (),
    scores: Mapping[str, float] | None = None,
    prompt: str | None = "User: am I a friend?\n",
) -> GuardedRequest:
    """A request that was answered by one choice."""
    action: Action = "rewound" if spans else "clean"
    report = Report(policy.name, "enforce", action, scores=scores or {"insult": 0.1}, scorer="scripted", language="en")
    made = GuardedRequest(policy, key=Key(key), user=user, reports={0: report})
    made.answered[0] = lambda: ChoiceRecord(report, text, tuple(spans), prompt)
    return made


def row(response: str = "r1", *, time: float = 1000.0, chance: float = 0.99, **options: Any) -> dict[str, Any]:
    """The row of such a request; with `chance` below .01 it is in the sample, and below .2 for two reviewers."""
    (made,) = Records("m", chance=lambda: chance, now=lambda: time).rows(request(**options), response)
    return made


def kept(database: Database, *rows: dict[str, Any]) -> list[int]:
    """Put rows into a database; the numbers of all that are in it."""
    database.now(lambda session: session.execute(insert(AnswerRow), list(rows)))
    return database.now(lambda session: list(session.scalars(select(AnswerRow.id).order_by(AnswerRow.id))))


def said(response: str = "r1", verdict: str = "missed", **more: Any) -> Said:
    return verdicts.parse({"response_id": response, "verdict": verdict, **more})


def say(database: Database, what: Said, key: str = "app", idempotency: str | None = None, now: float = 2000.0) -> Noted:
    return database.now(lambda session: verdicts.add(session, what, key, idempotency, now))


def judge(database: Database, item: int, reviewer: str = "ann", now: float = 3000.0, **more: Any) -> bool:
    judged: Judged = judgement.parse({"item": item, "about": "answer", **more})
    return database.now(lambda session: review.add(session, judged, Reviewer(reviewer, True), now))


def with_an_answer(folder: Path) -> Database:
    """A database with one answer of `app`'s, rewound; whoever serves over it closes it."""
    made = Database(str(folder / "feedback.db"))
    kept(made, row(spans=[FLAGGED]))
    return made
