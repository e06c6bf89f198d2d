"""The wall before every route: whose requests pass it, and what the others are told."""

from typing import Any

import pytest

from server.api.access import OPEN, Access
from tests.api.asgi_app import JSON_HEAD, Called, app, body, called_at

KEYS = ["first-key", "second-key"]


async def asked(
    key: str | None = None, *, keys: list[str] = KEYS, header: str = "Authorization", **scope: Any
) -> Called:
    """One request at the wall; `key` is its Authorization header, or another."""
    called = Called()
    headers = {} if key is None else {header: key}
    return await called_at(Access(app(called, JSON_HEAD, body(b"{}")), keys), called, headers=headers, **scope)


@pytest.mark.parametrize("key", ["Bearer first-key", "bearer second-key"])
@pytest.mark.parametrize("path", ["/v1/completions", "/invocations", "/tokenize", "/made/up"])
async def test_a_request_with_a_key_passes(key: str, path: str) -> None:
    called = await asked(key, path=path)
    assert called.status == 200 and called.heard == [b"{}"]


@pytest.mark.parametrize(
    "key",
    [None, "", "Bearer", "Bearer ", "Bearer first", "Basic first-key", "first-key", "Bearer first-key ", "Bearer é"],
)
@pytest.mark.parametrize(
    "path", ["/v1/completions", "/invocations", "/health/", "/health/x", "//health", "/HEALTH", ""]
)
async def test_one_without_is_told_401_before_anything_reads_it(key: str | None, path: str) -> None:
    called = await asked(key, path=path)
    assert (called.status, called.json["error"]["code"]) == (401, "invalid_api_key")
    assert called.headers["www-authenticate"] == "Bearer" and called.heard == []


@pytest.mark.parametrize("header", ["api-key", "X-Api-Key"])
async def test_azures_and_anthropics_clients_name_the_key_their_way(header: str) -> None:
    assert (await asked("first-key", header=header)).status == 200
    assert (await asked("Bearer first-key", header=header)).status == 401
    assert (await asked("other", header=header)).status == 401


@pytest.mark.parametrize("path", sorted(OPEN))
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
async def test_what_is_open_needs_no_key(path: str, method: str) -> None:
    assert (await asked(path=path, method=method)).status == 200


async def test_what_is_open_is_found_behind_a_root_path_and_nothing_else_is() -> None:
    assert (await asked(path="/base/health", root_path="/base")).status == 200
    assert (await asked(path="/base/v1/models", root_path="/base")).status == 401
    assert (await asked(path="/base/base/health", root_path="/base")).status == 401


async def test_anthropics_route_says_it_in_its_shape() -> None:
    assert (await asked(path="/v1/messages")).json["error"]["type"] == "authentication_error"


async def test_a_preflight_passes() -> None:
    assert (await asked(method="OPTIONS")).status == 200


async def test_a_socket_is_closed_before_it_is_open() -> None:
    called = await asked(type="websocket", path="/v1/realtime")
    assert called.messages == [{"type": "websocket.close", "code": 1008}] and called.heard == []
    assert (await asked("Bearer first-key", type="websocket", path="/v1/realtime")).status == 200


@pytest.mark.parametrize("path", sorted(OPEN))
async def test_a_socket_has_no_open_address(path: str) -> None:
    assert (await asked(type="websocket", path=path)).messages[0]["type"] == "websocket.close"


async def test_the_servers_own_life_passes() -> None:
    assert (await asked(type="lifespan")).status == 200
