"""What the operator said on the command line; what is not ours there is vLLM's.

The environment: server/environment.py. What the words mean, and their defaults: server/configuration.py.
"""

import argparse
from pathlib import Path

from server.limits import add_limits, add_room
from server.patience import add_patience
from server.scorer_options import add_scorer
from server.sharing import add_sharing
from server.upstreams import add_upstream

MODELS = Path(__file__).resolve().parent.parent / "models"
BUNDLED_MODEL = MODELS / "language_model"
BUNDLED_CLASSIFIER = MODELS / "classifier"
BUNDLED_SCREEN = MODELS / "screen"
BUNDLED_PROBE = MODELS / "probe"
BUNDLED_MODEL_NAME = "unsay-mini"

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
        "--probe",
        metavar="DIR|none",
        help="a probe of the served model, made by `unsay fit-probe` (default: the bundled one, for the model and"
        " classifier that it was made for; docs/probe.md)",
    )
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
