"""What a reviewer says of an answer, as it is sent: is it toxic, where and of what kind, and how good is it.

1. A span and a category are of what is toxic.
2. Ratings go from 1 (bad) to 5 (good). What cannot be told is left out.
"""

from typing import Annotated

from pydantic import BaseModel, Field

from server.errors import BadRequest
from server.feedback.subject import About
from server.feedback.verdicts import Comment, Place, Span, check_span
from server.policy.body import fit_body, without_nulls
from server.policy.policy import STRICT, Name

CRITERIA = ("fluency", "coherence", "relevance")

Rating = Annotated[int, Field(ge=1, le=5)] | None


class Judged(BaseModel):
    """What a reviewer says: the body of POST /v1/review. `toxic` is null where there is no saying."""

    model_config = STRICT

    item: Place
    about: About
    toxic: bool | None = None
    span: Span | None = None
    category: Name | None = None
    fluency: Rating = None
    coherence: Rating = None
    relevance: Rating = None
    fluency_before: Rating = None
    coherence_before: Rating = None
    relevance_before: Rating = None
    comment: Comment | None = None

    def ratings(self) -> dict[str, dict[str, int]]:
        """Return what was rated, of what was said and of what was taken back before."""
        found = {}
        for when, ending in (("after", ""), ("before", "_before")):
            rated = {name: value for name in CRITERIA if (value := getattr(self, name + ending)) is not None}
            if rated:
                found[when] = rated
        return found


def parse(raw: object) -> Judged:
    """Read what a reviewer says. BadRequest naming the first key that does not fit."""
    judged = fit_body(Judged, without_nulls(raw))
    check_span(judged.span)
    if judged.toxic is not True and (judged.span or judged.category):
        raise BadRequest("toxic", "toxic: expected true, as a span or a category is given")
    if "\0" in (judged.comment or ""):
        raise BadRequest("comment", "comment: expected text without the character U+0000")
    return judged
