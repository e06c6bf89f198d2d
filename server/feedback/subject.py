"""The text in question: what a user's verdict or a reviewer's judgement is about.

1. It is the answer as it was released, or what was taken back of it: with the text before, up to the end of the first
   window that was flagged, which is what the model had written of its own accord.
2. A false alarm is about what was taken back, where anything was and is kept; so is a rewind of which nobody complains.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal, get_args

from server.feedback.tables import AnswerRow

About = Literal["answer", "taken_back"]
ABOUT: tuple[About, ...] = get_args(About)


@dataclass(frozen=True, slots=True)
class Subject:
    """The text (None where it is not kept), and the span of it that was flagged, if one was; the leading category."""

    about: About
    text: str | None
    span: tuple[int, int] | None = None
    category: str | None = None


def subject(answer: AnswerRow, verdicts: Collection[str]) -> Subject:
    """Return the text in question of a choice of which these verdicts are given."""
    taken_back = None if "missed" in verdicts else of(answer, "taken_back")
    return taken_back or released(answer)


def of(answer: AnswerRow, about: About) -> Subject | None:
    """Return the text that a judgement is about; None if it is not kept, or was never written."""
    if about == "answer":
        return released(answer)
    for span, rejected in zip(answer.spans, answer.rejected or (), strict=False):
        if span["taken_back"] and rejected and answer.text is not None:
            start = span["start"]
            text = answer.text[:start] + rejected
            return Subject("taken_back", text, (start, len(text)), span["category"])
    return None


def released(answer: AnswerRow) -> Subject:
    """Return what was released, with the first stretch of it that was flagged and let through all the same."""
    flagged = next((span for span in answer.spans if not span["taken_back"]), None)
    if flagged is None:
        return Subject("answer", answer.text)
    return Subject("answer", answer.text, (flagged["start"], flagged["end"]), flagged["category"])
