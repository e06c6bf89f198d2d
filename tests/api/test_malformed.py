"""Whatever a client sends to our routes, or as `detox` to any: never a 5xx, and errors have OpenAI's shape."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from filters.batcher import Batcher
from filters.judge import Judge
from filters.scorers.scripted import ScriptedScorer
from server.api.access import Access
from server.api.gateway import Gateway
from server.api.moderations import ModerationRequest
from server.api.routes import router
from server.generation.services import Services
from server.policy.catalog import builtin
from server.policy.resolve import DetoxRequest
from server.reloading import Current
from server.telemetry.metrics import Metrics
from tests.api.test_routes import Engine, served
from tests.keys.counting import quotas
from tests.properties import examples

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just("\ud800"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
PLAUSIBLE = VALUES | st.sampled_from(["default", "strict", "off", "enforce", "refuse", 0.5, 3, {"toxicity": 0.1}])
DETOX = VALUES | st.dictionaries(st.sampled_from(sorted(DetoxRequest.model_fields)), PLAUSIBLE, max_size=4)
TEXTS = (
    VALUES | st.text(max_size=20) | st.lists(st.text(max_size=8) | st.fixed_dictionaries({"text": VALUES}), max_size=3)
)
MODERATION = VALUES | st.fixed_dictionaries(
    {"model": PLAUSIBLE}, optional={"policy": VALUES | st.dictionaries(st.sampled_from(["input", "output"]), VALUES)}
)
REQUESTS = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(ModerationRequest.model_fields, VALUES),
        "input": TEXTS,
        "detox": DETOX,
        "moderation": MODERATION,
    },
)
BODIES = st.binary(max_size=30) | (VALUES | REQUESTS).map(lambda value: json.dumps(value).encode())
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "content-type": st.sampled_from(
            ["application/json", "text/plain", "multipart/form-data", "multipart/form-data; boundary=x"]
        ),
        "X-Detox-Policy": st.sampled_from(["strict", "nosuch", "", "é"]),
        "api-key": st.sampled_from(["k", "other", ""]),
        "Authorization": st.sampled_from(["Bearer k", "Bearer other", "Bearer", ""]),
    },
)
PATHS = (
    "/v1/moderations",
    "/v1/detox/policies",
    "/ready",
    "/v1/completions",
    "/openai/deployments/m/completions",
    "/nosuch",
)
METHODS = ("POST", "POST", "POST", "GET", "PUT", "DELETE", "HEAD")
KEYS = {"body", "input", "model", "detox"}


@pytest.fixture(scope="module")
async def web() -> AsyncIterator[httpx.AsyncClient]:
    """Our routes, and a route that generates, behind the gateway and the wall."""
    batcher, metrics = Batcher(ScriptedScorer({"idiot": 0.9})), Metrics(CollectorRegistry())
    await batcher.start()
    app = FastAPI()
    services = Services(Judge(batcher), metrics, "m", lambda text: [])
    app.include_router(router(services, Current(builtin()), Engine(), served, allow_loosen=False))
    app.add_api_route("/v1/completions", generate, methods=["POST"])
    app.router.middleware_stack = Gateway(
        app.router.middleware_stack,
        catalog=Current(builtin()),
        quotas=quotas(),
        observer=metrics,
        allow_loosen=False,
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(Access(app, ["k"])), base_url="http://test") as client:
        yield client
    await batcher.aclose()


async def generate(raw: Request) -> JSONResponse:
    return JSONResponse({"choices": [], "read": len(await raw.body())})


@given(st.sampled_from(PATHS), st.sampled_from(METHODS), BODIES, HEADERS)
@examples(150)
async def test_no_request_is_our_mistake(
    web: httpx.AsyncClient, path: str, method: str, body: bytes, headers: dict[str, str]
) -> None:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    answer = await web.request(method, path, content=body, headers=raw)
    assert answer.status_code < 500
    if answer.status_code >= 400 and method != "HEAD":
        assert set(answer.json()["error"]) == {"message", "type", "param", "code"}


@given(REQUESTS)
@examples(100)
async def test_a_moderation_is_answered_or_names_the_key(web: httpx.AsyncClient, asked: dict[str, Any]) -> None:
    body = json.dumps(asked).encode()
    answer = await web.post("/v1/moderations", content=body, headers={"Authorization": "Bearer k"})
    if answer.status_code == 200:
        assert answer.json()["results"]
    else:
        assert answer.status_code in (400, 403) and answer.json()["error"]["param"].split(".")[0] in KEYS


@pytest.mark.parametrize(
    "asked", [{"model": "\ud800"}, {"input": "\ud800"}, {"detox": {"\ud800": 1}}, {"detox": {"policy": "\ud800"}}]
)
async def test_what_cannot_be_written_back_is_refused(web: httpx.AsyncClient, asked: dict[str, Any]) -> None:
    for path in PATHS:
        body = json.dumps({"input": "a", **asked}).encode()
        answer = await web.post(path, content=body, headers={"Authorization": "Bearer k"})
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, "body")


async def test_most_kinds_of_answer_are_among_them(web: httpx.AsyncClient) -> None:
    """The properties above would hold of a server that refuses all."""
    key = {"Authorization": "Bearer k"}
    assert (await web.post("/v1/moderations", json={"input": "you idiot"}, headers=key)).json()["results"][0]["flagged"]
    assert (await web.post("/v1/completions", json={"detox": {"policy": "strict"}}, headers=key)).json()["read"] > 0
    assert (await web.get("/ready")).status_code == 200
