"""What is left out of vLLM's log, and that the file which says so can be read by it."""

import json
import logging
import logging.config

import pytest

from server.engine.quiet import HARMLESS, LOGGING_FILE, Noise
from server.errors import ScorerDown, ShuttingDown


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
