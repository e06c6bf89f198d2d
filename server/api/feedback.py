"""POST /v1/feedback, and what reviewers ask and say: /v1/review/next, /v1/review, /v1/review/status, and their page.

1. Each needs a right of the key: `feedback`, or `review`. What was taken back is shown with `flagged_text` alone.
2. The page holds nothing of anybody's, and is open to all: it asks for a key, and sends it with every request.
3. Bodies are small, whatever else the server reads.
"""

import json
from collections.abc import Awaitable
from pathlib import Path
from typing import Annotated, Any, Never

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field

from server.api.access import PAGE, key_of
from server.api.asgi import field
from server.errors import BadRequest, Forbidden, NotFound, RequestError, TooLarge, http_error
from server.feedback import review, verdicts
from server.feedback.review import Judged, Reviewer
from server.feedback.service import Feedback
from server.feedback.verdicts import IDEMPOTENCY, Place, Said
from server.keys.key import Key, Right
from server.policy.policy import STRICT
from server.policy.shape import Misfit, fit

MOST_BYTES = 32 * 1024
MOST_IDEMPOTENCY = 256
MOST_SKIPPED = 1_000
FILES = Path(__file__).parents[1] / "feedback" / "page"
SECURITY = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
KINDS = {".html": "text/html", ".js": "text/javascript", ".css": "text/css"}


class Next(BaseModel):
    """The body of POST /v1/review/next: items that the reviewer leaves to others."""

    model_config = STRICT
    skip: Annotated[list[Place], Field(max_length=MOST_SKIPPED)] = []


def router(feedback: Feedback | None) -> APIRouter:
    """Build the routes. None: this server keeps no feedback, and says so."""
    routes = APIRouter()

    @routes.post("/v1/feedback", openapi_extra=_described(Said))
    async def give(raw: Request) -> JSONResponse:
        """Take what a user says of an answer. It is kept when this answers 200."""
        return await _answered(_give(feedback, raw))

    @routes.post("/v1/review/next", openapi_extra=_described(Next))
    async def take(raw: Request) -> JSONResponse:
        """Return what a reviewer should see next, and keep it for them for a while; `item` is null if there is none."""
        return await _answered(_take(feedback, raw))

    @routes.post("/v1/review", openapi_extra=_described(Judged))
    async def judge(raw: Request) -> JSONResponse:
        """Take what a reviewer says of an answer. It is kept when this answers 200."""
        return await _answered(_judge(feedback, raw))

    @routes.get("/v1/review/status")
    async def status(raw: Request) -> JSONResponse:
        """Return how reviewing goes: what waits, what was done, how far reviewers agree."""
        return await _answered(_status(feedback, raw))

    for path, name in PAGE.items():
        routes.add_api_route(path, _page(feedback, FILES / name), methods=["GET"], include_in_schema=False)
    return routes


async def _give(feedback: Feedback | None, raw: Request) -> dict[str, Any]:
    kept, key = _kept(feedback), _entitled(raw, "feedback")
    said = verdicts.parse(await _json(raw))
    noted = await kept.say(said, key.name, _idempotency(raw))
    return {"id": noted.id, "object": "feedback", "created": int(noted.time), "verdict": said.verdict}


async def _take(feedback: Feedback | None, raw: Request) -> dict[str, Any]:
    kept, reviewer = _kept(feedback), _reviewer(raw)
    try:
        asked = fit(Next, await _json(raw))
    except Misfit as misfit:
        param = ".".join(misfit.path) or "body"
        raise BadRequest(param, f"{param}: {misfit.problem}") from None
    return {"item": await kept.take(reviewer, asked.skip)}


async def _judge(feedback: Feedback | None, raw: Request) -> dict[str, Any]:
    kept, reviewer = _kept(feedback), _reviewer(raw)
    judged = review.parse(await _json(raw))
    await kept.judge(judged, reviewer)
    return {"item": judged.item, "object": "review"}


async def _status(feedback: Feedback | None, raw: Request) -> dict[str, Any]:
    return await _kept(feedback).status(_reviewer(raw))


async def _answered(work: Awaitable[dict[str, Any]]) -> JSONResponse:
    try:
        return JSONResponse(await work)
    except RequestError as error:
        status, body, headers = http_error(error)
        return JSONResponse(body, status, headers)


def _kept(feedback: Feedback | None) -> Feedback:
    if feedback is None:
        raise _off()
    return feedback


def _off() -> NotFound:
    return NotFound(None, "this server keeps no feedback; its operator turns it on with --feedback-db FILE")


def _entitled(raw: Request, right: Right) -> Key:
    """Return the key of a request. Forbidden if it has not the right."""
    key = key_of(raw.scope)
    if not key.may(right):
        _refuse(key, right)
    return key


def _refuse(key: Key, right: Right) -> Never:
    raise Forbidden(None, f"key '{key.name}' has not the right '{right}'; its operator gives it in the file of keys")


def _reviewer(raw: Request) -> Reviewer:
    key = _entitled(raw, "review")
    return Reviewer(key.name, key.may("flagged_text"))


def _idempotency(raw: Request) -> str | None:
    sent = field(raw.scope, IDEMPOTENCY.lower().encode())
    if sent is not None and not 0 < len(sent) <= MOST_IDEMPOTENCY:
        raise BadRequest(IDEMPOTENCY, f"{IDEMPOTENCY}: expected 1 to {MOST_IDEMPOTENCY} characters")
    return sent


async def _json(raw: Request) -> object:
    body = await raw.body()
    if len(body) > MOST_BYTES:
        raise TooLarge("body", f"body: expected at most {MOST_BYTES} bytes")
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise BadRequest("body", "body: expected JSON") from None


def _described(model: type[BaseModel]) -> dict[str, Any]:
    """Return what the OpenAPI document says of a body, which is read by hand."""
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": model.model_json_schema()}}}}


def _page(feedback: Feedback | None, file: Path) -> Any:
    """Return the route of one file of the page, which is read once."""
    content = file.read_bytes()

    async def page() -> Response:
        if feedback is None:
            status, body, _ = http_error(_off())
            return JSONResponse(body, status)
        return Response(content, media_type=KINDS[file.suffix], headers=SECURITY)

    return page
