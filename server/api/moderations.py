"""POST /v1/moderations: OpenAI's shape, answered by the scorer that guards the text, in its categories and OpenAI's."""

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from filters.highest import highest_of
from filters.judge import Judge
from filters.portions import MOST_CHARACTERS, pieces_and_parts, portions
from filters.scorer import ScorerUnavailable, Scores
from filters.thresholds import Thresholds
from server.api.asgi import scorer_unavailable
from server.api.openai_categories import result
from server.errors import BadRequest
from server.generation.demand import check_moderation
from server.limits import Limits
from server.policy.policy import Policy
from server.policy.resolve import DetoxRequest
from server.policy.standard import standard

MOST_INPUTS = 1024
OBEYED = ("policy", "thresholds", "languages", "on_unread")
"""The keys of `detox` that say what a text is held against."""


class TextPart(BaseModel):
    """One part of an input in OpenAI's multi-modal shape; only text can be judged."""

    model_config = ConfigDict(extra="forbid", strict=True)
    type: Literal["text"]
    text: str


class ModerationRequest(BaseModel):
    """`input` is a text, a list of texts, or a list of text parts, which are one text together.

    `model` is named back in the answer. `detox` says what the text is held against (server/policy/resolve.py).
    """

    model_config = ConfigDict(strict=True)
    input: (
        str
        | Annotated[list[str], Field(min_length=1, max_length=MOST_INPUTS)]
        | Annotated[list[TextPart], Field(min_length=1, max_length=MOST_INPUTS)]
    )
    model: str | None = None
    detox: Any = None

    def texts(self) -> list[str]:
        """Return the texts that each have a result."""
        if isinstance(self.input, str):
            return [self.input]
        parts = [part.text for part in self.input if isinstance(part, TextPart)]
        return ["\n".join(parts)] if parts else [text for text in self.input if isinstance(text, str)]

    def held_against(self) -> object:
        """Its `detox` object. BadRequest for keys that say how text is written, of which there is none here."""
        for key in self.detox if isinstance(self.detox, dict) else ():
            if key in DetoxRequest.model_fields and key not in OBEYED:
                obeyed = ", ".join(OBEYED)
                raise BadRequest(
                    f"detox.{key}", f"detox.{key}: means nothing for text that is only judged; use {obeyed}"
                )
        return self.detox


def described() -> dict[str, Any]:
    """Return what the OpenAPI document says of the body, which is read by hand."""
    place = "#/paths/~1v1~1moderations/post/requestBody/content/application~1json/schema/$defs/{model}"
    body = ModerationRequest.model_json_schema(ref_template=place)
    detox = DetoxRequest.model_json_schema(ref_template=place)
    definitions = {**body.pop("$defs", {}), **detox.pop("$defs", {}), "DetoxRequest": detox}
    detox["properties"] = {key: value for key, value in detox["properties"].items() if key in OBEYED}
    body["properties"]["detox"] = {"anyOf": [{"$ref": place.format(model="DetoxRequest")}, {"type": "null"}]}
    schema = {**body, "$defs": definitions}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def parse(raw: object) -> ModerationRequest:
    """Parse a body. BadRequest naming `input` or `model` and what is expected there."""
    try:
        return ModerationRequest.model_validate(raw)
    except ValidationError as error:
        key = str(error.errors()[0]["loc"][0]) if error.errors()[0]["loc"] else "body"
        expected = "a text" if key == "model" else f"a text, or a list of 1 to {MOST_INPUTS} texts or text parts"
        raise BadRequest(key, f"{key}: expected {expected}") from None


async def moderate(request: ModerationRequest, judge: Judge, policy: Policy, limits: Limits) -> dict[str, Any]:
    """Score every text in its pieces and sentences, the highest counts, against the policy's thresholds.

    The guard's own texts go before them, and other requests have their turns between them. BadRequest for too much.
    A text that the scorer does not read is flagged too, unless the policy lets such text pass.
    """
    texts = request.texts()
    if max(map(len, texts)) > MOST_CHARACTERS:
        raise BadRequest("input", f"input: expected texts of at most {MOST_CHARACTERS} characters each")
    check_moderation(sum(map(len, texts)), limits)
    every = [pieces_and_parts(text) for text in texts]
    try:
        scores = await _scores(every, judge.about("moderations").of(object()))
    except ScorerUnavailable:
        raise scorer_unavailable() from None
    heard = await asyncio.to_thread(_heard, every, judge, policy)
    return {
        "id": f"modr-{secrets.token_hex(12)}",
        "model": request.model or judge.scorer_name,
        "results": [_result(*each, policy) for each in zip(scores, heard, strict=True)],
    }


async def _scores(every: Sequence[Sequence[str]], judge: Judge) -> list[Scores]:
    """Return for each text the highest scores over what is judged of it. ScorerUnavailable if there is no score."""
    given = portions([part for each in every for part in each])
    return highest_of(every, [entry for portion in given for entry in await judge.scores(portion)])


@dataclass(frozen=True, slots=True)
class _Heard:
    """What a text is held against, its language, and whether any of it is in one that the scorer does not read."""

    thresholds: Thresholds
    language: str
    unread: bool


def _heard(every: Sequence[Sequence[str]], judge: Judge, policy: Policy) -> list[_Heard]:
    """Tell the language of each text, which comes before its parts, and what it is held against."""
    held = standard(policy)
    found = []
    for texts in every:
        heard, whole = judge.hear(texts, held), judge.language(texts[0])
        found.append(_Heard(heard.thresholds, whole.language, heard.unread or whole.unread(judge.languages)))
    return found


def _result(scores: Scores, heard: _Heard, policy: Policy) -> dict[str, Any]:
    found = result(scores, heard.thresholds.exceeded(scores))
    return {
        **found,
        "flagged": found["flagged"] or (heard.unread and policy.on_unread != "pass"),
        "language": heard.language,
        **({"unread": True} if heard.unread else {}),
    }
