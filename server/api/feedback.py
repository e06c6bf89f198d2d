"""POST /v1/feedback, and what it shares with the routes of reviewers (server/api/review.py).

1. Each needs a right of the key. Where no feedback is kept, all say how it would be.
2. Bodies are small, whatever else the server reads.
"""

import json
from collections.abc import Awaitable
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from server.api.access import key_of
from server.api.asgi import field
from server.errors import BadRequest, Forbidden, NotFound, RequestError, TooLarge, http_error
from server.feedback import verdicts
from server.feedback.service import Feedback
from server.feedback.verdicts import IDEMPOTENCY, Said
from server.keys.key import Key, Right

MOST_BYTES = 32 * 1024


def router(feedback: Feedback | None) -> APIRouter:
    """Build the routes. None: this server keeps no feedback, and says so."""
    routes = APIRouter()

    @routes.post("/v1/feedback", openapi_extra=described(Said))
    async def give(raw: Request) -> JSONResponse:
        """Take what a user says of an answer. It is kept when this answers 200."""
        return await answered(_give(feedback, raw))

    return routes


async def _give(feedback: Feedback | None, raw: Request) -> dict[str, Any]:
    database, key = kept(feedback), entitled(raw, "feedback")
    said = verdicts.parse(await body_of(raw))
    noted = await database.say(said, key.name, verdicts.checked(field(raw.scope, IDEMPOTENCY.lower().encode())))
    return {"id": noted.id, "object": "feedback", "created": int(noted.time), "verdict": said.verdict}


async def answered(work: Awaitable[dict[str, Any]]) -> JSONResponse:
    """Answer with what work comes to, or with why it does not."""
    try:
        return JSONResponse(await work)
    except RequestError as error:
        status, body, headers = http_error(error)
        return JSONResponse(body, status, headers)


def kept(feedback: Feedback | None) -> Feedback:
    """Return the feedback of this server. NotFound if it keeps none."""
    if feedback is None:
        raise off()
    return feedback


def off() -> NotFound:
    """Return what is said where no feedback is kept."""
    return NotFound(None, "this server keeps no feedback; its operator turns it on with --feedback-db FILE")


def entitled(raw: Request, right: Right) -> Key:
    """Return the key of a request. Forbidden if it has not the right."""
    key = key_of(raw.scope)
    if not key.may(right):
        why = f"key '{key.name}' has not the right '{right}'; its operator gives it in the file of keys"
        raise Forbidden(None, why)
    return key


async def body_of(raw: Request) -> object:
    """Return the JSON of a body. TooLarge or BadRequest if it is none, or too much."""
    body = await raw.body()
    if len(body) > MOST_BYTES:
        raise TooLarge("body", f"body: expected at most {MOST_BYTES} bytes")
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise BadRequest("body", "body: expected JSON") from None


def described(model: type[BaseModel]) -> dict[str, Any]:
    """Return what the OpenAPI document says of a body, which is read by hand."""
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": model.model_json_schema()}}}}
