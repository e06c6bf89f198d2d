"""The files of the page and of the pages of the API: all of them here, and nothing else."""

import re

import httpx
import pytest
from fastapi import FastAPI

from server.api import pages
from server.api.access import PAGES


def made(*, with_page: bool = True, **options: object) -> FastAPI:
    app = FastAPI(**options)  # type: ignore[arg-type]
    pages.add(app, "1.2.3", with_page=with_page)
    return app


async def got(app: FastAPI, path: str) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as web:
        return await web.get(path)


@pytest.mark.parametrize("path", sorted(pages.PATHS))
async def test_what_is_open_is_there(path: str) -> None:
    assert (await got(made(), path)).status_code == 200


@pytest.mark.parametrize("path", ["/page/../pages.py", "/page/%2e%2e/app.py", "/page/nosuch.js", "/page"])
async def test_nothing_else_is(path: str) -> None:
    assert (await got(made(), path)).status_code in (404, 307)


async def test_redoc_leads_to_docs() -> None:
    answer = await got(made(), "/redoc")
    assert (answer.status_code, answer.headers["location"]) == (307, "docs")


@pytest.mark.parametrize("path", ["/", "/docs"])
async def test_a_page_may_load_nothing_from_elsewhere_and_has_no_script_within(path: str) -> None:
    answer = await got(made(), path)
    policy = dict(part.strip().partition(" ")[::2] for part in answer.headers["content-security-policy"].split(";"))
    assert (policy["default-src"], policy["script-src"]) == ("'none'", "'self'")
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|https?://", answer.text)


async def test_the_page_itself_has_no_style_within_either() -> None:
    assert "unsafe" not in (await got(made(), "/")).headers["content-security-policy"]


@pytest.mark.parametrize("path", ["/", "/docs"])
async def test_every_file_that_a_page_names_is_open_to_all(path: str) -> None:
    text = (await got(made(), path)).text
    named = re.findall(r'(?:src|href)="([^"]+)"', text)
    assert {f"/{name}" for name in named} <= PAGES


async def test_the_description_says_what_runs_here() -> None:
    info = (await got(made(), "/openapi.json")).json()["info"]
    assert (info["title"], info["version"]) == ("unsay", "1.2.3")


async def test_a_server_without_the_page_has_none() -> None:
    app = made(with_page=False)
    assert (await got(app, "/")).status_code == 404 and (await got(app, "/docs")).status_code == 200


async def test_a_server_without_pages_of_its_api_has_none() -> None:
    app = made(docs_url=None, redoc_url=None, openapi_url=None)
    assert [(await got(app, path)).status_code for path in ("/", "/docs", "/redoc")] == [200, 404, 404]
    bare = made(with_page=False, docs_url=None, redoc_url=None, openapi_url=None)
    assert (await got(bare, "/page/page.js")).status_code == 404
