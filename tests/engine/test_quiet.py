"""What is left out of vLLM's log, and that the file which says so can be read by it."""

import json
import logging
import logging.config
from typing import Any

import pytest
from vllm.config.logging import LoggingConfig

from server.engine.quiet import HARMLESS, LOGGING_FILE, OBJECTS_FILE, Noise, write_objects
from server.errors import ScorerDown, ShuttingDown, StartError
from server.telemetry.logs import ObjectFormatter


def record(message: str, *args: object) -> logging.LogRecord:
    return logging.LogRecord("vllm.x", logging.WARNING, "x.py", 1, message, args, None)


@pytest.mark.parametrize("message", HARMLESS)
def test_what_is_harmless_is_left_out(message: str) -> None:
    assert not Noise().filter(record(message + " and so on"))


@pytest.mark.parametrize("message", ["Out of memory", "The KV cache is full", "", "Not: Triton is not installed"])
def test_every_other_warning_is_shown(message: str) -> None:
    assert Noise().filter(record(message))


def test_arguments_are_not_looked_at() -> None:
    assert Noise().filter(record("%s failed", HARMLESS[0]))


@pytest.mark.parametrize(("library", "shown"), [("libiomp", False), ("libtcmalloc", True)])
def test_only_the_allocator_is_missed(library: str, shown: bool) -> None:
    """Without it the worker's memory grows (docs/decisions/0050); what vLLM says of it names the remedy."""
    message = "%s is not found in LD_PRELOAD. For best performance, please follow the section"
    assert Noise().filter(record(message, library)) is shown


def test_arguments_that_do_not_fit_are_the_handlers_to_tell_of() -> None:
    assert Noise().filter(record("%d failed", "one"))


@pytest.mark.parametrize(
    ("scheduler", "shown"), [("server.engine.core.scheduler.X", False), ("of.the.operator.X", True)]
)
def test_only_a_scheduler_of_the_operators_is_warned_of(scheduler: str, shown: bool) -> None:
    message = "Using custom scheduler class %s. This scheduler interface is not public"
    assert Noise().filter(record(message, scheduler)) is shown


@pytest.mark.parametrize(("error", "shown"), [(ScorerDown(), False), (ShuttingDown(), False), (ValueError(), True)])
def test_a_refusal_of_ours_is_no_crash_of_vllms(error: Exception, shown: bool) -> None:
    made = record("Error in chat completion stream generator.")
    made.exc_info = (type(error), error, None)
    assert Noise().filter(made) is shown


def test_the_file_names_the_filter_and_vllms_own_formatter() -> None:
    config = json.loads(LOGGING_FILE.read_text())
    made = logging.config.DictConfigurator(config)
    assert isinstance(made.configure_filter(config["filters"]["noise"]), Noise)
    assert isinstance(made.configure_formatter(config["formatters"]["vllm"]), logging.Formatter)
    assert config["handlers"]["vllm"]["filters"] == ["noise"]
    assert config["loggers"]["vllm"]["level"] == "WARNING"


def test_as_json_vllms_lines_are_objects_at_the_level_that_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VLLM_LOGGING_LEVEL", "ERROR")
    config = json.loads(OBJECTS_FILE.read_text())
    config["loggers"] = {"vllm_twin": config["loggers"].pop("vllm")}
    logging.config.dictConfig(config)
    twin = logging.getLogger("vllm_twin")
    (output,) = twin.handlers
    assert twin.level == logging.ERROR and isinstance(output.formatter, ObjectFormatter)
    assert not output.filter(record(HARMLESS[0])), "what is harmless is left out here too"


class Config:
    """A configuration of vLLM's, as far as its log goes."""

    def __init__(self, **said: Any) -> None:
        self.logging_config = LoggingConfig(**said)


def test_all_processes_of_a_configuration_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    applied: list[Any] = []
    monkeypatch.setattr("vllm.logger.configure_logging_if_needed", applied.append)
    config = Config(pylogging_config_file=None, configure_logging=True)
    for _ in range(2):
        write_objects(config)
        assert config.logging_config.pylogging_config_file == str(OBJECTS_FILE)
    assert applied[0] is not None


@pytest.mark.parametrize("said", [{"pylogging_config_file": "own.json"}, {"configure_logging": False}])
def test_two_ways_to_write_vllms_log_are_refused(said: dict[str, Any]) -> None:
    with pytest.raises(StartError, match="log_format: vLLM's log is set up in another way"):
        write_objects(Config(**{"pylogging_config_file": None, **said}))
