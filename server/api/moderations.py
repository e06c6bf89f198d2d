"""POST /v1/moderations: OpenAI's shape, answered by the scorer that guards the text."""

import hashlib
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from filters.judge import Judge
from filters.parts import with_parts
from filters.portions import MOST_CHARACTERS, portions
from filters.reading import highest
from filters.scorer import ScorerUnavailable, Scores
from filters.thresholds import Thresholds
from server.api.asgi import scorer_unavailable
from server.errors import BadRequest
from server.policy.policy import Policy

MOST_INPUTS = 1024


class TextPart(BaseModel):
    """One part of an input in OpenAI's multi-modal shape; only text can be judged."""

    model_config = ConfigDict(extra="forbid", strict=True)
    type: Literal["text"]
    text: str


class ModerationRequest(BaseModel):
    """`input` is a text, a list of texts, or a list of text parts; `model` is named back in the answer."""

    model_config = ConfigDict(strict=True)
    input: (
        str
        | Annotated[list[str], Field(min_length=1, max_length=MOST_INPUTS)]
        | Annotated[list[TextPart], Field(min_length=1, max_length=MOST_INPUTS)]
    )
    model: str | None = None

    def texts(self) -> list[str]:
        if isinstance(self.input, str):
            return [self.input]
        return [part if isinstance(part, str) else part.text for part in self.input]


def parse(raw: object) -> ModerationRequest:
    """BadRequest naming `input` or `model` and what is expected there."""
    try:
        return ModerationRequest.model_validate(raw)
    except ValidationError as error:
        key = str(error.errors()[0]["loc"][0]) if error.errors()[0]["loc"] else "body"
        expected = "a text" if key == "model" else f"a text, or a list of 1 to {MOST_INPUTS} texts or text parts"
        raise BadRequest(key, f"{key}: expected {expected}") from None


async def moderate(request: ModerationRequest, judge: Judge, policy: Policy) -> dict[str, Any]:
    """Score every text whole and its parts by themselves, the highest counts, against the policy's thresholds.

    One that is longer than the scorer reads is scored in overlapping pieces instead of whole.
    """
    texts = request.texts()
    if max(map(len, texts)) > MOST_CHARACTERS:
        raise BadRequest("input", f"input: expected texts of at most {MOST_CHARACTERS} characters each")
    try:
        scores = await _scores(texts, judge)
    except ScorerUnavailable:
        raise scorer_unavailable() from None
    thresholds = Thresholds(policy.thresholds)
    return {
        "id": f"modr-{_digest(texts)}",
        "model": request.model or judge.scorer_name,
        "results": [_result(entry, thresholds) for entry in scores],
    }


async def _scores(texts: Sequence[str], judge: Judge) -> list[Scores]:
    """For each text, the highest over it and its parts. ScorerUnavailable if there is no score."""
    every = [with_parts(text) for text in texts]
    given = portions([part for each in every for part in each])
    found = iter([entry for portion in given for entry in await judge.scores(portion)])
    return [highest([next(found) for _ in each]) for each in every]


def _result(scores: Scores, thresholds: Thresholds) -> dict[str, Any]:
    exceeded = thresholds.exceeded(scores)
    return {
        "flagged": bool(exceeded),
        "categories": {category: category in exceeded for category in scores},
        "category_scores": dict(scores),
        "category_applied_input_types": {category: ["text"] for category in scores},
    }


def _digest(texts: Sequence[str]) -> str:
    """The same input gets the same id; nothing of the text can be read from it."""
    return hashlib.sha256("\0".join(texts).encode("utf-8", "surrogatepass")).hexdigest()[:24]
