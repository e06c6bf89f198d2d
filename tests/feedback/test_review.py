"""The queue of reviewers, in each kind of database: who sees what, once, and what they say of it."""

from typing import Any

import pytest
from sqlalchemy import select

from server.errors import BadRequest, Forbidden, NotFound
from server.feedback import judgement, review
from server.feedback.database import Database
from server.feedback.review import CLAIM_SECONDS, Reviewer
from server.feedback.tables import ReviewRow
from server.policy.policy import Policy
from tests.feedback.rows import FLAGGED, TEXT, judge, kept, row, said, say

ANN, BOB, CID = Reviewer("ann", True), Reviewer("bob", True), Reviewer("cid", False)


def take(database: Database, reviewer: Reviewer, now: float = 3000.0, skipping: tuple[int, ...] = ()) -> Any:
    return database.now(lambda session: review.take(session, reviewer, now, skipping))


def test_what_is_worth_most_comes_first_and_what_is_not_worth_it_never(database: Database) -> None:
    kept(
        database,
        row("clean"),
        row("sampled", chance=0.001),
        row("rewound", spans=[FLAGGED]),
        row("near", scores={"insult": 0.45}),
        row("reported"),
        row("unkept", spans=[FLAGGED], policy=Policy()),
    )
    say(database, said("reported"))
    say(database, said("unkept"))
    found = []
    while (item := take(database, ANN)) is not None:
        judge(database, item["item"], toxic=False)
        found.append(item["reason"])
    assert found == ["reported", "near_threshold", "rewound", "sample"]
    status = database.now(lambda session: review.status(session, ANN))
    assert (status["waiting"], status["own_reviews"], status["reported_without_text"]) == (0, 4, 1)


def test_one_looks_at_a_thing_at_a_time_and_two_at_what_is_for_two(database: Database) -> None:
    one, two = kept(database, row("one", chance=0.5, spans=[FLAGGED]), row("two", chance=0.1, spans=[FLAGGED]))
    assert take(database, ANN)["item"] == take(database, ANN)["item"] == one, "it stays hers"
    assert take(database, BOB)["item"] == two
    judge(database, one)
    assert take(database, ANN)["item"] == two, "which is for two"
    assert take(database, CID) is None
    assert take(database, CID, now=3001.0 + CLAIM_SECONDS)["item"] == two, "they looked long enough"


def test_a_later_word_replaces_the_first_and_counts_once(database: Database) -> None:
    (item,) = kept(database, row(spans=[FLAGGED], chance=0.1))
    assert judge(database, item, toxic=True, category="insult", fluency=2)
    assert not judge(database, item, toxic=False, fluency=5)
    (found,) = database.now(lambda session: list(session.scalars(select(ReviewRow))))
    assert (found.toxic, found.category, found.ratings) == (False, None, {"after": {"fluency": 5}})
    assert take(database, BOB)["item"] == item, "one of two has judged it"


def test_what_users_say_stands_with_the_answer_and_decides_what_is_asked(database: Database) -> None:
    kept(database, row("r1", spans=[FLAGGED]), row("r2", spans=[FLAGGED]))
    say(database, said("r1", "missed", span=[0, 4], category="insult", comment="here"))
    say(database, said("r2", "false_alarm"))
    first, second = take(database, ANN), take(database, ANN, skipping=(1,))
    assert first["said_of"] == [{"verdict": "missed", "span": [0, 4], "category": "insult", "comment": "here"}]
    assert (first["about"], second["about"]) == ("answer", "taken_back")
    assert second["taken_back"] == {"text": TEXT[:14] + str(FLAGGED.text), "start": 14}
    assert "scores" not in second


def test_flagged_text_needs_its_right(database: Database) -> None:
    (item,) = kept(database, row(spans=[FLAGGED]))
    shown = take(database, CID)
    assert (shown["about"], shown["taken_back"], shown["prompt"]) == ("answer", None, None)
    with pytest.raises(Forbidden):
        judged = judgement.parse({"item": item, "about": "taken_back", "toxic": True})
        database.now(lambda session: review.add(session, judged, CID, 1.0))


def test_what_cannot_be_judged_is_refused(database: Database) -> None:
    item, bare = kept(database, row("r1", chance=0.001), row("r2", policy=Policy()))
    for number in (bare, bare + 1):
        with pytest.raises(NotFound):
            judge(database, number, toxic=True)
    with pytest.raises(BadRequest, match="span"):
        judge(database, item, toxic=True, span=[0, len(TEXT) + 1])
    with pytest.raises(BadRequest, match="nothing that was taken back"):
        judge(database, item, about="taken_back", toxic=True)
