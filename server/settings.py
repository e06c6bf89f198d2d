"""What the operator said on the command line and in the environment; what is not ours there is vLLM's.

The only file that reads the environment. What the words mean, and their defaults: server/configuration.py.
"""

import argparse
import os
from collections.abc import Mapping
from importlib.metadata import entry_points, version
from pathlib import Path

from server.errors import StartError
from server.feedback.options import add_feedback
from server.limits import add_limits, add_room
from server.patience import add_patience
from server.scorer_options import add_scorer
from server.sharing import add_sharing
from server.upstreams import add_upstream

MODELS = Path(__file__).resolve().parent.parent / "models"
BUNDLED_MODEL = MODELS / "language_model"
BUNDLED_CLASSIFIER = MODELS / "classifier"
BUNDLED_SCREEN = MODELS / "screen"
BUNDLED_MODEL_NAME = "unsay-mini"

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

DESCRIPTION = """\
Serve a model behind a guard that rewinds toxic spans before anyone reads them.

  unsay serve                              smollm2-135m-instruct if it is at hand, else mini (see `unsay models`)
  unsay serve mini                         the bundled model of 4.8M parameters, for tests
  unsay serve Qwen/Qwen3-8B                another model: a folder, or a name on a hub
  unsay serve MODEL --max-model-len 8192   every flag of `vllm serve` works
"""
EPILOG = (
    "All else is passed on to vLLM: `unsay serve --help=all` lists it too, `--help=max-model-len` tells of one flag."
)

_SHARED_SCORER = "_UNSAY_SHARED_SCORER"
"""Told by the process that starts API servers to those; nobody else sets it."""

_THREADS = "VLLM_CPU_OMP_THREADS_BIND"
_OWN_THREADS = {_THREADS, "VLLM_CPU_NUM_OF_RESERVED_CPU", "VLLM_CPU_SIM_MULTI_NUMA", "CPU_VISIBLE_MEMORY_NODES"}
"""Any of them is the operator's choice of the cores on which vLLM computes on a CPU."""


def parser() -> argparse.ArgumentParser:
    """Return the parser of the commands that are the server's own; commands/ lists them all."""
    top = argparse.ArgumentParser("unsay", description="A self-detoxifying inference server.", allow_abbrev=False)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    serve = commands.add_parser(
        "serve",
        help="serve a model behind the guard",
        description=DESCRIPTION,
        epilog=EPILOG,
        usage="unsay serve [MODEL] [options of unsay] [any vllm serve flag]",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        argument_default=argparse.SUPPRESS,
    )
    add_options(serve)
    models = commands.add_parser("models", help="list the language models that come along, and where they lie")
    models.add_argument("--convert", action="store_true", help="convert those that are not ready and could be, first")
    return top


def add_options(serve: argparse.ArgumentParser) -> None:
    """Add our options of `unsay serve` to a parser, in groups of their own."""
    _add_guard(serve.add_argument_group("guard"))
    add_upstream(serve.add_argument_group("upstream"))
    add_feedback(serve.add_argument_group("feedback", "what people say of answers (docs/feedback.md)"))
    _add_keys(serve.add_argument_group("keys", "who may ask (docs/operations.md)"))
    _add_audit(serve.add_argument_group("audit", "a record of every answer (docs/audit.md)"))
    _add_tracing(serve.add_argument_group("tracing", "where requests spend their time (docs/operations.md)"))
    add_limits(serve.add_argument_group("limits", "what one request may ask for (docs/operations.md)"))
    add_room(serve.add_argument_group("capacity", "what all requests may have under way (docs/operations.md)"))
    add_patience(serve.add_argument_group("patience"))
    scorer = serve.add_argument_group("scorer")
    add_scorer(scorer)
    add_sharing(scorer)


def _add_guard(group: "argparse._ArgumentGroup") -> None:
    group.add_argument("--policy-file", type=Path, metavar="F", help="YAML file of policies (docs/policies.md)")
    group.add_argument(
        "--allow-loosen",
        action="store_true",
        help="let every request loosen its policy: for development and evaluation only",
    )
    group.add_argument(
        "--allow-dev-mode",
        action="store_true",
        help="let vLLM's development routes (VLLM_SERVER_DEV_MODE) be open to all where there are no keys",
    )
    group.add_argument(
        "--pairs-out",
        type=Path,
        metavar="FILE",
        help="add preference pairs from rewinds to FILE: it holds flagged text and prompts (docs/operations.md)",
    )


def _add_audit(group: "argparse._ArgumentGroup") -> None:
    """Add the options of the audit log: their names are keys of server/configuration.py."""
    group.add_argument("--audit-out", type=Path, metavar="FILE", help="add a record of every answer to FILE")
    group.add_argument(
        "--audit-failure",
        choices=("closed", "open"),
        help="while FILE cannot be written, answer nothing (closed, default), or answer without a record (open)",
    )
    group.add_argument(
        "--audit-fsync",
        choices=("answer", "second", "never"),
        help="have a record on the disk before its answer ends, within seconds (default), or when the system pleases",
    )


def _add_tracing(group: "argparse._ArgumentGroup") -> None:
    group.add_argument("--otlp-endpoint", metavar="URL", help="send spans and events to this OpenTelemetry collector")
    group.add_argument("--otlp-protocol", choices=("grpc", "http/protobuf"), help="how it is asked (default: grpc)")


def _add_keys(group: "argparse._ArgumentGroup") -> None:
    group.add_argument("--keys-file", type=Path, metavar="F", help="YAML file of keys, made with `unsay keys new`")
    group.add_argument("--pages-need-key", action="store_true", help="ask for a key at /metrics and /docs too")
    group.add_argument(
        "--rate-limits-url",
        metavar="URL",
        help="where the limits of keys are counted: memory:// (default), or redis://HOST:PORT/DB for several servers;"
        " with a password only as UNSAY_RATE_LIMITS_URL",
    )


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


def bind_threads(cores: str | None) -> str:
    """Have vLLM compute on these cores of a CPU (None: as it sees fit) unless the operator has said on which.

    Gives what then holds, in vLLM's words: `0,1`, `auto` or `nobind`.
    """
    if cores is not None and not _OWN_THREADS & os.environ.keys():
        os.environ[_THREADS] = cores
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
