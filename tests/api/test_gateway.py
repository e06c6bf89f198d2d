"""The way in: policies, refusals, bodies, and which requests are the gateway's business at all."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.exceptions import HTTPException

from server.api.asgi import App, Message, Receive, Scope, Send
from server.api.gateway import Gateway
from server.generation.request import GuardedRequest, current
from server.guard.state import Action
from server.policy.catalog import builtin
from server.reloading import Current
from tests.api.asgi_app import JSON_HEAD, STREAM_HEAD, Called, app, body, called_at
from tests.api.requests import report
from tests.api.store import FakeStore
from tests.keys.counting import quotas

RESPONSES = "/v1/responses"


class Counted:
    """Remembers which requests were counted."""

    def __init__(self) -> None:
        self.finished: list[tuple[str, str, str]] = []

    def request_finished(self, action: str, route: str, policy: str) -> None:
        self.finished.append((action, route, policy))


def gateway_to(inner: App, observer: Any, **options: Any) -> Gateway:
    options = {"catalog": Current(builtin()), "quotas": quotas(), "allow_loosen": False, **options}
    return Gateway(inner, observer=observer, **options)


async def through(
    bodies: list[bytes] | None = None,
    *answer: Message,
    first: Any = None,
    counted: Counted | None = None,
    allow_loosen: bool = False,
    **options: Any,
) -> Called:
    """One request through a gateway to a small application."""
    called = Called()
    inner = app(called, *(answer or (JSON_HEAD, body(b"{}"))), first=first)
    observer: Any = counted or Counted()
    gateway = gateway_to(inner, observer, allow_loosen=allow_loosen)
    return await called_at(gateway, called, bodies or [b"{}"], **options)


@given(st.text(st.characters(min_codepoint=32), max_size=20), st.booleans(), st.integers(1, 7))
async def test_the_body_reaches_the_application_as_it_was(text: str, is_json: bool, size: int) -> None:
    raw = json.dumps({"prompt": text}).encode() if is_json else ("{" + text).encode()
    pieces = [raw[at : at + size] for at in range(0, len(raw), size)] or [b""]
    assert b"".join((await through(pieces)).heard) == raw


async def test_a_client_that_goes_before_its_request_is_complete_is_forgotten() -> None:
    called = await through([b'{"prompt":', b'"x'], disconnect=True)
    assert called.heard == [] and called.messages == [] and called.error is None


async def test_a_disconnect_after_the_body_reaches_the_application() -> None:
    heard: list[str] = []

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        heard.extend([(await receive())["type"], (await receive())["type"]])

    observer: Any = Counted()
    await called_at(gateway_to(inner, observer), Called())
    assert heard == ["http.request", "http.disconnect"]


@pytest.mark.parametrize(
    "scope",
    [
        {"method": "GET"},
        {"method": "HEAD"},
        {"method": "DELETE"},
        {"path": "/v1/moderations"},
        {"path": "/base/v1/moderations"},
    ],
)
async def test_what_generates_nothing_is_not_looked_at(scope: dict[str, Any]) -> None:
    called = await through([b'{"detox": 3}'], **scope)
    assert called.status == 200 and called.body == b"{}"


@pytest.mark.parametrize("kind", ["websocket", "lifespan"])
async def test_other_protocols_pass(kind: str) -> None:
    assert (await through([b'{"detox": 3}'], type=kind)).status == 200


@pytest.mark.parametrize(
    ("asked", "status", "param"),
    [
        ({"detox": {"policy": "nosuch"}}, 400, "detox.policy"),
        ({"detox": 3}, 400, "detox"),
        ({"moderation": {"model": "m", "policy": {"output": {"mode": "off"}}}}, 400, "moderation.policy.output.mode"),
        ({"detox": {"mode": "off"}}, 403, "detox.mode"),
        ({"use_beam_search": True}, 400, "use_beam_search"),
        ({"prompt_embeds": "AA"}, 400, "prompt_embeds"),
    ],
)
async def test_a_refusal_comes_before_the_application_and_names_the_key(asked: Any, status: int, param: str) -> None:
    called = await through([json.dumps(asked).encode()])
    assert (called.status, called.json["error"]["param"]) == (status, param)
    assert called.heard == [] and called.headers["content-length"] == str(len(called.body))


@pytest.mark.parametrize("path", ["/v1/completions", "/invocations", "/v1/moderations", "/tokenize"])
@pytest.mark.parametrize("raw", [b"[]", b"3", b"\xff\xfe", b"[" * 99_999])
async def test_what_no_route_could_read_goes_no_further(raw: bytes, path: str) -> None:
    called = await through([raw], path=path)
    assert (called.status, called.json["error"]["param"], called.heard) == (400, "body", [])


async def test_on_anthropics_route_that_is_said_in_its_shape() -> None:
    assert (await through([b"[]"], path="/v1/messages")).json["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
async def test_every_method_that_may_have_a_body_has_it_read(method: str) -> None:
    assert (await through([b"[" * 99_999], method=method)).status == 400


@pytest.mark.parametrize("raw", [b"", b"{", b"a=b", b'{"use_beam_search": false}'])
async def test_what_is_no_request_is_left_to_vllm(raw: bytes) -> None:
    called = await through([raw])
    assert called.heard == [raw] and called.status == 200


async def test_a_form_is_left_to_the_engine_client_to_refuse() -> None:
    form = b'--x\r\nContent-Disposition: form-data; name="use_beam_search"\r\n\r\ntrue\r\n--x--'
    called = await through([form], headers={"Content-Type": "multipart/form-data; boundary=x"})
    assert called.heard == [form] and called.status == 200


@pytest.mark.parametrize(
    ("error", "status", "code", "allow"),
    [
        (HTTPException(404), 404, "not_found", None),
        (HTTPException(405, headers={"Allow": "GET"}), 405, "method_not_allowed", "GET"),
    ],
)
async def test_a_path_without_a_route_is_told_in_openais_shape(
    error: Exception, status: int, code: str, allow: str | None
) -> None:
    for method in ("GET", "POST"):
        called = await through(first=failing(error), method=method, path="/v1/made/up")
        assert (called.status, called.json["error"]["code"], called.headers.get("allow")) == (status, code, allow)
        assert called.json["error"]["message"] == f"no such route: {method} /v1/made/up"


async def test_text_that_holds_json_of_too_many_levels_is_the_clients_mistake() -> None:
    called = await through(first=failing(RecursionError("maximum recursion depth exceeded")))
    assert (called.status, called.json["error"]["param"]) == (400, "body")


async def test_what_else_goes_wrong_in_the_application_is_not() -> None:
    error = RuntimeError("broken")
    assert (await through(first=failing(error))).error is error


def failing(error: Exception) -> Any:
    async def fail() -> None:
        raise error

    return fail


async def seen_policy(**options: Any) -> GuardedRequest:
    """The guarded request that the application runs under."""
    found: list[GuardedRequest | None] = []

    async def look() -> None:
        found.append(current.get())

    await through(first=look, **options)
    (request,) = found
    assert request is not None
    return request


async def test_the_application_runs_under_the_requests_policy() -> None:
    assert (await seen_policy()).policy == builtin().default
    assert (await seen_policy(bodies=[b'{"detox": {"policy": "strict", "report": false}}'])).policy.name == "strict"
    assert (await seen_policy(headers={"X-Detox-Policy": "strict"})).policy.name == "strict"
    assert (await seen_policy(bodies=[b'{"detox": {"mode": "off"}}'], allow_loosen=True)).policy.mode == "off"
    assert (await seen_policy(bodies=[b'{"detox": {"on_prompt": "refuse"}}'])).policy.on_prompt == "refuse"


async def test_outside_the_request_there_is_none() -> None:
    await through()
    assert current.get() is None


def finish(action: Action) -> Any:
    async def first() -> None:
        request = current.get()
        assert request is not None
        request.reports = {0: report("clean"), 1: report(action)}

    return first


async def test_a_request_is_counted_with_its_gravest_action_and_the_template_of_its_route() -> None:
    counted = Counted()
    route = type("Route", (), {"path": "/v1/responses/{id}"})
    await through(first=finish("masked"), counted=counted, route=route)
    await through(first=finish("refused"), counted=counted, path="/made/up")
    await through(counted=counted)
    assert counted.finished == [("masked", "/v1/responses/{id}", "default"), ("refused", "other", "default")]


async def test_an_error_of_the_application_passes_through_and_the_request_is_counted() -> None:
    counted = Counted()

    async def fail() -> None:
        await finish("rewound")()
        raise KeyError("x")

    called = await through(first=fail, counted=counted)
    assert isinstance(called.error, KeyError) and called.messages == []
    assert [action for action, _, _ in counted.finished] == ["rewound"]


async def left_amid(path: str, *said: Message) -> Called:
    """A stream that the application leaves after these messages."""
    called = Called()

    async def leave(scope: Scope, receive: Receive, send: Send) -> None:
        request = current.get()
        assert request is not None
        request.started = True
        for message in said:
            await send(dict(message))
        raise KeyError("the engine has died")

    return await called_at(gateway_to(leave, Counted()), called, path=path)


@pytest.mark.parametrize(
    ("path", "end"),
    [
        ("/v1/chat/completions", 'data: {"error":{'),
        ("/v1/completions", 'data: {"error":{'),
        ("/v1/responses", 'event: error\ndata: {"type":"error",'),
        ("/v1/messages", 'event: error\ndata: {"type":"error","error":{'),
    ],
)
async def test_a_stream_that_breaks_off_ends_with_an_error_in_the_words_of_its_route(path: str, end: str) -> None:
    called = await left_amid(path, STREAM_HEAD, body(b"data: {}\n\n", more=True))
    assert isinstance(called.error, KeyError)  # which is still logged
    assert called.messages[-1]["more_body"] is False
    last = called.messages[-1]["body"].decode()
    assert last.startswith(end) and "internal error" in last and "died" not in last
    assert last.endswith("data: [DONE]\n\n") is ("completions" in path)


@pytest.mark.parametrize(
    "said", [(), (STREAM_HEAD, body(b"data: {}\n\n")), (JSON_HEAD, body(b"{}"))], ids=["no head", "ended", "JSON"]
)
async def test_what_has_not_begun_or_has_ended_gets_no_other_end(said: tuple[Message, ...]) -> None:
    called = await left_amid("/v1/responses", *said)
    assert isinstance(called.error, KeyError)
    assert called.body == b"".join(message.get("body", b"") for message in said)


async def test_an_error_because_the_scorer_is_down_becomes_503() -> None:
    async def fail() -> None:
        request = current.get()
        assert request is not None
        request.scorer_down = "deadline"
        raise KeyError("x")

    called = await through(first=fail)
    assert called.error is None and called.status == 503 and int(called.headers["retry-after"]) >= 1


async def response_through(chosen: str | None) -> tuple[Counted, Called, list[Called]]:
    """A withheld response, and what is fetched by its id when only its head was sent, and when all was.

    vLLM names it `chosen`, or else `made`.
    """
    counted, called, fetched = Counted(), Called(), [Called(), Called()]
    name = "made" if chosen is None else chosen
    said = json.dumps({"id": name, "object": "response", "status": "completed"}).encode()
    observer: Any = counted

    async def inner(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "POST":
            await finish("refused")()
        await send(dict(JSON_HEAD))
        if scope["method"] == "POST":
            await called_at(gateway, fetched[0], path=f"{RESPONSES}/{name}", method="GET")
        await send(body(said))

    store = FakeStore(name, held=[name])
    gateway = Gateway(
        inner, catalog=Current(builtin()), quotas=quotas(), observer=observer, allow_loosen=False, store=store
    )
    asked = json.dumps({} if chosen is None else {"request_id": chosen}).encode()
    await called_at(gateway, called, [asked], path=RESPONSES, route=type("Route", (), {"path": RESPONSES}))
    await called_at(gateway, fetched[1], path=f"{RESPONSES}/{name}", method="GET")
    return counted, called, fetched


@pytest.mark.parametrize("chosen", [None, "mine", 'resp_"1'])
async def test_a_response_that_is_fetched_later_says_what_became_of_it_and_is_counted_once(chosen: str | None) -> None:
    counted, called, fetched = await response_through(chosen)
    for told in (called, *fetched):
        assert told.json["status"] == "incomplete" and told.json["detox"]["action"] == "refused"
    assert counted.finished == [("refused", RESPONSES, "default")]


async def test_a_server_that_keeps_no_responses_looks_at_none() -> None:
    asked = json.dumps({"request_id": "mine"}).encode()
    assert (await through([asked], path="/v1/responses")).status == 200
    assert (await through(path="/v1/responses/mine", method="GET")).body == b"{}"


async def test_a_response_whose_id_is_taken_is_refused() -> None:
    called = Called()
    observer: Any = Counted()
    inner = app(called, JSON_HEAD, body(b"{}"))
    store = FakeStore("mine", held={"mine"})
    gateway = Gateway(
        inner, catalog=Current(builtin()), quotas=quotas(), observer=observer, allow_loosen=False, store=store
    )
    asked = b'{"request_id":"mine"}'
    assert (await called_at(gateway, Called(), [asked], path="/v1/responses")).error is None
    again = await called_at(gateway, Called(), [asked], path="/v1/responses")
    assert again.status == 400 and again.json["error"]["param"] == "request_id"


async def found_by(path: str, asked: dict[str, Any], **options: Any) -> tuple[Called, GuardedRequest | None]:
    """What the application gets of a request, and under which guard."""
    found: list[GuardedRequest | None] = []

    async def look() -> None:
        found.append(current.get())

    return await through([json.dumps(asked).encode()], first=look, path=path, **options), found[0]


async def test_a_moderation_tightens_the_policy_before_anything_is_written() -> None:
    asked = {"moderation": {"model": "m", "policy": {"input": {"mode": "block"}}}}
    _, found = await found_by("/v1/chat/completions", asked, headers={"X-Detox-Policy": "strict"})
    assert found is not None and found.wants_moderation
    assert (found.policy.name, found.policy.on_prompt) == ("strict", "refuse")


async def test_a_deployment_of_azures_is_the_model_and_is_guarded() -> None:
    called, found = await found_by("/openai/deployments/org/m/chat/completions", {"detox": {"policy": "strict"}})
    assert found is not None and found.policy.name == "strict"
    assert json.loads(b"".join(called.heard))["model"] == "org/m"


async def test_a_moderation_by_azures_path_is_ours() -> None:
    assert (await through([b'{"detox": 3}'], path="/openai/v1/moderations")).status == 200
