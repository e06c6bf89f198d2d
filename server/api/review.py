"""What reviewers ask and say: /v1/review/next, /v1/review and /v1/review/status, and the page /review.

1. All of it needs the right `review`. What was taken back is shown with `flagged_text` alone.
2. The page holds nothing of anybody's, and is open to all: it asks for a key, and sends it with every request.
"""

from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field

from server.api.access import PAGE
from server.api.feedback import answered, body_of, described, entitled, kept, off
from server.api.pages import security
from server.errors import http_error
from server.feedback import judgement
from server.feedback.judgement import Judged
from server.feedback.review import Reviewer
from server.feedback.service import Feedback
from server.feedback.verdicts import Place
from server.policy.body import fit_body
from server.policy.policy import STRICT

MOST_SKIPPED = 1_000
FILES = Path(__file__).parents[1] / "feedback" / "page"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'"
)
KINDS = {".html": "text/html", ".js": "text/javascript", ".css": "text/css"}


class Next(BaseModel):
    """The body of POST /v1/review/next: items that the reviewer leaves to others."""

    model_config = STRICT
    skip: Annotated[list[Place], Field(max_length=MOST_SKIPPED)] = []


def router(feedback: Feedback | None) -> APIRouter:
    """Build the routes. None: this server keeps no feedback, and says so."""
    routes = APIRouter()

    @routes.post("/v1/review/next", openapi_extra=described(Next))
    async def take(raw: Request) -> JSONResponse:
        """Return what a reviewer should see next, and keep it for them for a while; `item` is null if there is none."""
        return await answered(_take(feedback, raw))

    @routes.post("/v1/review", openapi_extra=described(Judged))
    async def judge(raw: Request) -> JSONResponse:
        """Take what a reviewer says of an answer. It is kept when this answers 200."""
        return await answered(_judge(feedback, raw))

    @routes.get("/v1/review/status")
    async def status(raw: Request) -> JSONResponse:
        """Return how reviewing goes: what waits, what was done, how far reviewers agree."""
        return await answered(_status(feedback, raw))

    for path, name in PAGE.items():
        routes.add_api_route(path, _page(feedback, FILES / name), methods=["GET"], include_in_schema=False)
    return routes


async def _take(feedback: Feedback | None, raw: Request) -> dict[str, Any]:
    database, reviewer = kept(feedback), _reviewer(raw)
    asked = fit_body(Next, await body_of(raw))
    return {"item": await database.take(reviewer, asked.skip)}


async def _judge(feedback: Feedback | None, raw: Request) -> dict[str, Any]:
    database, reviewer = kept(feedback), _reviewer(raw)
    judged = judgement.parse(await body_of(raw))
    await database.judge(judged, reviewer)
    return {"item": judged.item, "object": "review"}


async def _status(feedback: Feedback | None, raw: Request) -> dict[str, Any]:
    return await kept(feedback).status(_reviewer(raw))


def _reviewer(raw: Request) -> Reviewer:
    key = entitled(raw, "review")
    return Reviewer(key.name, key.may("flagged_text"))


def _page(feedback: Feedback | None, file: Path) -> Any:
    """Return the route of one file of the page, which is read once."""
    content = file.read_bytes()

    async def page() -> Response:
        if feedback is None:
            status, body, _ = http_error(off())
            return JSONResponse(body, status)
        return Response(content, media_type=KINDS[file.suffix], headers=security(POLICY, cache="no-store"))

    return page
