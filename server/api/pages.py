"""What a browser is shown: the page at `/`, and the one that describes the API, whole without any other server.

1. Every script and style comes from here, as a file: the policy of the pages (CSP) lets a browser load nothing else.
2. The files are asked for without a key, as the pages are (server/api/access.py): what they show of this server they
   ask for with the key that is typed in.
3. Links are relative, so that the pages work behind a path of a proxy.
"""

from importlib.resources import files
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, RedirectResponse
from starlette.staticfiles import StaticFiles

OURS = Path(__file__).resolve().parents[1] / "page"
THEIRS = Path(str(files("fastapi_offline"))) / "static"
"""Swagger UI."""

_OWN = "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'"
_SHUT = "form-action 'none'; frame-ancestors 'none'"
PAGE_POLICY = f"{_OWN}; style-src 'self'; {_SHUT}"
DOCS_POLICY = f"{_OWN}; style-src 'self' 'unsafe-inline'; {_SHUT}"
"""Swagger UI writes styles into the page."""


_LIBRARY = ("swagger-ui-bundle.js", "swagger-ui.css")
PATHS = frozenset(
    {"/", *(f"/page/{file.name}" for file in OURS.iterdir()), *(f"/page/lib/{name}" for name in _LIBRARY)}
)
"""The page and its files."""


def add(app: FastAPI, version: str, *, with_page: bool) -> None:
    """Add the page, if it is wanted, and have the application's description, if it gives one, say what runs here."""
    app.title = "unsay"
    app.version = version
    if with_page:
        _serve(app, "/", "index.html", PAGE_POLICY)
    described = {path for path in (app.docs_url, app.redoc_url) if path is not None}
    app.router.routes[:] = [route for route in app.router.routes if getattr(route, "path", None) not in described]
    if described:
        _serve(app, "/docs", "docs.html", DOCS_POLICY)
        app.add_route("/redoc", _elsewhere, methods=["GET"], include_in_schema=False)
        app.mount("/page/lib", StaticFiles(directory=THEIRS))
    if described or with_page:
        app.mount("/page", StaticFiles(directory=OURS))


async def _elsewhere(request: Request) -> RedirectResponse:
    """Lead to the one page that describes the API: vLLM's other one, ReDoc, loads a picture from elsewhere."""
    return RedirectResponse("docs")


def security(policy: str, *, cache: str) -> dict[str, str]:
    """Return the headers of a page: by this policy (CSP), of this type alone, telling nobody where one comes from."""
    return {
        "content-security-policy": policy,
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cache-control": cache,
    }


def _serve(app: FastAPI, path: str, name: str, policy: str) -> None:
    headers = security(policy, cache="no-cache")

    async def page(request: Request) -> FileResponse:
        return FileResponse(OURS / name, headers=headers)

    app.add_route(path, page, methods=["GET"], include_in_schema=False)
