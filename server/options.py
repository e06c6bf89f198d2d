"""The options of `unsay serve` that are ours. What they mean, and their defaults: server/configuration.py."""

import argparse
from pathlib import Path

from server.feedback.options import add_feedback
from server.limits import add_limits, add_room
from server.patience import add_patience
from server.scorer_options import add_scorer
from server.sharing import add_sharing
from server.upstreams import add_upstream


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
        "--allow-trace",
        action="store_true",
        help="let every request be told what the guard does (docs/api.md): on 127.0.0.1 without keys it may anyway",
    )
    group.add_argument("--no-page", action="store_false", dest="page", help="serve no page at /")
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
    group.add_argument("--pages-need-key", action="store_true", help="ask for a key at /metrics, /docs and / too")
    group.add_argument(
        "--rate-limits-url",
        metavar="URL",
        help="where the limits of keys are counted: memory:// (default), or redis://HOST:PORT/DB for several servers;"
        " with a password only as UNSAY_RATE_LIMITS_URL",
    )
