"""The places of vLLM that every engine comes by, with the guard in them."""

import inspect
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from vllm.engine.arg_utils import AsyncEngineArgs
from vllm.engine.async_llm_engine import AsyncLLMEngine

from server.engine import plugged, quiet
from server.engine.core import arming
from server.errors import StartError
from tests.engine.core.test_arming import config

WAYS = pytest.mark.parametrize(
    ("way", "named"), [("from_vllm_config", "vllm_config"), ("from_engine_args", "engine_args")]
)


QUEUE = {"max_num_queued_reqs": None, "max_num_queued_tokens": None}


def source(**model: Any) -> Any:
    """A configuration of vLLM's; arguments have no model in them."""
    made = config()
    made.additional_config = {"unsay": {}}
    made.model_config.skip_tokenizer_init = False
    vars(made.scheduler_config).update({**QUEUE, **model.pop("queue", {})})
    vars(made.model_config).update(model)
    return made


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is made, in order, by a vLLM whose three places are stubs: they are put back after the test."""
    order: list[str] = []

    def engine(cls: Any, *args: Any, **kwargs: Any) -> Any:
        order.append("engine")
        return SimpleNamespace(vllm_config=source(**kwargs.pop("model", {})))

    for way in ("from_vllm_config", "from_engine_args"):
        monkeypatch.setattr(AsyncLLMEngine, way, classmethod(engine))
    monkeypatch.setattr(AsyncEngineArgs, "create_engine_config", lambda self, **model: source(**model))
    return order


def guard(made: list[str]) -> None:
    def prepare(additional: Any) -> Any:
        made.append(f"guard of {additional}")
        return lambda engine: ("guarded", engine)

    plugged.arm_configurations()
    plugged.guard_engines(prepare)


def args() -> Any:
    return AsyncEngineArgs.__new__(AsyncEngineArgs)


@WAYS
def test_an_engine_is_handed_out_guarded_however_it_is_asked_for(made: list[str], way: str, named: str) -> None:
    guard(made)
    hand_out = getattr(AsyncLLMEngine, way)
    assert hand_out(source())[0] == hand_out(**{named: source()})[0] == "guarded"
    assert made == ["guard of {'unsay': {}}", "engine"] * 2, "wrong settings are told before an engine is there"


@WAYS
def test_vllm_calls_what_it_is_made_from_as_we_do(way: str, named: str) -> None:
    assert next(iter(inspect.signature(getattr(AsyncLLMEngine, way)).parameters)) == named


def test_each_place_is_changed_once(made: list[str]) -> None:
    assert not plugged.guarding()
    guard(made)
    assert plugged.guarding()
    guard(made)
    assert AsyncLLMEngine.from_vllm_config(source())[0] == "guarded"
    assert made == ["guard of {'unsay': {}}", "engine"]


def test_one_place_alone_is_no_guard(made: list[str]) -> None:
    plugged.arm_configurations()
    assert not plugged.guarding()


def test_an_engine_without_text_is_handed_out_as_it_is(made: list[str]) -> None:
    guard(made)
    assert AsyncLLMEngine.from_vllm_config(source(runner_type="pooling")).vllm_config
    assert made == ["engine"]
    assert AsyncLLMEngine.from_engine_args(
        SimpleNamespace(additional_config={}), model={"runner_type": "pooling"}
    ).vllm_config


def test_a_configuration_is_armed(made: list[str]) -> None:
    guard(made)
    assert args().create_engine_config().scheduler_config.scheduler_cls == arming.SCHEDULER


def test_an_engine_of_tokens_alone_is_refused(made: list[str]) -> None:
    guard(made)
    with pytest.raises(StartError, match="--skip-tokenizer-init"):
        args().create_engine_config(skip_tokenizer_init=True)
    assert args().create_engine_config(skip_tokenizer_init=True, runner_type="pooling")


@pytest.mark.parametrize("flag", ["max_num_queued_reqs", "max_num_queued_tokens"])
def test_vllms_own_bounds_on_its_queue_are_refused(made: list[str], flag: str) -> None:
    guard(made)
    with pytest.raises(StartError, match=f"^--{flag.replace('_', '-')}: .*--max-under-way"):
        args().create_engine_config(**{"queue": {flag: 9}})


def test_the_rust_front_end_is_refused(made: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    guard(made)
    monkeypatch.setenv("VLLM_USE_RUST_FRONTEND", "1")
    with pytest.raises(StartError, match="VLLM_USE_RUST_FRONTEND"):
        args().create_engine_config()


@pytest.mark.parametrize("place", ["vllm.entrypoints.launchers.grpc_server", "__main__"])
def test_the_grpc_server_is_refused(made: list[str], place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Started by `vllm serve --grpc`, or as a module."""
    guard(made)
    module = ModuleType(place)
    module.__spec__ = SimpleNamespace(name="vllm.entrypoints.launchers.grpc_server")  # type: ignore[assignment]
    monkeypatch.setitem(sys.modules, place, module)
    with pytest.raises(StartError, match="--grpc"):
        args().create_engine_config()


def test_where_the_log_is_to_be_json_all_processes_of_the_configuration_are_told(
    made: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quiet, "write_objects", lambda config: made.append("objects"))
    asked: list[Any] = []

    def log_format(additional: Any) -> str:
        asked.append(additional)
        return "json" if len(asked) > 1 else "text"

    plugged.arm_configurations(log_format)
    for said in ([], ["objects"]):
        args().create_engine_config()
        assert made == said and asked[-1] == {"unsay": {}}
