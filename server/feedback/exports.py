"""What comes out of the database, a JSON object a line, and a report.

1. `verdicts`: one object a verdict of a user's, with the text in question and what reviewers say of it.
2. `labels`: one object a text that reviewers agree about. `spans`: those that are toxic at a place.
3. `pairs`: after the same prompt what was said instead (chosen) and what was taken back (rejected), as libraries for
   preference tuning read it (TRL: preference, explicit prompt). What reviewers call a false alarm is left out, and so
   is a chosen text that they call toxic.
4. Two reviewers who contradict each other make no label.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from server.feedback.agreement import agreement
from server.feedback.fluency import Rated, compared
from server.feedback.judgement import CRITERIA
from server.feedback.subject import ABOUT, About, of, subject
from server.feedback.tables import AnswerRow, ReviewRow, VerdictRow

AT_ONCE = 500
"""Rows that are held at a time."""
Line = dict[str, Any]


def verdicts(session: Session) -> Iterator[Line]:
    """Yield what users said, in the order in which they said it."""
    asked = select(VerdictRow).order_by(VerdictRow.time, VerdictRow.id).execution_options(yield_per=AT_ONCE)
    for said in session.scalars(asked.options(selectinload(VerdictRow.answer).selectinload(AnswerRow.judged))):
        answer = said.answer
        asked_of = subject(answer, {said.verdict})
        label = agreed(answer.judged, asked_of.about)
        own = [said.start, said.end] if said.start is not None and asked_of.about == "answer" else None
        found = list(asked_of.span) if asked_of.span is not None and said.verdict == "false_alarm" else None
        yield {
            "id": said.id,
            "response_id": answer.response_id,
            "choice": answer.choice,
            "verdict": said.verdict,
            "span": own or found,
            "category": said.category or (asked_of.category if said.verdict == "false_alarm" else None),
            "comment": said.comment,
            "text": asked_of.text,
            "key": said.key,
            "reviewed": any(review.about == asked_of.about for review in answer.judged),
            "label": label,
            "language": answer.language,
            "policy": answer.policy,
            "gate": answer.gate,
            "time": _moment(said.time),
        }


def labels(session: Session) -> Iterator[Line]:
    """Yield what reviewers agree about."""
    for answer, about, label in _labelled(session):
        found = of(answer, about)
        yield {
            "response_id": answer.response_id,
            "choice": answer.choice,
            "about": about,
            "text": None if found is None else found.text,
            **label,
            "reviewers": sum(review.about == about and review.toxic is not None for review in answer.judged),
            "language": answer.language,
            "policy": answer.policy,
            "gate": answer.gate,
        }


def spans(session: Session) -> Iterator[Line]:
    """Yield the texts that are toxic at a place that a reviewer has marked."""
    for line in labels(session):
        if line["toxic"] and line["span"] is not None and line["text"] is not None:
            start, end = line["span"]
            marked = {"start": start, "end": end, "category": line["category"], "text": line["text"][start:end]}
            yield {"text": line["text"], "spans": [marked], "language": line["language"]}


def pairs(session: Session) -> Iterator[Line]:
    """Yield preference pairs of the rewinds whose texts are kept."""
    kept = select(AnswerRow).where(AnswerRow.prompt.is_not(None), AnswerRow.rejected.is_not(None))
    for answer in _loaded(session, kept):
        taken_back, said = agreed(answer.judged, "taken_back"), agreed(answer.judged, "answer")
        if (taken_back and not taken_back["toxic"]) or (said and said["toxic"]):
            continue
        yield from _pairs(answer)


def report(session: Session) -> Line:
    """Return what reviewers make of it all: how good text is before and after rewinds, and how far they agree."""
    answers = list(_loaded(session, select(AnswerRow).where(AnswerRow.reviews > 0)))
    reviewed = [answer.judged for answer in answers]
    rated = [Rated(_rewound(answer), review.ratings) for answer in answers for review in answer.judged]
    return {
        "reviews": len(rated),
        "answers": len(answers),
        "agreement": agreement(reviewed),
        "quality": {name: compared(rated, name) for name in CRITERIA},
    }


LINES: dict[str, Callable[[Session], Iterator[Line]]] = {
    "verdicts": verdicts,
    "labels": labels,
    "spans": spans,
    "pairs": pairs,
}


def agreed(judged: Sequence[ReviewRow], about: About) -> Line | None:
    """Return the label of a text: what all say of it who say something; of several the first names kind and place."""
    told = [review for review in judged if review.about == about and review.toxic is not None]
    if not told or len({review.toxic for review in told}) > 1:
        return None
    placed = next((review for review in told if review.start is not None), told[0])
    named = next((review.category for review in told if review.category), None)
    span = None if placed.start is None else [placed.start, placed.end]
    return {"toxic": told[0].toxic, "category": named, "span": span}


def _labelled(session: Session) -> Iterator[tuple[AnswerRow, About, Line]]:
    for answer in _loaded(session, select(AnswerRow).where(AnswerRow.reviews > 0)):
        for about in ABOUT:
            label = agreed(answer.judged, about)
            if label is not None:
                yield answer, about, label


def _loaded(session: Session, asked: Any) -> Iterator[AnswerRow]:
    ordered = asked.order_by(AnswerRow.id).options(selectinload(AnswerRow.judged))
    yield from session.scalars(ordered.execution_options(yield_per=AT_ONCE))


def _pairs(answer: AnswerRow) -> Iterator[Line]:
    """Yield the rewinds that were mended: what stands there now says something, and differs."""
    text, seen = answer.text or "", set[tuple[int, str]]()
    for span, rejected in zip(answer.spans, answer.rejected or (), strict=False):
        start, chosen = span["start"], text[span["start"] : span["end"]]
        parted = not chosen.startswith(rejected) and not rejected.startswith(chosen)
        if span["taken_back"] and chosen.strip() and parted and (start, rejected) not in seen:
            seen.add((start, rejected))
            yield {"prompt": (answer.prompt or "") + text[:start], "chosen": chosen, "rejected": rejected}


def _rewound(answer: AnswerRow) -> bool:
    return any(span["taken_back"] for span in answer.spans)


def _moment(time: float) -> str:
    return datetime.fromtimestamp(time, UTC).isoformat(timespec="milliseconds")
