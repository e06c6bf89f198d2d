"""What users say of answers: `missed`, `false_alarm` or `good`, perhaps of a span, a category, in words.

1. Only the key that had an answer may say something of it.
2. The same is not said twice: by its content, and by the client's Idempotency-Key.
3. All of it is bounded: the words, and how often something is said of one choice.
"""

import json
import secrets
from dataclasses import dataclass
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, Field
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from server.errors import BadRequest, Forbidden, NotFound
from server.feedback.records import REPORTED
from server.feedback.tables import MOST_ID, AnswerRow, VerdictRow
from server.hashing import hashed
from server.policy.body import fit_body, without_nulls
from server.policy.policy import STRICT, Name

Verdict = Literal["missed", "false_alarm", "good"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
MOST_COMMENT = 2_000
MOST_OF_A_CHOICE = 32
IDEMPOTENCY = "Idempotency-Key"
MOST_IDEMPOTENCY = 256
_NUL = "\0"

Place = Annotated[int, Field(ge=0, le=2**31 - 1)]
Span = Annotated[list[Place], Field(min_length=2, max_length=2)]
Comment = Annotated[str, Field(min_length=1, max_length=MOST_COMMENT)]


class Said(BaseModel):
    """What a user says: the body of POST /v1/feedback."""

    model_config = STRICT

    response_id: Annotated[str, Field(min_length=1, max_length=MOST_ID)] = Field(description="The answer's `id`.")
    choice: Place = Field(default=0, description="Its choice.")
    verdict: Verdict = Field(description="What was not flagged and should be, was and should not, or is well.")
    span: Span | None = Field(default=None, description="Where in the answer's text, in characters: [start, end].")
    category: Name | None = Field(default=None, description="Of what kind it is.")
    comment: Comment | None = Field(default=None, description="Anything else.")

    @property
    def content(self) -> str:
        """What tells it from anything else that is said."""
        return hashed(json.dumps(self.model_dump(mode="json"), sort_keys=True))


@dataclass(frozen=True, slots=True)
class Noted:
    """A verdict that is in the database. `fresh`: it was not there before."""

    id: str
    time: float
    fresh: bool


def parse(raw: object) -> Said:
    """Read what a user says. BadRequest naming the first key that does not fit."""
    said = fit_body(Said, without_nulls(raw))
    check_span(said.span)
    for key in ("response_id", "comment"):
        if _NUL in (getattr(said, key) or ""):
            raise BadRequest(key, f"{key}: expected text without the character U+0000")
    return said


def checked(idempotency: str | None) -> str | None:
    """Return what a client has sent as its key of a request. BadRequest if that is nothing, or too long."""
    if idempotency is not None and not 0 < len(idempotency) <= MOST_IDEMPOTENCY:
        raise BadRequest(IDEMPOTENCY, f"{IDEMPOTENCY}: expected 1 to {MOST_IDEMPOTENCY} characters")
    return idempotency


def check_span(span: list[int] | None, characters: int | None = None) -> None:
    """BadRequest unless a span has a start before its end, within a text of so many characters (None: any)."""
    if span is None:
        return
    if span[0] >= span[1]:
        raise BadRequest("span", "span: expected [start, end] with the start before the end")
    if characters is not None and span[1] > characters:
        raise BadRequest("span", f"span: ends at {span[1]}, behind the text, which has {characters} characters")


def add(session: Session, said: Said, key: str, idempotency: str | None, now: float) -> Noted:
    """Note what was said by a key, once. NotFound, Forbidden or BadRequest if that cannot be."""
    known = None if idempotency is None else hashed(idempotency)
    if known is not None and (before := _repeated(session, said, key, known)) is not None:
        return before
    answer = _answer(session, said, key)
    check_span(said.span, answer.characters)
    of_answer = VerdictRow.answer_id == answer.id
    same = session.scalar(select(VerdictRow).where(of_answer, VerdictRow.content == said.content))
    if same is not None:
        return Noted(same.id, same.time, fresh=False)
    count = session.scalar(select(func.count()).where(of_answer)) or 0
    if count >= MOST_OF_A_CHOICE:
        raise BadRequest("response_id", f"response_id: {MOST_OF_A_CHOICE} verdicts on this choice are enough")
    row = _row(said, answer.id, key, known, now)
    session.add(row)
    _report(session, answer, said)
    session.flush()
    return Noted(row.id, row.time, fresh=True)


def _repeated(session: Session, said: Said, key: str, known: str) -> Noted | None:
    row = session.scalar(select(VerdictRow).where(VerdictRow.key == key, VerdictRow.idempotency == known))
    if row is None:
        return None
    if row.content != said.content:
        raise BadRequest(IDEMPOTENCY, f"{IDEMPOTENCY}: has been used for something else that was said; take another")
    return Noted(row.id, row.time, fresh=False)


def _answer(session: Session, said: Said, key: str) -> AnswerRow:
    """Return the newest choice of this id that the key had: clients may choose ids, and again."""
    named = select(AnswerRow).where(AnswerRow.response_id == said.response_id, AnswerRow.choice == said.choice)
    found = session.scalar(named.where(AnswerRow.key == key).order_by(AnswerRow.id.desc()).limit(1))
    if found is not None:
        return found
    others = named.where(AnswerRow.key.is_distinct_from(key))  # its own may have come in between
    if session.scalar(others.limit(1)) is not None:
        raise Forbidden("response_id", "response_id: the answer of another API key")
    raise NotFound(
        "response_id", "response_id: no answer of this id, or not this choice of it, is known here (any more)"
    )


def _row(said: Said, answer: int, key: str, idempotency: str | None, now: float) -> VerdictRow:
    start, end = said.span or (None, None)
    return VerdictRow(
        id=f"fb-{secrets.token_hex(12)}",
        answer_id=answer,
        key=key,
        verdict=said.verdict,
        start=start,
        end=end,
        category=said.category,
        comment=said.comment,
        content=said.content,
        idempotency=idempotency,
        time=now,
    )


def _report(session: Session, answer: AnswerRow, said: Said) -> None:
    """Have a reviewer see what somebody complains about, if there is anything to be seen."""
    if said.verdict != "good" and answer.text is not None:
        session.execute(update(AnswerRow).where(AnswerRow.id == answer.id).values(interest=REPORTED))
