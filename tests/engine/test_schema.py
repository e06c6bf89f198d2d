"""What the OpenAPI document says may be asked of our routes, and `detox` of vLLM's, and what it does not: no 5xx.

It is vLLM's whole application over a scripted engine. Drawn by schemathesis from the document, and malformed by hand.
"""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from schemathesis import GenerationMode
from schemathesis.core.result import Ok
from vllm.engine.arg_utils import EngineArgs

from filters.scorers.scripted import ScriptedScorer
from server import app as wiring
from server import composition
from server.api.routes import router
from server.configuration import parse
from server.engine.scripted_client import ScriptedClient
from server.policy.catalog import builtin
from server.policy.resolve import HEADER, DetoxRequest
from server.telemetry.metrics import Metrics
from tests.api.test_malformed import BODIES, HEADERS
from tests.properties import examples

OURS = ("/v1/moderations", "/v1/detox/policies", "/ready")
SAYS_HELLO: list[dict[str, str]] = [{"role": "user", "content": "Hello"}]
GENERATING: dict[str, dict[str, Any]] = {
    "/v1/completions": {"prompt": "The town", "max_tokens": 3},
    "/v1/chat/completions": {"messages": SAYS_HELLO, "max_tokens": 3},
    "/v1/responses": {"input": "Hello", "max_output_tokens": 3, "store": False},
    "/v1/messages": {"messages": SAYS_HELLO, "max_tokens": 3},
}
OTHERS = ("/invocations", "/generative_scoring", "/tokenize", "/detokenize", "/v1/messages/count_tokens", "/nosuch")


@pytest.fixture(scope="module")
async def app() -> AsyncIterator[FastAPI]:
    start, metrics = parse(["serve", "mini", "--screen", "none"]), Metrics(CollectorRegistry())
    args = wiring.engine_arguments(start)
    async with wiring.judging(ScriptedScorer({"idiot": 0.9}), start.settings, metrics) as judge:
        engine = ScriptedClient(EngineArgs.from_cli_args(args).create_engine_config(), lambda *_: (300,))
        yield await composition.guarded_application(engine, args, judge, builtin(), metrics)


@pytest.fixture(scope="module")
async def web(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


def our_document() -> dict[str, Any]:
    """What our routes say of themselves."""
    nothing: Any = None  # what they serve is not asked for
    app = FastAPI()
    app.include_router(router(nothing, nothing, nothing, nothing, allow_loosen=False))
    return app.openapi()


def document() -> dict[str, Any]:
    """The document of our routes, and of those that generate as far as it is ours: `detox` beside what is fixed."""
    whole = our_document()
    detox = DetoxRequest.model_json_schema(ref_template="#/components/schemas/{model}")
    definitions = detox.pop("$defs", {})
    paths = {path: whole["paths"][path] for path in OURS}
    for path, fixed in GENERATING.items():
        known = {key: {"const": value} for key, value in {"model": "unsay-mini", **fixed}.items()}
        body = {"type": "object", "properties": {**known, "detox": detox}, "required": [*known, "detox"]}
        header = {"in": "header", "name": HEADER, "required": False, "schema": {"type": "string"}}
        described = {"required": True, "content": {"application/json": {"schema": body}}}
        answers = {"200": {"description": "An answer."}}
        paths[path] = {"post": {"parameters": [header], "requestBody": described, "responses": answers}}
    return {"openapi": whole["openapi"], "info": whole["info"], "paths": paths, "components": {"schemas": definitions}}


def cases() -> st.SearchStrategy[Any]:
    """Whatever schemathesis draws for any of them, right or wrong."""
    found = list(schemathesis.openapi.from_dict(document()).get_all_operations())
    operations = [result.ok() for result in found if isinstance(result, Ok)]
    assert len(operations) == len(found)
    return st.one_of(*(each.as_strategy(generation_mode=mode) for each in operations for mode in GenerationMode))


def check(answer: httpx.Response, path: str) -> None:
    """Fail on a mistake of ours, and on an error in another shape than the route's."""
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400:
        error = answer.json()["error"]
        assert {"message", "type"} <= set(error), (path, answer.text)


@examples(100, *HealthCheck)
@given(st.deferred(cases))
async def test_no_request_of_the_document_is_our_mistake(web: httpx.AsyncClient, case: Any) -> None:
    asked = case.as_transport_kwargs(base_url="http://test")
    asked["content"] = asked.pop("data", None)
    asked["headers"] = [(name, value.encode("utf-8", "replace")) for name, value in asked["headers"].items()]
    try:
        answer = await web.request(**{key: value for key, value in asked.items() if key != "cookies"})
    except (httpx.InvalidURL, httpx.LocalProtocolError, UnicodeEncodeError):
        return  # what no client can send
    check(answer, case.path)


@examples(150)
@given(st.sampled_from((*OURS, *GENERATING, *OTHERS)), BODIES, HEADERS)
async def test_no_malformed_request_to_the_whole_application_is_our_mistake(
    web: httpx.AsyncClient, path: str, body: bytes, headers: dict[str, str]
) -> None:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    check(await web.post(path, content=body, headers=raw), path)


@pytest.mark.parametrize(("path", "asked"), [*GENERATING.items(), ("/v1/moderations", {"input": "you idiot"})])
async def test_what_the_document_describes_is_answered(
    web: httpx.AsyncClient, path: str, asked: dict[str, Any]
) -> None:
    """The properties above would hold of a server that refuses all."""
    answer = await web.post(path, json={"model": "unsay-mini", **asked, "detox": {"policy": "strict"}})
    assert answer.status_code == 200, answer.text
    assert (await web.post(path, json={"model": "unsay-mini", **asked, "detox": {"nosuch": 1}})).status_code == 400


async def test_the_document_says_what_a_moderation_takes(app: FastAPI) -> None:
    assert app.openapi()["paths"]["/v1/moderations"] == our_document()["paths"]["/v1/moderations"]
    body = our_document()["paths"]["/v1/moderations"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert set(body["properties"]) == {"input", "model", "detox"} and body["required"] == ["input"]
    assert "thresholds" in body["$defs"]["DetoxRequest"]["properties"]
