"""The detectors API (filters/scorers/detections.py) over a batcher: what `unsay scorer` answers.

The rules:
1. Texts are scored as they come. Which readings of a text are to be judged is for the asking server to decide.
2. Every input is bounded: bytes of a body, texts in it, characters of a text. More is refused, and nothing is scored.
3. `detector_params`: `threshold` (0.5), from which on a score is a detection, and `least`, the thresholds that the
   scores of each text will be held against: where all are below, they may be upper bounds. Without it `threshold` is
   what they are held against.
4. Nothing of a text is in an error or in the log.
5. Requests take turns, and one whose client has left is scored no further.
"""

import asyncio
import json
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from filters.batcher import Batcher
from filters.call import Caller
from filters.judge import Judge
from filters.scorer import Reason, ScorerUnavailable, Scores, ThresholdValues, languages_of
from filters.scorers.detections import PATH, told
from server.api.asgi import CLIENT_GONE, ClientGone, while_connected

MOST_BYTES = 4 * 1024 * 1024
MOST_CHARACTERS = 50_000
"""As in server/generation/portions.py: a longer one would take the scorer seconds."""
_STRICT = ConfigDict(extra="forbid", strict=True)
_STATUS: dict[Reason, int] = {"deadline": 504, "overloaded": 503, "closed": 503, "error": 500}

_Threshold = Annotated[float, Field(ge=0, le=1)]


class Refused(Exception):
    """The request cannot be answered: with this status, and why."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class Params(BaseModel):
    """What is asked of the detector."""

    model_config = _STRICT
    threshold: _Threshold = 0.5
    least: list[dict[str, _Threshold]] | None = None


class Contents(BaseModel):
    """The texts, and what is asked."""

    model_config = _STRICT
    contents: Annotated[list[Annotated[str, Field(max_length=MOST_CHARACTERS)]], Field(min_length=1)]
    detector_params: Params = Params()


def application(batcher: Batcher, *, most_contents: int) -> FastAPI:
    """Serve `POST /api/v1/text/contents` and `GET /health`. The batcher is running."""
    app = FastAPI(title="unsay scorer", openapi_url=None)
    judge, scorer = Judge(batcher), batcher.scorer

    @app.get("/health")
    async def health() -> JSONResponse:
        """Answer 200 while scores can be had, with the scorer, its categories and the languages that it reads."""
        good = judge.available()
        about: dict[str, object] = {"status": "ok" if good else "failing"}
        about |= {"scorer": scorer.name, "categories": scorer.categories}
        if (languages := languages_of(scorer)) is not None:
            about["languages"] = sorted(languages)
        return JSONResponse(about, 200 if good else 503)

    @app.post(PATH)
    async def contents(raw: Request) -> JSONResponse:
        """Answer the detections of each text. `detector-id` may say anything: there is one detector here."""
        try:
            asked = parse(await _body(raw), most_contents)
            return JSONResponse(await while_connected(raw.receive, _detections(batcher, asked)))
        except ClientGone:
            return _error(CLIENT_GONE, "the client has left")
        except Refused as refused:
            return _error(refused.status, refused.message)
        except ScorerUnavailable as error:
            return _error(_STATUS[error.reason], str(error))

    return app


def parse(body: bytes, most_contents: int) -> Contents:
    """Parse what a body asks for. Refused (413, 422) with the key at fault and what was expected there."""
    try:
        asked = Contents.model_validate(json.loads(body))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        key = ".".join(map(str, first["loc"])) or "body"
        raise Refused(422, f"{key}: {first['msg']}") from None
    except (ValueError, RecursionError):
        raise Refused(422, "body: expected JSON") from None
    if len(asked.contents) > most_contents:
        raise Refused(413, f"contents: expected at most {most_contents} texts")
    least = asked.detector_params.least
    if least is not None and len(least) != len(asked.contents):
        raise Refused(422, "detector_params.least: expected thresholds for each of the contents")
    return asked


async def _body(raw: Request) -> bytes:
    body = bytearray()
    async for part in raw.stream():
        body += part
        if len(body) > MOST_BYTES:
            raise Refused(413, f"body: expected at most {MOST_BYTES} bytes")
    return bytes(body)


async def _detections(batcher: Batcher, asked: Contents) -> list[list[dict[str, Any]]]:
    params, scorer = asked.detector_params, batcher.scorer
    below = dict.fromkeys(scorer.categories, params.threshold) if params.threshold else {}
    scores = await _scores(batcher, asked.contents, params.least or [below] * len(asked.contents))
    pairs = zip(asked.contents, scores, strict=True)
    return [told(text, each, params.threshold, scorer.name) for text, each in pairs]


async def _scores(batcher: Batcher, texts: Sequence[str], thresholds: Sequence[ThresholdValues]) -> list[Scores]:
    """Return the scores of each text. Texts with the same thresholds make a call, all at once: calls share passes."""
    groups: dict[frozenset[tuple[str, float]], list[int]] = {}
    for index, each in enumerate(thresholds):
        groups.setdefault(frozenset(each.items()), []).append(index)
    caller = Caller(client=object())
    calls = (batcher.score([texts[index] for index in own], dict(key), caller) for key, own in groups.items())
    found: dict[int, Scores] = {}
    for own, scores in zip(groups.values(), await asyncio.gather(*calls), strict=True):
        found.update(zip(own, scores, strict=True))
    return [found[index] for index in range(len(texts))]


def _error(status: int, message: str) -> JSONResponse:
    return JSONResponse({"code": status, "message": message}, status)
