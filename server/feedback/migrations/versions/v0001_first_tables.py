"""The first tables: answers, verdicts, reviews, claims."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables."""
    _make_answers()
    _make_claims()
    _make_reviews()
    _make_verdicts()


def downgrade() -> None:
    """Drop them, with all that is in them."""
    op.drop_table("verdicts")
    op.drop_table("reviews")
    op.drop_table("claims")
    op.drop_index("ix_answers_user_hash", table_name="answers")
    op.drop_index("ix_answers_time", table_name="answers")
    op.drop_index("ix_answers_response_id_choice", table_name="answers")
    op.drop_index("ix_answers_key", table_name="answers")
    op.drop_index("ix_answers_interest_reviews", table_name="answers")
    op.drop_table("answers")


def _make_answers() -> None:
    op.create_table(
        "answers",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("response_id", sa.String(length=256), nullable=False),
        sa.Column("choice", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("user_hash", sa.String(length=64), nullable=True),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("policy", sa.String(length=64), nullable=False),
        sa.Column("policy_hash", sa.String(length=64), nullable=False),
        sa.Column("gate", sa.Text(), nullable=False),
        sa.Column("action", sa.String(length=16), nullable=False),
        sa.Column("language", sa.String(length=16), nullable=True),
        sa.Column("rewinds", sa.Integer(), nullable=False),
        sa.Column("scores", sa.JSON(), nullable=False),
        sa.Column("margin", sa.Float(), nullable=True),
        sa.Column("disagreement", sa.Float(), nullable=True),
        sa.Column("characters", sa.Integer(), nullable=True),
        sa.Column("spans", sa.JSON(), nullable=False),
        sa.Column("time", sa.Float(), nullable=False),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("prompt", sa.Text(), nullable=True),
        sa.Column("rejected", sa.JSON(), nullable=True),
        sa.Column("sampled", sa.Boolean(), nullable=False),
        sa.Column("interest", sa.SmallInteger(), nullable=False),
        sa.Column("wanted", sa.SmallInteger(), nullable=False),
        sa.Column("reviews", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_answers"),
    )
    op.create_index("ix_answers_interest_reviews", "answers", ["interest", "reviews"], unique=False)
    op.create_index("ix_answers_key", "answers", ["key"], unique=False)
    op.create_index("ix_answers_response_id_choice", "answers", ["response_id", "choice"], unique=False)
    op.create_index("ix_answers_time", "answers", ["time"], unique=False)
    op.create_index("ix_answers_user_hash", "answers", ["user_hash"], unique=False)


def _make_claims() -> None:
    op.create_table(
        "claims",
        sa.Column("answer_id", NUMBER, nullable=False),
        sa.Column("reviewer", sa.String(length=64), nullable=False),
        sa.Column("until", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["answer_id"], ["answers.id"], name="fk_claims_answer_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("answer_id", "reviewer", name="pk_claims"),
    )


def _make_reviews() -> None:
    op.create_table(
        "reviews",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("answer_id", NUMBER, nullable=False),
        sa.Column("reviewer", sa.String(length=64), nullable=False),
        sa.Column("about", sa.String(length=16), nullable=False),
        sa.Column("toxic", sa.Boolean(), nullable=True),
        sa.Column("start", sa.Integer(), nullable=True),
        sa.Column("end", sa.Integer(), nullable=True),
        sa.Column("category", sa.String(length=64), nullable=True),
        sa.Column("ratings", sa.JSON(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.Column("time", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["answer_id"], ["answers.id"], name="fk_reviews_answer_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_reviews"),
        sa.UniqueConstraint("answer_id", "reviewer", name="uq_reviews_answer_id_reviewer"),
    )


def _make_verdicts() -> None:
    op.create_table(
        "verdicts",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("answer_id", NUMBER, nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=False),
        sa.Column("start", sa.Integer(), nullable=True),
        sa.Column("end", sa.Integer(), nullable=True),
        sa.Column("category", sa.String(length=64), nullable=True),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.Column("content", sa.String(length=64), nullable=False),
        sa.Column("idempotency", sa.String(length=64), nullable=True),
        sa.Column("time", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["answer_id"], ["answers.id"], name="fk_verdicts_answer_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_verdicts"),
        sa.UniqueConstraint("answer_id", "content", name="uq_verdicts_answer_id_content"),
        sa.UniqueConstraint("key", "idempotency", name="uq_verdicts_key_idempotency"),
    )
