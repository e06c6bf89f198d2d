"""A server that is full, at vLLM's whole application: what clients see on every route, and what goes on meanwhile."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry
from vllm.engine.arg_utils import EngineArgs

from filters.scorers.scripted import ScriptedScorer
from server import app as wiring
from server import composition
from server.configuration import parse
from server.engine import launcher
from server.engine.scripted_client import ScriptedClient
from server.engine.served import ServedClient
from server.policy.catalog import builtin
from server.reloading import Current
from server.telemetry.metrics import Metrics

ROOM = 4
ASKED: dict[str, dict[str, Any]] = {
    "/v1/completions": {"prompt": "The town", "max_tokens": 5},
    "/v1/chat/completions": {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 5},
    "/v1/responses": {"input": "Hello", "max_output_tokens": 5, "store": False},
    "/v1/messages": {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 5},
    "/invocations": {"prompt": "The town", "max_tokens": 5},
}


@dataclass
class Served:
    client: ServedClient
    web: httpx.AsyncClient
    registry: CollectorRegistry

    async def ask(self, path: str, **more: Any) -> httpx.Response:
        return await self.web.post(path, json={"model": "unsay-mini", **ASKED[path], **more})

    def refused(self) -> float:
        return sum(
            self.registry.get_sample_value("unsay_refused_requests_total", {"reason": reason}) or 0.0
            for reason in ("engine", "scorer")
        )


@pytest.fixture(scope="module")
async def served() -> AsyncIterator[Served]:
    start = parse(["serve", "mini", "--screen", "none", "--max-under-way", str(ROOM)])
    args, registry = wiring.engine_arguments(start), CollectorRegistry()
    metrics = Metrics(registry)
    async with wiring.judging(ScriptedScorer({}), start.settings, metrics) as judge:
        engine = ScriptedClient(EngineArgs.from_cli_args(args).create_engine_config(), lambda *_: (300,))
        catalog, room = Current(builtin()), start.settings.room
        client = composition.guard(engine, judge, catalog, metrics, AsyncExitStack(), allow_loosen=True, room=room)
        app = await launcher.application(client, args)
        composition.attach(app, client, args)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as web:
            yield Served(client, web, registry)


@pytest.mark.parametrize("path", ASKED)
@pytest.mark.parametrize(
    "more", [{}, {"stream": True}, {"stream": True, "detox": {"mode": "off"}}], ids=["whole", "stream", "off"]
)
async def test_a_full_server_says_when_to_come_again_before_anything_of_an_answer(
    served: Served, path: str, more: dict[str, Any]
) -> None:
    before = served.refused()
    with served.client.services.capacity.during(ROOM):
        answer = await served.ask(path, **more)
    assert answer.status_code == 503 and int(answer.headers["retry-after"]) >= 1
    assert answer.headers["content-type"] == "application/json"
    error, kind = answer.json()["error"], "overloaded_error" if "messages" in path else "service_unavailable"
    assert error["type"] == kind and "try again in" in error["message"]
    assert served.refused() == before + 1, "counted once"
    assert served.client.services.capacity.under_way == 0
    assert (await served.ask(path, stream=bool(more.get("stream")))).status_code == 200


async def test_what_generates_nothing_is_not_refused(served: Served) -> None:
    with served.client.services.capacity.during(ROOM):
        for path in ("/health", "/ready", "/v1/models", "/v1/detox/policies"):
            assert (await served.web.get(path)).status_code == 200, path
        body = {"model": "unsay-mini", "prompt": "a"}
        assert (await served.web.post("/tokenize", json=body)).status_code == 200
        assert (await served.web.post("/v1/moderations", json={"input": "a"})).status_code == 200


async def test_all_choices_of_all_prompts_have_to_fit(served: Served) -> None:
    many: dict[str, Any] = {"prompt": ["The town", "The river"], "n": 2}
    with served.client.services.capacity.during(1):
        assert (await served.ask("/v1/completions", **many)).status_code == 503
        assert (await served.ask("/v1/completions", **many | {"n": 1})).status_code == 200
    assert (await served.ask("/v1/completions", **many)).status_code == 200
    assert served.client.services.capacity.under_way == 0
