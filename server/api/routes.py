"""Our routes beside vLLM's: moderations, one model, policies, readiness."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from server.api import moderations
from server.api.access import key_of
from server.api.asgi import CLIENT_GONE, ClientGone, while_connected
from server.errors import BadRequest, NotFound, RequestError, http_error
from server.generation.services import Services
from server.policy.catalog import Catalog, describe
from server.policy.resolve import HEADER, resolve
from server.reloading import Current


def router(
    services: Services,
    catalog: Current[Catalog],
    engine: Any,
    served: Callable[[str], Awaitable[dict[str, Any] | None]],
    *,
    allow_loosen: bool,
    server: tuple[int, int] = (0, 1),
) -> APIRouter:
    """Build our routes. `engine` is anything that says whether it is `answering`, `served` finds a model by name.

    `server`: which API server this is, of how many.
    """
    routes = APIRouter()

    @routes.post("/v1/moderations", openapi_extra=moderations.described())
    async def moderate(raw: Request) -> JSONResponse:
        """Answer whether texts are toxic, by the scorer and thresholds that guard this server's own text.

        Scoring stops when the client leaves.
        """
        try:
            key, header = key_of(raw.scope), raw.headers.get(HEADER)
            request, allowed = moderations.parse(await _json(raw)), allow_loosen or key.may("loosen")
            resolved = resolve(catalog.value, request.held_against(), header, may_loosen=allowed, own=key.policies)
            work = moderations.moderate(request, services.judge, resolved.policy, services.limits)
            return JSONResponse(await while_connected(raw.receive, work))
        except ClientGone:
            return JSONResponse(None, CLIENT_GONE)
        except RequestError as error:
            status, body, headers = http_error(error)
            return JSONResponse(body, status, headers)

    @routes.get("/v1/models/{name:path}")
    async def model(name: str) -> JSONResponse:
        """Return one of the models that vLLM lists; their names may hold slashes."""
        found = await served(name)
        if found is None:
            status, body, _ = http_error(NotFound("model", f"no such model: {name}; GET /v1/models lists them"))
            return JSONResponse(body, status)
        return JSONResponse(found)

    @routes.get("/v1/detox/policies")
    async def policies(raw: Request) -> dict[str, Any]:
        """Return the policies that requests of this key may name."""
        return describe(catalog.value, key_of(raw.scope).policies)

    @routes.get("/ready")
    async def ready() -> JSONResponse:
        """Answer 200 when engine and scorer are up and requests are taken, else 503 with the parts that are not so.

        Each of several API servers answers for itself, and says which one it is.
        """
        scorer, accepting = services.judge.available(), services.ending.accepting
        parts = {"engine": engine.answering, "scorer": scorer, "accepting": accepting}
        which = {"server": server[0], "servers": server[1]} if server[1] > 1 else {}
        return JSONResponse({"ready": all(parts.values()), **parts, **which}, 200 if all(parts.values()) else 503)

    return routes


async def _json(raw: Request) -> object:
    try:
        return json.loads(await raw.body())
    except (ValueError, RecursionError):
        raise BadRequest("body", "body: expected JSON") from None
