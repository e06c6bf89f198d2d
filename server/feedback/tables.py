"""The tables: answers, verdicts on them, reviews of them, and who reviews what just now.

1. Text stands in `answers` alone (and a user's words in a verdict's comment), where the policy of the answer keeps it.
2. Everything goes with its answer: retention and erasure delete answers.
3. A user is known by a hash. Times are seconds since 1970. Spans are half-open, in characters.
4. A change here needs a migration (server/feedback/migrations); a test compares the two.
"""

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}
"""So that migrations can name what they change, in every database."""
MOST_ID = 256
"""Characters of a response's id. Clients may choose it: longer ones are not recorded."""
MOST_NAME = 64
"""Of a key, a policy or a category (server/policy/policy.py)."""


NUMBER = BigInteger().with_variant(Integer, "sqlite")
"""Of a row. SQLite counts by itself in `INTEGER` alone, which is as large there."""


class Base(DeclarativeBase):
    """What all tables share."""

    metadata = MetaData(naming_convention=NAMING)


class AnswerRow(Base):
    """One choice of one answer. `interest` is 0 if no reviewer needs to see it, and orders the others."""

    __tablename__ = "answers"
    __table_args__ = (
        Index(None, "response_id", "choice"),
        Index(None, "interest", "reviews"),
        Index(None, "user_hash"),
        Index(None, "key"),
        Index(None, "time"),
    )

    id: Mapped[int] = mapped_column(NUMBER, primary_key=True)
    response_id: Mapped[str] = mapped_column(String(MOST_ID))
    choice: Mapped[int] = mapped_column(Integer)
    key: Mapped[str] = mapped_column(String(MOST_NAME))
    user_hash: Mapped[str | None] = mapped_column(String(64))
    model: Mapped[str] = mapped_column(Text)
    policy: Mapped[str] = mapped_column(String(MOST_NAME))
    policy_hash: Mapped[str] = mapped_column(String(64))
    gate: Mapped[str] = mapped_column(Text)
    action: Mapped[str] = mapped_column(String(16))
    language: Mapped[str | None] = mapped_column(String(16))
    rewinds: Mapped[int] = mapped_column(Integer)
    scores: Mapped[dict[str, float]] = mapped_column(JSON)
    margin: Mapped[float | None] = mapped_column(Float)
    """The highest score less its threshold: below 0 for what was cleared. None if nothing was judged."""
    disagreement: Mapped[float | None] = mapped_column(Float)
    """How far apart probe and classifier were, where there is a probe."""
    characters: Mapped[int | None] = mapped_column(Integer)
    """The length of the answer's text; None if nobody counted."""
    spans: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    """What was flagged: start, end, category, taken_back."""
    time: Mapped[float] = mapped_column(Float)
    text: Mapped[str | None] = mapped_column(Text)
    prompt: Mapped[str | None] = mapped_column(Text)
    rejected: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    """What was flagged in each of the `spans`, from its start on, where the policy keeps that."""
    sampled: Mapped[bool] = mapped_column(Boolean)
    """Whether it is in the random sample."""
    interest: Mapped[int] = mapped_column(SmallInteger)
    wanted: Mapped[int] = mapped_column(SmallInteger)
    """How many reviewers are to see it."""
    reviews: Mapped[int] = mapped_column(SmallInteger)
    """How many have."""
    said_of: Mapped[list["VerdictRow"]] = relationship(back_populates="answer", order_by="VerdictRow.time")
    judged: Mapped[list["ReviewRow"]] = relationship(back_populates="answer", order_by="ReviewRow.id")


class VerdictRow(Base):
    """What a user says of a choice. `content` is a hash of all that is said: the same is not said twice."""

    __tablename__ = "verdicts"
    __table_args__ = (
        UniqueConstraint("answer_id", "content"),
        UniqueConstraint("key", "idempotency"),
    )

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    answer_id: Mapped[int] = mapped_column(NUMBER, ForeignKey("answers.id", ondelete="CASCADE"))
    key: Mapped[str] = mapped_column(String(MOST_NAME))
    verdict: Mapped[str] = mapped_column(String(16))
    start: Mapped[int | None] = mapped_column(Integer)
    end: Mapped[int | None] = mapped_column(Integer)
    category: Mapped[str | None] = mapped_column(String(MOST_NAME))
    comment: Mapped[str | None] = mapped_column(Text)
    content: Mapped[str] = mapped_column(String(64))
    idempotency: Mapped[str | None] = mapped_column(String(64))
    """A hash of the client's Idempotency-Key."""
    time: Mapped[float] = mapped_column(Float)
    answer: Mapped[AnswerRow] = relationship(back_populates="said_of")


class ReviewRow(Base):
    """What a reviewer says of a choice: is the text toxic that it is `about` (None: no saying), and how good is it."""

    __tablename__ = "reviews"
    __table_args__ = (UniqueConstraint("answer_id", "reviewer"),)

    id: Mapped[int] = mapped_column(NUMBER, primary_key=True)
    answer_id: Mapped[int] = mapped_column(NUMBER, ForeignKey("answers.id", ondelete="CASCADE"))
    reviewer: Mapped[str] = mapped_column(String(MOST_NAME))
    about: Mapped[str] = mapped_column(String(16))
    toxic: Mapped[bool | None] = mapped_column(Boolean)
    start: Mapped[int | None] = mapped_column(Integer)
    end: Mapped[int | None] = mapped_column(Integer)
    category: Mapped[str | None] = mapped_column(String(MOST_NAME))
    ratings: Mapped[dict[str, dict[str, int]]] = mapped_column(JSON)
    """`before` and `after` the rewind (of an answer without one: `after`), each with what was rated, from 1 to 5."""
    comment: Mapped[str | None] = mapped_column(Text)
    time: Mapped[float] = mapped_column(Float)
    answer: Mapped[AnswerRow] = relationship(back_populates="judged")


class ClaimRow(Base):
    """Who looks at a choice just now, and until when nobody else has to."""

    __tablename__ = "claims"

    answer_id: Mapped[int] = mapped_column(NUMBER, ForeignKey("answers.id", ondelete="CASCADE"), primary_key=True)
    reviewer: Mapped[str] = mapped_column(String(MOST_NAME), primary_key=True)
    until: Mapped[float] = mapped_column(Float)
