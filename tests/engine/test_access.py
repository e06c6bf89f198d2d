"""What vLLM's arguments say about who may reach the server, and that no route of the whole application is unguarded."""

import argparse
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from filters.scorers.scripted import ScriptedScorer
from server import app as wiring
from server import composition
from server.api.asgi import Receive, Scope, Send
from server.configuration import ScorerSettings
from server.engine import access
from server.errors import StartError
from server.policy.catalog import builtin
from server.telemetry.metrics import Metrics
from tests.engine.test_launcher import parse
from tests.engine.test_scripted_client import client

OPEN = {
    *("GET /", "HEAD /"),
    *("GET /health", "GET /ready", "GET /ping", "POST /ping", "GET /version", "GET /metrics"),
    *("GET /docs", "HEAD /docs", "GET /docs/oauth2-redirect", "HEAD /docs/oauth2-redirect"),
    *("GET /review", "GET /review/page.js", "GET /review/page.css"),
    *("GET /redoc", "HEAD /redoc", "GET /openapi.json", "HEAD /openapi.json"),
}
"""All that anybody may ask of a server with keys: whoever adds to it says here that it reads and generates nothing."""


@pytest.fixture(scope="module")
async def application() -> AsyncIterator[FastAPI]:
    """The server as it is put together, vLLM's development routes with it, with nothing behind its routes."""
    args = parse("--api-key", "the-key", "--enable-scale-out")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VLLM_SERVER_DEV_MODE", "1")
        metrics = Metrics(CollectorRegistry())
        async with wiring.judging(ScriptedScorer({}), ScorerSettings(), metrics) as judge:
            app = await composition.guarded_application(client(), args, judge, builtin(), metrics)
    app.router.middleware_stack = reached
    yield app


async def reached(scope: Scope, receive: Receive, send: Send) -> None:
    """In place of the routes: whoever comes here has passed whatever guards them."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def every(app: FastAPI) -> list[str]:
    """Method and path of every route; of a mount, which has no method, GET."""
    routes = ((route, str(getattr(route, "path", "/"))) for route in app.routes)
    return sorted(
        {f"{method} {path}" for route, path in routes for method in getattr(route, "methods", None) or ["GET"]}
    )


async def passed(app: FastAPI, **headers: str) -> set[str]:
    """The routes that are reached, the others answering 401."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test", headers=headers) as web:
        told = {route: (await web.request(*route.split(" "))).status_code for route in every(app)}
    assert set(told.values()) <= {200, 401}
    return {route for route, status in told.items() if status == 200}


async def test_no_route_is_reached_without_a_key_but_those_that_are_listed(application: FastAPI) -> None:
    assert await passed(application) == OPEN
    assert {"POST /invocations", "POST /tokenize", "POST /collective_rpc"} <= set(every(application))


async def test_with_a_key_all_of_them_are(application: FastAPI) -> None:
    assert await passed(application, Authorization="Bearer the-key") == set(every(application))


async def test_a_new_route_asks_for_a_key_too(application: FastAPI) -> None:
    application.add_api_route("/new", lambda: None)
    assert "GET /new" in every(application) and "GET /new" not in await passed(application)


@pytest.mark.parametrize(
    ("words", "keyed", "local"),
    [
        (["--host", "127.0.0.1"], False, True),
        (["--host", "localhost"], False, True),
        (["--uds", "/run/unsay.sock"], False, True),
        (["--host", "127.0.0.1"], True, False),
        (["--host", "127.0.0.1", "--api-key", "k"], False, False),
        (["--host", "0.0.0.0"], False, False),
        ([], False, False),
    ],
)
def test_a_server_is_local_if_nobody_else_reaches_it_and_nobody_has_a_key(
    words: list[str], keyed: bool, local: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VLLM_API_KEY", raising=False)
    assert access.local(parse(*words), keyed=keyed) == local


def test_keys_come_of_the_arguments_or_else_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VLLM_API_KEY", raising=False)
    assert access.keys(parse()) == access.keys(parse("--api-key", "")) == []
    assert access.keys(parse("--api-key", "a", "b")) == ["a", "b"]
    monkeypatch.setenv("VLLM_API_KEY", "of-the-environment")
    assert access.keys(parse()) == ["of-the-environment"]
    assert access.keys(parse("--api-key", "a")) == ["a"]


def settled(*words: str, keyed: bool = False) -> tuple[argparse.Namespace, str | None, str | None]:
    args = parse(*words)
    return args, access.close_to_others(args, keyed=keyed), access.warning(args, keyed=keyed)


def test_without_keys_a_server_is_for_this_machine_alone() -> None:
    args, closed, warning = settled()
    assert args.host == "127.0.0.1" and closed and "--host" in closed and warning is None


@pytest.mark.parametrize("words", [("--api-key", "k"), ("--uds", "/tmp/socket"), ("--api-key", "k", "--host", "::")])
def test_with_keys_or_a_socket_file_the_host_is_vllms(words: tuple[str, ...]) -> None:
    args, closed, warning = settled(*words)
    assert args.host == parse(*words).host and closed is None and warning is None


def test_with_a_file_of_keys_it_is_too() -> None:
    args, closed, warning = settled(keyed=True)
    assert args.host == parse().host and closed is None and warning is None
    assert settled("--host", "0.0.0.0", keyed=True)[1:] == (None, None)


def test_keys_of_both_kinds_are_taken_and_that_is_said_aloud() -> None:
    _, closed, warning = settled("--api-key", "k", keyed=True)
    assert closed is None and warning and "beside those of --keys-file: without limits" in warning


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.7", "some.name"])
def test_a_host_without_keys_is_taken_and_warned_of(host: str) -> None:
    args, closed, warning = settled("--host", host)
    assert args.host == host and closed is None
    assert warning and warning.startswith(f"--host {host} without --keys-file or --api-key") and "\n" not in warning


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_this_machine_is_nothing_to_warn_of(host: str) -> None:
    assert settled("--host", host)[1:] == (None, None)


def refused(*words: str, keyed: bool = False, dev_mode: bool = False, pages: bool = False) -> None:
    access.refuse_open(parse(*words), keyed=keyed, dev_mode=dev_mode, pages=pages)


def test_open_development_routes_are_refused_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    refused()
    monkeypatch.setenv("VLLM_SERVER_DEV_MODE", "1")
    with pytest.raises(StartError, match="--allow-dev-mode"):
        refused()
    refused(dev_mode=True)
    refused("--api-key", "k")
    refused(keyed=True)


def test_pages_that_need_a_key_need_one_to_be_there() -> None:
    with pytest.raises(StartError, match=r"--pages-need-key: there are no keys; give --keys-file or --api-key"):
        refused(pages=True)
    refused("--api-key", "k", pages=True)
    refused(keyed=True, pages=True)
