"""The queue of what reviewers should see, and what they say of it.

1. An answer is shown to as many reviewers as it `wanted`, each once. Who looks at one has it for a while.
2. What the gate scored is not shown: a judgement should be a reviewer's own.
3. Flagged text that was taken back is shown to those alone who may see it.
4. A reviewer may say something else later: the last word counts.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, func, select, update
from sqlalchemy.orm import Session, selectinload

from server.errors import BadRequest, Forbidden, NotFound
from server.feedback.agreement import agreement
from server.feedback.judgement import Judged
from server.feedback.records import CLOSE, DISAGREED, NOT_SEEN, REPORTED, REWOUND, SAMPLED
from server.feedback.subject import Subject, of, subject
from server.feedback.tables import AnswerRow, ClaimRow, ReviewRow, VerdictRow
from server.feedback.verdicts import check_span

CLAIM_SECONDS = 900.0
REASONS = {
    REPORTED: "reported",
    DISAGREED: "disagreement",
    CLOSE: "near_threshold",
    REWOUND: "rewound",
    SAMPLED: "sample",
}


@dataclass(frozen=True, slots=True)
class Reviewer:
    """Who reviews, by the name of the key, and whether flagged text may be shown."""

    name: str
    sees_flagged: bool


def take(session: Session, reviewer: Reviewer, now: float, skipping: Collection[int] = ()) -> dict[str, Any] | None:
    """Return what this reviewer should see next, which is theirs for a while; None if there is nothing."""
    session.execute(delete(ClaimRow).where((ClaimRow.reviewer == reviewer.name) | (ClaimRow.until <= now)))
    waiting = select(AnswerRow).where(_waiting(reviewer.name), AnswerRow.id.not_in(skipping))
    ordered = waiting.order_by(AnswerRow.interest.desc(), AnswerRow.id).limit(1)
    row = session.scalar(ordered.with_for_update(skip_locked=True))
    if row is None:
        return None
    session.add(ClaimRow(answer_id=row.id, reviewer=reviewer.name, until=now + CLAIM_SECONDS))
    return _shown(row, reviewer)


def add(session: Session, judged: Judged, reviewer: Reviewer, now: float) -> bool:
    """Note a judgement; return whether it is the reviewer's first of this answer. NotFound, Forbidden or BadRequest."""
    row = session.get(AnswerRow, judged.item)
    if row is None or row.text is None:
        raise NotFound("item", "item: there is no such answer to review (any more)")
    if judged.about == "taken_back" and not reviewer.sees_flagged:
        raise Forbidden("about", "about: this API key may not see flagged text; it needs the right 'flagged_text'")
    shown = of(row, judged.about)
    if shown is None or shown.text is None:
        raise BadRequest("about", "about: nothing that was taken back of this answer is kept")
    check_span(judged.span, len(shown.text))
    found = session.scalar(
        select(ReviewRow).where(ReviewRow.answer_id == row.id, ReviewRow.reviewer == reviewer.name).with_for_update()
    )
    review = found or ReviewRow(answer_id=row.id, reviewer=reviewer.name)
    _fill(review, judged, now)
    session.add(review)
    if found is None:
        counted = update(AnswerRow).where(AnswerRow.id == row.id).values(reviews=AnswerRow.reviews + 1)
        session.execute(counted)
    session.execute(delete(ClaimRow).where(ClaimRow.answer_id == row.id, ClaimRow.reviewer == reviewer.name))
    return found is None


def status(session: Session, reviewer: Reviewer) -> dict[str, Any]:
    """Return how much waits for this reviewer, what was done, and how far reviewers agree."""
    unseen = and_(AnswerRow.text.is_(None), AnswerRow.said_of.any(VerdictRow.verdict != "good"))
    twice = select(AnswerRow).where(AnswerRow.reviews > 1).options(selectinload(AnswerRow.judged))
    return {
        "reviewer": reviewer.name,
        "flagged_text": reviewer.sees_flagged,
        "waiting": _count(session, AnswerRow, _waiting(reviewer.name)),
        "reviews": _count(session, ReviewRow),
        "own_reviews": _count(session, ReviewRow, ReviewRow.reviewer == reviewer.name),
        "reported_without_text": _count(session, AnswerRow, unseen),
        "agreement": agreement([answer.judged for answer in session.scalars(twice)]),
    }


def _count(session: Session, table: type[Any], *where: ColumnElement[bool]) -> int:
    return session.scalar(select(func.count()).select_from(table).where(*where)) or 0


def _waiting(reviewer: str) -> ColumnElement[bool]:
    """Say of an answer that it should be seen by this reviewer, and by more than those who look at it just now."""
    others = select(func.count()).where(ClaimRow.answer_id == AnswerRow.id, ClaimRow.reviewer != reviewer)
    return and_(
        AnswerRow.interest > NOT_SEEN,
        AnswerRow.text.is_not(None),
        AnswerRow.reviews + others.scalar_subquery() < AnswerRow.wanted,
        ~AnswerRow.judged.any(ReviewRow.reviewer == reviewer),
    )


def _fill(review: ReviewRow, judged: Judged, now: float) -> None:
    review.about = judged.about
    review.toxic = judged.toxic
    review.start = judged.span[0] if judged.span else None
    review.end = judged.span[1] if judged.span else None
    review.category = judged.category
    review.ratings = judged.ratings()
    review.comment = judged.comment
    review.time = now


def _shown(row: AnswerRow, reviewer: Reviewer) -> dict[str, Any]:
    verdicts = {said.verdict for said in row.said_of}
    taken_back = of(row, "taken_back") if reviewer.sees_flagged else None
    asked: Subject = subject(row, verdicts) if reviewer.sees_flagged else Subject("answer", row.text)
    return {
        "item": row.id,
        "reason": REASONS[row.interest],
        "about": asked.about,
        "text": row.text,
        "taken_back": None
        if taken_back is None
        else {"text": taken_back.text, "start": (taken_back.span or (0, 0))[0]},
        "prompt": row.prompt if reviewer.sees_flagged else None,
        "language": row.language,
        "action": row.action,
        "policy": row.policy,
        "said_of": [_said(each) for each in row.said_of],
    }


def _said(row: VerdictRow) -> dict[str, Any]:
    return {
        "verdict": row.verdict,
        "span": None if row.start is None else [row.start, row.end],
        "category": row.category,
        "comment": row.comment,
    }
