"""The two parts that vLLM loads: what each does, and that no server comes up that lacks one."""

import subprocess
import sys
import tomllib
from argparse import Namespace
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from prometheus_client import CollectorRegistry
from vllm.plugins.endpoint_plugins.interface import EndpointPlugin

from filters.batcher import Batcher
from filters.judge import Judge
from filters.scorers.scripted import ScriptedScorer
from server import app, composition, plugin
from server.configuration import KEY
from server.engine import plugged
from server.engine.served import ServedClient
from server.errors import StartError
from server.keys.file import Keys
from server.keys.key import Key
from server.plugin import Endpoint, check_in_place, guard_vllm
from server.policy.catalog import builtin
from server.reloading import Current
from server.settings import ENDPOINTS, PLUGIN
from server.telemetry.metrics import Metrics

ROOT = Path(__file__).parents[1]
MORE: dict[str, Any] = {"additional_config": {}, "api_key": None}
ARGS = Namespace(model="m", uds=None, host="::1", port=8000, ssl_certfile=None, ssl_keyfile=None, **MORE)


def engine(runner_type: str = "generate") -> Any:
    """What is asked of vLLM's engine before it answers anything."""
    tokenizer = SimpleNamespace(encode=lambda text, add_special_tokens: [1, 2])
    model = SimpleNamespace(served_model_name="m", runner_type=runner_type)
    scheduler, parallel = SimpleNamespace(scheduler_cls=None, max_num_seqs=8), SimpleNamespace(data_parallel_size=1)
    config = SimpleNamespace(scheduler_config=scheduler, parallel_config=parallel, model_config=model)
    renderer = SimpleNamespace(tokenizer=tokenizer)
    return SimpleNamespace(renderer=renderer, vllm_config=config, is_running=True, errored=False)


def guarded(closing: AsyncExitStack, **options: Any) -> ServedClient:
    judge = Judge(Batcher(ScriptedScorer({})))
    options = {"allow_loosen": False, **options}
    return composition.guard(engine(), judge, Current(builtin()), Metrics(CollectorRegistry()), closing, **options)


async def attached(client: Any, args: Namespace = ARGS) -> FastAPI:
    """An application of vLLM's, as far as a plug-in sees it, after both calls."""
    made, part = FastAPI(), Endpoint()
    made.router.lifespan_context = lifespan
    part.attach_router(made)
    await part.init_state(client, made.state, args)
    return made


@asynccontextmanager
async def lifespan(made: FastAPI) -> AsyncIterator[dict[str, str]]:
    yield {"theirs": "kept"}


def test_the_parts_are_the_entry_points() -> None:
    points = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["entry-points"]
    group = "vllm.general_plugins"
    assert EntryPoint(PLUGIN, points[group][PLUGIN], group).load() is guard_vllm
    assert EntryPoint(PLUGIN, points[ENDPOINTS][PLUGIN], ENDPOINTS).load() is Endpoint


def test_the_endpoint_part_is_what_vllm_takes_for_one() -> None:
    assert isinstance(Endpoint(), EndpointPlugin)


def test_nothing_heavy_is_loaded_with_a_part() -> None:
    """VLLM loads the general one in all of its processes."""
    told = "import sys, server.plugin; print([name for name in ('vllm', 'torch', 'server.app') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


async def test_the_routes_are_those_of_the_guard_and_its_end_is_the_servers() -> None:
    closed: list[bool] = []
    closing = AsyncExitStack()
    closing.callback(closed.append, True)
    made = await attached(guarded(closing))
    with TestClient(made) as client:
        assert client.app_state == {"theirs": "kept"}
        assert client.get("/v1/detox/policies").json()["default"] == "default"
        assert client.get("/ready").status_code == 503, "its scorer was not started"
        assert closed == []
    assert closed == [True]


async def test_an_engine_that_is_not_guarded_ends_the_start() -> None:
    with pytest.raises(StartError, match=r"not guarded.*pip install unsay"):
        await attached(engine())


