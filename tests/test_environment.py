"""The command line that is ours, and what is read from and set in the environment."""

import os
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import pytest

from server import environment
from server.environment import (
    bound_cores,
    cache_folder,
    development_mode,
    leave_plugin_out,
    plug_in,
    plugged_in,
    prepare_environment,
)
from server.errors import StartError


@pytest.mark.parametrize("value", ["1", "true"])
def test_the_rust_front_end_is_refused(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VLLM_USE_RUST_FRONTEND", value)
    with pytest.raises(StartError, match="VLLM_USE_RUST_FRONTEND"):
        prepare_environment()


QUIET = "VLLM_LOGGING_LEVEL VLLM_LOGGING_CONFIG_PATH VLLM_CONFIGURE_LOGGING PYTHONWARNINGS TORCH_LOGS".split()


def test_harmless_warnings_are_hidden_unless_the_operator_set_up_logging(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in QUIET:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    prepare_environment()
    assert Path(os.environ["VLLM_LOGGING_CONFIG_PATH"]).is_file()
    assert os.environ["VLLM_LOGGING_LEVEL"] == "WARNING"
    monkeypatch.delenv("VLLM_LOGGING_CONFIG_PATH")
    monkeypatch.setenv("VLLM_LOGGING_LEVEL", "DEBUG")
    prepare_environment()
    assert "VLLM_LOGGING_CONFIG_PATH" not in os.environ


def test_as_json_vllm_is_told_so_at_the_operators_level(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in QUIET:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setenv("VLLM_LOGGING_LEVEL", "INFO")
    for _ in range(2):
        prepare_environment("json")
        assert os.environ["VLLM_LOGGING_CONFIG_PATH"].endswith("vllm_logging_json.json")
    assert os.environ["VLLM_LOGGING_LEVEL"] == "INFO"


@pytest.mark.parametrize("name", ["VLLM_LOGGING_CONFIG_PATH", "VLLM_CONFIGURE_LOGGING"])
def test_as_json_a_log_that_is_set_up_in_another_way_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for other in QUIET:
        monkeypatch.setenv(other, "")
        monkeypatch.delenv(other)
    monkeypatch.setenv(name, "0")
    with pytest.raises(StartError, match=rf"{name} says how vLLM writes its log, and --log-format json"):
        prepare_environment("json")


@pytest.mark.parametrize("value", ["", "0"])
def test_without_it_the_environment_is_prepared(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VLLM_USE_RUST_FRONTEND", value)
    monkeypatch.setenv("VLLM_CPU_KVCACHE_SPACE", "4")
    monkeypatch.setenv("VLLM_LOGGING_LEVEL", "INFO")
    monkeypatch.delenv("VLLM_NO_USAGE_STATS", raising=False)
    prepare_environment()
    assert os.environ["VLLM_NO_USAGE_STATS"] == "1"
    assert os.environ["VLLM_LOGGING_LEVEL"] == "INFO", "the operator's word stays"
    assert "VLLM_CPU_KVCACHE_SPACE" not in os.environ
    monkeypatch.delenv("VLLM_NO_USAGE_STATS")


PLUGINS = "VLLM_PLUGINS"


@pytest.mark.parametrize(("named", "then"), [("", "unsay"), ("theirs", "theirs,unsay"), ("unsay,a", "unsay,a")])
def test_our_plugin_is_named_beside_those_that_the_operator_names(
    named: str, then: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PLUGINS, named)
    assert plug_in() == [] and os.environ[PLUGINS] == then and plugged_in()


def test_where_none_is_named_all_stay_but_those_with_routes(monkeypatch: pytest.MonkeyPatch) -> None:
    """vLLM loads every plug-in then, and routes only of those that are named."""
    groups = {
        "vllm.general_plugins": ["unsay", "a", "both"],
        "vllm.platform_plugins": ["b"],
        "vllm.endpoint_plugins": ["unsay", "both", "routes"],
        "console_scripts": ["other"],
    }
    points = EntryPoints(EntryPoint(name, "x:y", group) for group, names in groups.items() for name in names)
    monkeypatch.setattr(environment, "entry_points", lambda **chosen: points.select(**chosen))
    monkeypatch.setenv(PLUGINS, "")
    monkeypatch.delenv(PLUGINS)
    assert plug_in() == ["both"]
    assert os.environ[PLUGINS] == "a,b,unsay"


def test_a_server_that_is_put_together_by_hand_has_no_plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PLUGINS, "unsay")
    leave_plugin_out()
    assert not plugged_in()


@pytest.mark.parametrize(("value", "on"), [("1", True), ("0", False), ("", False)])
def test_vllms_development_mode_is_seen(value: str, on: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VLLM_SERVER_DEV_MODE", value)
    assert development_mode() is on


BIND = "VLLM_CPU_OMP_THREADS_BIND"


def test_the_cores_are_vllms_choice_unless_the_operator_has_said_which(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(BIND, raising=False)
    assert bound_cores() == "auto"
    monkeypatch.setenv(BIND, "0,2")
    assert bound_cores() == "0,2"


def test_converted_models_lie_where_the_operator_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNSAY_CACHE", "/srv/models")
    monkeypatch.setenv("XDG_CACHE_HOME", "/home/me/.cache")
    assert cache_folder() == Path("/srv/models")
    monkeypatch.delenv("UNSAY_CACHE")
    assert cache_folder() == Path("/home/me/.cache/unsay")
