"""Keys at vLLM's whole application, over a scripted engine: every route's usage counts, however it is asked for."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from vllm.engine.arg_utils import EngineArgs

from filters.scorers.scripted import ScriptedScorer
from server import app as wiring
from server import composition
from server.configuration import parse
from server.engine import launcher
from server.engine.scripted_client import ScriptedClient
from server.engine.served import ServedClient
from server.keys.file import Keys
from server.keys.key import Key, Quota, digest
from server.policy.catalog import builtin
from server.reloading import Current
from server.telemetry.metrics import Metrics
from tests.generation.stage import until
from tests.live.reading import read_until, scope

MANY = 100_000
FILE = Keys(
    {
        digest("counted"): Key("counted", quota=Quota(tokens_per_minute=MANY, concurrency=1)),
        digest("loose"): Key("loose", rights=frozenset({"loosen"}), quota=Quota(tokens_per_minute=MANY)),
        digest("strict"): Key("strict", policies=("strict",)),
    }
)


@dataclass
class Served:
    """A server, and its client of HTTP."""

    client: ServedClient
    app: FastAPI
    web: httpx.AsyncClient

    async def ask(self, key: str, path: str, **body: Any) -> httpx.Response:
        headers = {"x-api-key": key} if path == "/v1/messages" else {"Authorization": f"Bearer {key}"}
        answer = await self.web.post(path, json={"model": "unsay-mini", **body}, headers=headers)
        await self.client.quotas.aclose()
        return answer

    async def left(self, key: str) -> int:
        """How many tokens a key has left in its minute."""
        answer = await self.ask(key, "/tokenize", prompt="a")
        return int(answer.headers["x-ratelimit-remaining-tokens"])


@pytest.fixture(scope="module")
async def served() -> AsyncIterator[Served]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VLLM_ENABLE_RESPONSES_API_STORE", "1")
        start = parse(["serve", "mini", "--screen", "none", "--api-key", "vllms", "--pages-need-key"])
        args = wiring.engine_arguments(start)
        metrics = Metrics(CollectorRegistry())
        async with wiring.judging(ScriptedScorer({}), start.settings, metrics) as judge:
            engine = ScriptedClient(EngineArgs.from_cli_args(args).create_engine_config(), lambda *_: (300,))
            closing, catalog = AsyncExitStack(), Current(builtin())
            client = composition.guard(engine, judge, catalog, metrics, closing, allow_loosen=False, keys=Current(FILE))
            app = await launcher.application(client, args)
            composition.attach(app, client, args, pages_need_key=True)
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as web:
                yield Served(client, app, web)


ASKED: dict[str, dict[str, Any]] = {
    "/v1/completions": {"prompt": ["The town", "The river"], "max_tokens": 5, "n": 2},
    "/v1/chat/completions": {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 5},
    "/v1/responses": {"input": "Hello", "max_output_tokens": 5, "store": False},
    "/v1/messages": {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 5},
}


def used(answer: httpx.Response) -> int:
    """The usage that an answer tells, streamed or not."""
    found = [answer.json()] if "data: " not in answer.text else []
    found += [json.loads(line[6:]) for line in answer.text.split("\n") if line.startswith("data: {")]
    usages = [each.get("usage") or each.get("response", {}).get("usage") or {} for each in found]
    usage = {key: value for each in usages for key, value in each.items()}
    first = found[0].get("message", {}).get("usage") or {}
    prompt: Any = usage.get("prompt_tokens") or usage.get("input_tokens") or first.get("input_tokens")
    written: Any = usage.get("completion_tokens") or usage.get("output_tokens")
    return int(prompt + written)


@pytest.mark.parametrize("path", ASKED)
@pytest.mark.parametrize(("key", "stream"), [("counted", False), ("counted", True), ("loose", True)])
async def test_what_an_answer_says_that_it_used_is_what_its_key_has_less(
    served: Served, key: str, path: str, stream: bool
) -> None:
    """Guarded, and with the guard off (the scripted engine writes streams alone)."""
    before = await served.left(key)
    more: dict[str, Any] = {} if key == "counted" else {"detox": {"mode": "off"}}
    if stream and "completions" in path:
        more["stream_options"] = {"include_usage": True}
    answer = await served.ask(key, path, **ASKED[path], **more, stream=stream)
    assert answer.status_code == 200, answer.text
    assert before - await served.left(key) == used(answer) > 5
    assert served.client.quotas.under_way((key,)) == 0


async def test_a_response_in_the_background_counts_when_it_is_over(served: Served) -> None:
    before = await served.left("counted")
    asked = {"input": "Hello", "max_output_tokens": 5, "background": True}
    made = (await served.ask("counted", "/v1/responses", **asked)).json()
    path, headers = f"/v1/responses/{made['id']}", {"Authorization": "Bearer counted"}
    assert served.client.quotas.under_way(("counted",)) == 1
    await until(lambda: not served.client.quotas.under_way(("counted",)))
    await served.client.quotas.aclose()
    answer = await served.web.get(path, headers=headers)
    assert answer.json()["status"] in ("completed", "incomplete")
    assert before - await served.left("counted") == used(answer) > 5
    assert (await served.web.get(path, headers={"Authorization": "Bearer loose"})).status_code == 404
    assert (await served.ask("loose", "/v1/responses", input="x", previous_response_id=made["id"])).status_code == 404


async def test_a_stream_whose_client_leaves_gives_its_slot_back_and_counts_what_it_had(served: Served) -> None:
    before, sent = await served.left("counted"), list[Any]()
    body = {"model": "unsay-mini", "prompt": "The town", "max_tokens": 400, "stream": True}
    asked = scope("/v1/completions", authorization="Bearer counted")
    await read_until(served.app, asked, body, sent, lambda: bool(sent[-1].get("body")))
    await served.client.quotas.aclose()
    assert served.client.quotas.under_way(("counted",)) == 0
    assert 2 < before - await served.left("counted") < 400


async def test_a_key_of_the_file_has_its_policies_and_vllms_has_no_limits(served: Served) -> None:
    answer = await served.ask("strict", "/v1/completions", prompt="The", max_tokens=2)
    assert answer.json()["choices"][0]["detox"]["policy"] == "strict"
    assert (await served.ask("strict", "/v1/moderations", input="x", detox={"policy": "default"})).status_code == 403
    told = await served.web.get("/v1/detox/policies", headers={"Authorization": "Bearer strict"})
    assert [policy["name"] for policy in told.json()["data"]] == ["strict"] == [told.json()["default"]]
    plain = await served.ask("vllms", "/v1/completions", prompt="The", max_tokens=2)
    assert plain.status_code == 200 and not [name for name in plain.headers if name.startswith("x-ratelimit")]
    assert (await served.ask("wrong", "/v1/completions", prompt="The")).status_code == 401


@pytest.mark.parametrize(("path", "open_to_all"), [("/metrics", False), ("/docs", False), ("/version", True)])
async def test_pages_need_a_key_where_that_is_wanted(served: Served, path: str, open_to_all: bool) -> None:
    assert (await served.web.get(path, follow_redirects=True)).status_code == (200 if open_to_all else 401)
    told = await served.web.get(path, follow_redirects=True, headers={"Authorization": "Bearer strict"})
    assert told.status_code == 200