async def test_a_model_that_writes_no_text_ends_the_start() -> None:
    with pytest.raises(StartError, match=f"model m: it does not generate text.*leave {PLUGIN} out of VLLM_PLUGINS"):
        await attached(engine("pooling"))


async def test_a_server_without_an_engine_is_left_alone() -> None:
    assert (await attached(None)).router.lifespan_context is lifespan


@pytest.mark.parametrize(
    ("changed", "url"),
    [
        ({}, "http://[::1]:8000"),
        ({"host": None, "ssl_certfile": "c", "ssl_keyfile": "k"}, "https://0.0.0.0:8000"),
        ({"uds": "/run/unsay"}, "unix:/run/unsay"),
    ],
)
async def test_one_line_says_where_it_serves(
    changed: dict[str, Any], url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[Any] = []
    monkeypatch.setattr(plugin.log, "info", lambda line, extra: said.append((line, extra["url"], extra["policy"])))
    await attached(guarded(AsyncExitStack()), Namespace(**{**vars(ARGS), **changed}))
    assert said == [("ready", url, "default")]


@pytest.mark.parametrize(
    ("file", "api_keys", "line", "warned"),
    [
        (None, None, None, 0),
        (Keys({b"1": Key("app"), b"2": Key("b")}), None, {"of_keys_file": 2, "of_api_key": 0, "for_pages": False}, 0),
        (None, ["k"], {"of_keys_file": 0, "of_api_key": 1, "for_pages": False}, 0),
        (Keys({}), ["k"], {"of_keys_file": 0, "of_api_key": 1, "for_pages": False}, 1),
    ],
)
async def test_it_is_said_whose_keys_are_asked_for(
    file: Keys | None, api_keys: list[str] | None, line: Any, warned: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: dict[str, Any] = {}
    warnings: list[str] = []
    monkeypatch.setattr(plugin.log, "info", lambda line, extra: said.update({line: extra}))
    monkeypatch.setattr(plugin.log, "warning", warnings.append)
    client = guarded(AsyncExitStack(), keys=None if file is None else Current(file))
    made = await attached(client, Namespace(**{**vars(ARGS), "api_key": api_keys}))
    assert said.get("asking for keys") == line and len(warnings) == warned
    with TestClient(made) as web:
        assert web.get("/v1/detox/policies").status_code == (200 if line is None else 401)


def test_the_general_part_has_engines_guarded_by_what_the_server_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Any] = []
    monkeypatch.setattr(plugged, "arm_configurations", lambda log_format: told.append("armed"))
    monkeypatch.setattr(plugged, "guard_engines", lambda prepare: prepare({KEY: {}}))
    monkeypatch.setattr(app, "prepare", told.append)
    guard_vllm()
    assert told == ["armed", {KEY: {}}]


def test_upstreams_are_not_for_a_server_that_has_an_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugged, "arm_configurations", lambda log_format: None)
    monkeypatch.setattr(plugged, "guard_engines", lambda prepare: prepare({KEY: {"upstream": ["http://one"]}}))
    with pytest.raises(StartError, match=r"upstream: an engine is started here.*unsay serve --upstream"):
        guard_vllm()


@pytest.mark.parametrize(
    ("general", "value", "missing"),
    [
        (True, "server.plugin:Endpoint", None),
        (False, "server.plugin:Endpoint", "general part"),
        (True, None, "endpoint part"),
        (True, "argparse:Namespace", "endpoint part"),
    ],
)
def test_a_part_that_is_missing_is_named(
    general: bool, value: str | None, missing: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    points = EntryPoints([EntryPoint(PLUGIN, value, ENDPOINTS)] if value else [])
    monkeypatch.setattr(plugin, "entry_points", lambda **chosen: points.select(**chosen))
    monkeypatch.setattr(plugged, "guarding", lambda: general)
    if missing is None:
        return check_in_place()
    with pytest.raises(StartError, match=f"{missing} of the plug-in {PLUGIN}; install unsay again"):
        check_in_place()
