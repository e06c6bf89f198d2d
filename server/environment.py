"""What the environment says, and what vLLM is told there. The only file that reads or sets it."""

import os
from collections.abc import Mapping
from importlib.metadata import entry_points, version
from pathlib import Path

from server.errors import StartError

PLUGIN = "unsay"
"""Our name among vLLM's plug-ins (pyproject.toml)."""
_PLUGINS = "VLLM_PLUGINS"
ENDPOINTS = "vllm.endpoint_plugins"
_RUST = "VLLM_USE_RUST_FRONTEND"

_LOGGING_FILES = {
    "text": Path(__file__).with_name("engine") / "vllm_logging.json",
    "json": Path(__file__).with_name("engine") / "vllm_logging_json.json",
}
"""Has vLLM leave out the warnings that are harmless (server/engine/quiet.py), and write like us if that is JSON."""
_OWN_LOGGING = ("VLLM_LOGGING_CONFIG_PATH", "VLLM_CONFIGURE_LOGGING")
"""Either of them is the operator's own way of setting up vLLM's log."""

_QUIET_LIBRARIES = {
    "PYTHONWARNINGS": "ignore::FutureWarning,ignore:resource_tracker",
    "TORCH_CPP_LOG_LEVEL": "ERROR",
    "TORCH_LOGS": "-torch._library.triton",
}
"""What torch and Python say of themselves in vLLM's processes."""

_SHARED_SCORER = "_UNSAY_SHARED_SCORER"
"""Told by the process that starts API servers to those; nobody else sets it."""

_THREADS = "VLLM_CPU_OMP_THREADS_BIND"


def prepare_environment(log_format: str = "text") -> None:
    """Set what vLLM reads from the environment, and refuse what would bring up an unguarded server.

    What the operator has set stays, but for one variable that would override a flag. StartError also where vLLM is to
    write its log in two ways.
    """
    refuse_rust_front_end()
    # vLLM reports usage to its makers unless told not to; a guard for private traffic should not phone home by default.
    os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")
    # On CPU this variable overrides --kv-cache-memory-bytes, which is the flag that we set a default for.
    os.environ.pop("VLLM_CPU_KVCACHE_SPACE", None)
    _prepare_logging(log_format)
    for name, value in _QUIET_LIBRARIES.items():
        os.environ.setdefault(name, value)


def _prepare_logging(log_format: str) -> None:
    own, file = [name for name in _OWN_LOGGING if name in os.environ], _LOGGING_FILES[log_format]
    if log_format == "text" and (own or "VLLM_LOGGING_LEVEL" in os.environ):
        return
    if own and os.environ[own[0]] != str(file):
        raise StartError(
            f"{own[0]} says how vLLM writes its log, and --log-format json says another way; leave out one"
        )
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "WARNING")
    if file.is_file():  # data may be left out of a package, and vLLM ends without the file it was named
        os.environ["VLLM_LOGGING_CONFIG_PATH"] = str(file)


def draw_elsewhere() -> None:
    """Have vLLM look for no accelerator in this process: it serves without an engine."""
    os.environ["VLLM_TARGET_DEVICE"] = "cpu"


def refuse_rust_front_end() -> None:
    """Refuse a server of vLLM's that has no Python in it. StartError if it is asked for."""
    if os.environ.get(_RUST, "0") not in ("", "0"):
        raise StartError(f"{_RUST} is set: vLLM's Rust front end bypasses the guard; unset it")


def development_mode() -> bool:
    """Return whether vLLM serves the routes of its developers."""
    return os.environ.get("VLLM_SERVER_DEV_MODE", "0") not in ("", "0")


def plugged_in() -> bool:
    """Return whether vLLM loads both parts of our plug-in: routes come of those alone that are named."""
    return PLUGIN in os.environ.get(_PLUGINS, "").split(",")


def plug_in() -> list[str]:
    """Have vLLM load our plug-in beside those that it would load anyway.

    Returns the plug-ins that are left out: those with routes, which vLLM loads only if the operator names them.
    """
    if _PLUGINS in os.environ:
        named = [name for name in os.environ[_PLUGINS].split(",") if name]
        os.environ[_PLUGINS] = ",".join(dict.fromkeys([*named, PLUGIN]))
        return []
    groups = {group for group in entry_points().groups if group.startswith("vllm.")}
    routes = {point.name for point in entry_points(group=ENDPOINTS)} - {PLUGIN}
    loaded = {point.name for group in groups - {ENDPOINTS} for point in entry_points(group=group)}
    os.environ[_PLUGINS] = ",".join(sorted({*loaded - routes, PLUGIN}))
    return sorted(loaded & routes)


def leave_plugin_out() -> None:
    """Have vLLM load no plug-in: what is made of its engine is up to the caller."""
    os.environ[_PLUGINS] = ""


def environment() -> Mapping[str, str]:
    """Return the environment, for the settings that are looked up there (server/configuration.py)."""
    return os.environ


def share_scorer(url: str) -> None:
    """Have the API servers that this process starts ask the scorer at `url`."""
    os.environ[_SHARED_SCORER] = url


def shared_scorer() -> str | None:
    """Return where the scorer is that the starter of this API server runs for all of them; None if there is none."""
    return os.environ.get(_SHARED_SCORER)


def bound_cores() -> str:
    """Return on which cores of a CPU vLLM computes, in its own words: `0,1`, `nobind`, or `auto`, all but one."""
    return os.environ.get(_THREADS, "auto")


def cache_folder() -> Path:
    """Return where converted models lie: UNSAY_CACHE, else `unsay` in the user's cache folder."""
    own = os.environ.get("UNSAY_CACHE")
    return Path(own) if own else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "unsay"


def vllm_version() -> str:
    """Return the installed vLLM's version, under either of the names that bring the module `vllm`."""
    for name in ("vllm", "vllm-cpu"):
        try:
            return version(name)
        except ImportError:
            continue
    return "not installed"
