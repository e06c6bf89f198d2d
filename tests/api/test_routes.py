"""Our own routes, on an application of their own."""

from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from filters.batcher import Batcher
from filters.judge import Judge
from filters.scorers.scripted import ScriptedScorer
from server.api.routes import router
from server.generation.ending import Ending
from server.generation.services import Services
from server.policy.catalog import builtin, describe
from server.reloading import Current
from server.telemetry.metrics import Metrics
from tests.api.asgi_app import left_by_its_client
from tests.generation.stage import until


@dataclass
class Engine:
    answering: bool = True


async def served(name: str) -> dict[str, Any] | None:
    """What vLLM says of the one model that it has."""
    return {"id": name, "object": "model"} if name == "org/tiny" else None


async def asked(
    method: str,
    path: str,
    *,
    engine: Engine | None = None,
    failing: bool = False,
    ending: Ending | None = None,
    server: tuple[int, int] = (0, 1),
    **options: Any,
) -> httpx.Response:
    """One request to an application that has our routes only. A failing scorer has failed once already."""
    scorer = ScriptedScorer({"idiot": 0.15})
    batcher = Batcher(scorer)
    await batcher.start()
    judge = Judge(batcher)
    if failing:
        scorer.fail(99)
        assert not await batcher.probe()
    app = FastAPI()
    services = Services(judge, Metrics(CollectorRegistry()), "m", lambda text: [], ending=ending or Ending())
    catalog = Current(builtin())
    app.include_router(router(services, catalog, engine or Engine(), served, allow_loosen=False, server=server))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as web:
        answer = await web.request(method, path, **options)
    await batcher.aclose()
    return answer


@pytest.mark.parametrize(
    ("engine", "failing", "draining", "parts"),
    [
        (Engine(), False, False, {"engine": True, "scorer": True, "accepting": True}),
        (Engine(False), False, False, {"engine": False, "scorer": True, "accepting": True}),
        (Engine(), True, False, {"engine": True, "scorer": False, "accepting": True}),
        (Engine(), False, True, {"engine": True, "scorer": True, "accepting": False}),
    ],
)
async def test_ready_says_which_part_is_not(
    engine: Engine, failing: bool, draining: bool, parts: dict[str, bool]
) -> None:
    ending = Ending()
    if draining:
        ending.drain()
    answer = await asked("GET", "/ready", engine=engine, failing=failing, ending=ending)
    assert answer.json() == {"ready": all(parts.values()), **parts}
    assert answer.status_code == (200 if all(parts.values()) else 503)


@pytest.mark.parametrize(("failing", "status"), [(False, 200), (True, 503)])
async def test_each_of_several_servers_answers_for_itself(failing: bool, status: int) -> None:
    answer = await asked("GET", "/ready", failing=failing, server=(1, 4))
    assert (answer.status_code, answer.json()["server"], answer.json()["servers"]) == (status, 1, 4)


async def test_policies_are_told_in_full() -> None:
    assert (await asked("GET", "/v1/detox/policies")).json() == describe(builtin())


async def test_moderations_obey_the_policy_of_the_header() -> None:
    body = {"input": "you idiot"}
    assert not (await asked("POST", "/v1/moderations", json=body)).json()["results"][0]["flagged"]
    strict = await asked("POST", "/v1/moderations", json=body, headers={"X-Detox-Policy": "strict"})
    assert strict.json()["results"][0]["flagged"]
    unknown = await asked("POST", "/v1/moderations", json=body, headers={"X-Detox-Policy": "nosuch"})
    assert (unknown.status_code, unknown.json()["error"]["param"]) == (400, "X-Detox-Policy")


async def test_moderations_obey_the_policy_and_thresholds_of_their_body() -> None:
    said = {"input": "you idiot"}
    for detox in ({"policy": "strict"}, {"thresholds": {"toxicity": 0.01}}):
        answer = await asked("POST", "/v1/moderations", json={**said, "detox": detox})
        assert answer.json()["results"][0]["flagged"]
    looser = await asked("POST", "/v1/moderations", json={**said, "detox": {"thresholds": {"toxicity": 1.0}}})
    assert (looser.status_code, looser.json()["error"]["param"]) == (403, "detox.thresholds.toxicity")
    other = await asked("POST", "/v1/moderations", json={**said, "detox": {"mode": "off"}})
    assert (other.status_code, other.json()["error"]["param"]) == (400, "detox.mode")


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff", b"[" * 99_999])
async def test_a_body_that_is_no_json_is_named(raw: bytes) -> None:
    answer = await asked("POST", "/v1/moderations", content=raw)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "body")


async def test_without_a_scorer_moderations_are_503() -> None:
    answer = await asked("POST", "/v1/moderations", json={"input": "a"}, failing=True)
    assert answer.status_code == 503 and "retry-after" in answer.headers


async def test_once_the_client_of_a_moderation_is_gone_its_texts_are_scored_no_further() -> None:
    """S04 of the cases from the public: 1,024 short texts, and the connection closed."""
    scorer = ScriptedScorer({})
    scorer.hang()
    batcher = Batcher(scorer)
    await batcher.start()
    app = FastAPI()
    services = Services(Judge(batcher), Metrics(CollectorRegistry()), "m", lambda text: [])
    app.include_router(router(services, Current(builtin()), Engine(), served, allow_loosen=False))
    given = {"input": ["hello"] * 1024}
    sent = await left_by_its_client(app, "/v1/moderations", given, lambda: until(lambda: scorer.passes > 0))
    scorer.release()
    assert await batcher.score(["later"]) and scorer.passes == 2
    assert sent[0]["status"] == 499
    await batcher.aclose()


async def test_a_model_is_found_by_its_name_though_it_holds_a_slash() -> None:
    assert (await asked("GET", "/v1/models/org/tiny")).json() == {"id": "org/tiny", "object": "model"}


async def test_a_model_that_is_not_served_is_not_found() -> None:
    answer = await asked("GET", "/v1/models/org/other")
    assert answer.status_code == 404
    error = answer.json()["error"]
    assert (error["param"], error["code"]) == ("model", "not_found") and "org/other" in error["message"]
