"""The command lines of an operator, one for each door: the same settings, said as each of them takes them."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from server.settings import BUNDLED_MODEL, BUNDLED_MODEL_NAME

LIKE_OURS = ("--served-model-name", BUNDLED_MODEL_NAME, "--enforce-eager", "--no-enable-chunked-prefill")
"""What `unsay serve` says by itself on a CPU, and plain vLLM has to be told."""

Command = tuple[list[str], dict[str, str]]
"""The words of a command line, and what its environment has besides."""


def options(settings: Mapping[str, Any]) -> list[str]:
    """Settings as `unsay serve` takes them."""
    named = {key.removesuffix("_seconds").replace("_", "-"): value for key, value in settings.items()}
    return [word for name, value in named.items() for word in (f"--{name}", str(value))]


def command(settings: Mapping[str, Any]) -> Command:
    """`unsay serve`, with these settings."""
    return ["unsay", "serve", "mini", *options(settings)], {}


def plugin(settings: Mapping[str, Any]) -> Command:
    """Plain `vllm serve` with our plug-in, and these settings."""
    own = ["--additional-config", json.dumps({"unsay": settings})]
    return ["vllm", "serve", str(BUNDLED_MODEL), *LIKE_OURS, *own], {"VLLM_PLUGINS": "unsay"}


def unguarded() -> Command:
    """Plain `vllm serve` without a plug-in."""
    return ["vllm", "serve", str(BUNDLED_MODEL), *LIKE_OURS], {"VLLM_PLUGINS": ""}


DOORS: Mapping[str, Callable[[Mapping[str, Any]], Command]] = {"command": command, "plugin": plugin}
