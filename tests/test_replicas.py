"""A replica under Ray Serve: up when it is guarded and ready, judged by its own health; and two of them, one killed."""

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from fastapi import FastAPI, Response
from pydantic import ValidationError

from server import replicas
from server.errors import StartError
from server.replicas import LISTENING, Replica, Words
from tests.fleet.__main__ import STREAMS, TOKENS
from tests.fleet.scripted import FLAGGED, INSTEAD

ROOT = Path(__file__).parents[1]


class Stand:
    """An application whose routes answer what they are told to, one after the other, the last one for ever."""

    def __init__(self, **statuses: list[int]) -> None:
        self.open = False
        self.asked: list[str] = []
        self._statuses = statuses

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Any]:
        made = FastAPI()
        for route, statuses in self._statuses.items():
            made.get(f"/{route}")(self._answer(route, statuses))
        self.open = True
        yield made
        self.open = False

    def _answer(self, route: str, statuses: list[int]) -> Callable[[], Response]:
        def answer() -> Response:
            self.asked.append(route)
            return Response(status_code=statuses.pop(0) if len(statuses) > 1 else statuses[0])

        return answer


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replicas, "ASK_AGAIN_SECONDS", 0)


async def test_a_replica_is_up_once_it_is_ready_and_closes_what_it_opened_with_its_lifespan() -> None:
    stand = Stand(ready=[503, 503, 200])
    made = await Replica(stand.serving).__serve_build_asgi_app__()
    assert stand.asked == ["ready"] * 3
    async with made.router.lifespan_context(made):
        assert stand.open
    assert not stand.open


async def test_a_replica_without_the_guard_does_not_come_up() -> None:
    with pytest.raises(StartError, match=r"/ready answers 404: .* set VLLM_PLUGINS=unsay"):
        await Replica(Stand(health=[200]).serving).__serve_build_asgi_app__()


async def test_a_replica_is_as_healthy_as_its_server_whatever_its_scorer_does() -> None:
    replica = Replica(Stand(ready=[200, 503], health=[200, 503]).serving)
    with pytest.raises(RuntimeError, match="not up"):
        await replica.check_health()
    await replica.__serve_build_asgi_app__()
    await replica.check_health()
    with pytest.raises(RuntimeError, match="/health answers 503"):
        await replica.check_health()


async def test_a_replica_is_what_the_command_line_would_serve_while_the_engine_is_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    steps = list[str]()

    @asynccontextmanager
    async def started(args: object) -> AsyncIterator[str]:
        steps.append(f"engine of {args}")
        yield "client"
        steps.append("closed")

    async def plugged_application(client: object, args: object) -> str:
        return f"application over {client} of {args}"

    launcher = SimpleNamespace(engine=started, plugged_application=plugged_application)
    monkeypatch.setitem(sys.modules, "server.engine.launcher", launcher)  # the real one loads vLLM
    monkeypatch.setattr("server.engine.launcher", launcher, raising=False)
    monkeypatch.setattr("server.app.engine_arguments", lambda start: " ".join(start.rest))
    monkeypatch.setattr("server.telemetry.logs.configure", lambda level, format_: steps.append(f"{level} {format_}"))
    monkeypatch.setattr("server.plugin.prepare_process", lambda format_: steps.append(f"prepared for {format_}"))
    monkeypatch.setattr("server.plugin.check_in_place", lambda: steps.append("checked"))
    async with replicas.vllm_server(("mini", "--seed=1", "--unsay-log-level=error", "--log-format=json")) as made:
        assert made == "application over client of mini --seed=1 --host 0.0.0.0"
    assert steps == ["error json", "prepared for json", "checked", "engine of mini --seed=1 --host 0.0.0.0", "closed"]


@pytest.mark.parametrize("flag", LISTENING)
def test_a_replica_is_not_told_where_to_listen(flag: str) -> None:
    for words in ((flag, "x"), (f"{flag}=x",)):
        with pytest.raises(ValidationError, match=f"{flag}.*: .* leave it out"):
            Words(serve=words)


def configurations() -> dict[str, dict[str, Any]]:
    """What deploy/ray has Serve told, by file."""
    own = yaml.safe_load((ROOT / "deploy/ray/serve.yaml").read_text())
    kube = yaml.safe_load((ROOT / "deploy/ray/rayservice.yaml").read_text())["spec"]["serveConfigV2"]
    return {"serve.yaml": own, "rayservice.yaml": yaml.safe_load(kube)}


@pytest.mark.parametrize("name", ["serve.yaml", "rayservice.yaml"])
def test_serve_reads_what_it_is_told_and_finds_the_application(name: str) -> None:
    from ray.serve.schema import ServeDeploySchema

    (told,) = ServeDeploySchema.model_validate(configurations()[name]).applications
    module, _, function = told.import_path.partition(":")
    assert getattr(sys.modules[module], function) is replicas.application
    assert Words(**told.args).serve[0] == "Qwen/Qwen3-8B"
    assert [deployment.name for deployment in told.deployments] == [replicas.guarded.name]


def test_kubernetes_and_a_cluster_of_ones_own_are_told_the_same() -> None:
    ours, kubes = (configuration["applications"] for configuration in configurations().values())
    assert ours[0].pop("runtime_env") == {"env_vars": {"VLLM_PLUGINS": "unsay"}}  # there of the containers
    assert ours == kubes


@pytest.fixture(scope="module")
def seen() -> dict[str, Any]:
    """What became of eight streams over two replicas, one of which was killed. Ray has processes of its own."""
    words = [sys.executable, "-m", "tests.fleet"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=560)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout.splitlines()[-1]))


fleet = pytest.mark.timeout(600)
"""Two processes load vLLM at a time: half a minute on two cores, much more where they are busy."""


@fleet
def test_two_replicas_share_the_streams_and_one_that_is_killed_takes_its_own_alone(seen: dict[str, Any]) -> None:
    ended = [answer for answer in seen["streams"] if answer["done"]]
    broken = [answer for answer in seen["streams"] if not answer["done"]]
    assert len(ended) + len(broken) == STREAMS
    assert ended and broken
    assert all(answer["report"] is None for answer in broken), "nobody takes them for finished"
    assert all(answer["report"]["tokens_generated"] >= TOKENS for answer in ended)


@fleet
def test_no_stream_has_a_flagged_word_the_broken_ones_included(seen: dict[str, Any]) -> None:
    assert not [answer for answer in seen["streams"] + seen["later"] if FLAGGED in answer["text"]]
    ended = [answer for answer in seen["streams"] if answer["done"]] + seen["later"]
    assert all(answer["report"]["action"] == "rewound" and INSTEAD in answer["text"] for answer in ended)


@fleet
def test_the_rest_goes_on(seen: dict[str, Any]) -> None:
    assert [answer["status"] for answer in seen["later"]] == [200] * STREAMS
    assert seen["ready"]["ready"] is True
