"""vLLM's log: in which look it is written, and harmless messages in it, on which nobody who starts this server can act.

vLLM reads `vllm_logging.json` in each of its processes (server/environment.py points it there, unless the operator has
set up vLLM's logging himself), or `vllm_logging_json.json`, by which its lines are objects like ours; the filter below
is named in both. Every other warning is shown.

vLLM logs what ends a request as a crash of its own, twenty lines each: where the scorer is down, that is every request.
What is ours to raise has been counted and logged where it was raised.
"""

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

from server.errors import StartError, UnsayError

LOGGING_FILE = Path(__file__).with_name("vllm_logging.json")
OBJECTS_FILE = Path(__file__).with_name("vllm_logging_json.json")

HARMLESS = (
    "Triton is not installed",
    "Model Runner V2 requires Triton",
    "Enforce eager set",
    "Inductor compilation was disabled",
    "Reset SSM cache type",
    "OMP_NUM_THREADS=%s is set",  # by vLLM itself, to the cores that the model is to be computed on
    "This model does not officially support disabling chunked prefill",  # we have it read whole: launcher.py says why
    "[shutdown] Process manager: force killing",
    "[shutdown] force killing",
)
"""Beginnings of messages, before their arguments are put in."""

HARMLESS_OF_SOME = (
    "libiomp is not found in LD_PRELOAD",  # measured: no faster with it, for the bundled model on two cores
    "Using custom scheduler class server.engine.core.",  # ours, as we know (server/engine/core/arming.py)
)
"""Beginnings of messages that are harmless by their arguments: with others they tell something."""


class Noise(logging.Filter):
    """Leaves out what is known to be harmless."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record is to be written."""
        raised = record.exc_info[1] if record.exc_info else None
        harmless = str(record.msg).startswith(HARMLESS) or _said(record).startswith(HARMLESS_OF_SOME)
        return not (harmless or isinstance(raised, UnsayError))


def _said(record: logging.LogRecord) -> str:
    """Return the message; as it is where its arguments do not fit, of which the handler will tell."""
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError):
        return str(record.msg)


def write_objects(config: Any) -> None:
    """Have this and every other process of a configuration of vLLM's write its log as JSON. StartError if it cannot."""
    from vllm.logger import configure_logging_if_needed

    logging_config = config.logging_config
    if not logging_config.configure_logging or logging_config.pylogging_config_file not in (None, str(OBJECTS_FILE)):
        raise StartError("log_format: vLLM's log is set up in another way (--logging-config); leave out one of the two")
    config.logging_config = replace(logging_config, pylogging_config_file=str(OBJECTS_FILE))
    configure_logging_if_needed(config.logging_config)


def hide_progress() -> None:
    """Hide progress bars for weights that load from disk in a second (downloads keep theirs)."""
    # Here, since every process of vLLM imports this module before anything else.
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
