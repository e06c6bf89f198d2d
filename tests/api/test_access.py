"""The wall before every route: whose requests pass it, and what the others are told."""

from typing import Any

import pytest

from server.api.access import OPEN, PAGES, PROBES, UNLIMITED, Access, key_of
from server.api.asgi import Receive, Scope, Send
from server.keys.file import Keys
from server.keys.key import ANYBODY, Key, digest
from server.reloading import Current
from tests.api.asgi_app import JSON_HEAD, Called, app, body, called_at

KEYS = ["first-key", "second-key"]


async def asked(key: str | None = None, *, keys: list[str] = KEYS, **scope: Any) -> Called:
    """One request at the wall; `key` is its Authorization header."""
    called = Called()
    headers = {} if key is None else {"Authorization": key}
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


APP = Key("app")
FILE = Keys({digest("of-the-file"): APP, digest(""): Key("empty")})


async def whose(
    headers: dict[str, str], *vllms: str, file: Keys | Current[Keys] | None = FILE, path: str = "/v1/completions"
) -> tuple[Key | int, dict[str, str]]:
    """Whose request reaches the application (or its status, if it does not), and which headers with it."""
    reached: list[tuple[Key, dict[str, str]]] = []

    async def inner(scope: Scope, receive: Receive, send: Send) -> None:
        reached.append((key_of(scope), {name.decode(): value.decode() for name, value in scope["headers"]}))

    called = Called()
    keys = Current(file) if isinstance(file, Keys) else file
    await called_at(Access(inner, vllms, keys), called, headers=headers, path=path)
    return reached[0] if reached else (called.status, {})


async def test_a_key_of_the_file_says_whose_request_it_is_and_goes_no_further() -> None:
    assert await whose({"Authorization": "Bearer of-the-file", "Accept": "x"}) == (APP, {"accept": "x"})
    assert (await whose({"Authorization": "Bearer of-the-filf"}))[0] == 401


async def test_keys_of_both_kinds_come_in_and_vllm_behind_is_told_one_of_its_own() -> None:
    """Its middleware would refuse any other."""
    for sent, key in (("of-the-file", APP), ("second", UNLIMITED), ("first", UNLIMITED)):
        found = await whose({"Authorization": f"Bearer {sent}"}, "first", "second")
        assert found == (key, {"authorization": "Bearer first"})


async def test_anthropics_clients_send_their_header_on_anthropics_route() -> None:
    headers = {"x-api-key": "of-the-file"}
    assert (await whose(headers, path="/v1/messages")) == (APP, {})
    assert (await whose({"Authorization": "Bearer wrong", **headers}, path="/v1/messages"))[0] is APP
    assert (await whose({"x-api-key": "first"}, "first", path="/v1/messages"))[1] == {"authorization": "Bearer first"}
    assert (await whose({"x-api-key": "wrong"}, path="/v1/messages"))[0] == 401
    assert (await whose(headers, path="/v1/completions"))[0] == 401


async def test_azures_clients_send_their_header_on_azures_paths() -> None:
    headers = {"api-key": "of-the-file"}
    assert (await whose(headers, path="/openai/deployments/m/chat/completions")) == (APP, {})
    assert (await whose({"api-key": "first"}, "first", path="/openai/models"))[1] == {"authorization": "Bearer first"}
    assert (await whose({"api-key": "wrong"}, path="/openai/models"))[0] == 401
    assert (await whose(headers, path="/v1/completions"))[0] == 401


async def test_an_empty_key_is_none_whatever_the_file_knows() -> None:
    empty: tuple[dict[str, str], ...] = (
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer"},
        {"x-api-key": ""},
        {},
    )
    for headers in empty:
        assert (await whose(headers, path="/v1/messages"))[0] == 401


async def test_a_key_that_is_taken_out_of_the_file_is_none_from_then_on() -> None:
    current = Current(FILE)
    assert (await whose({"Authorization": "Bearer of-the-file"}, file=current))[0] is APP
    current.value = Keys({})
    assert (await whose({"Authorization": "Bearer of-the-file"}, file=current))[0] == 401


async def test_where_nobody_asks_it_is_anybodys() -> None:
    assert key_of({"type": "http"}) is ANYBODY
    assert (await whose({}, path="/health"))[0] is ANYBODY


async def test_pages_may_be_closed_and_probes_stay_open() -> None:
    for path in OPEN:
        called = Called()
        wall = Access(app(called, JSON_HEAD, body(b"{}")), KEYS, None, PROBES)
        assert (await called_at(wall, called, path=path)).status == (401 if path in PAGES else 200)
