"""How long the server waits: for requests to finish when it ends, for their parts to come, and for its engines."""

import argparse
from dataclasses import dataclass

from reporting.options import above_zero, within


@dataclass(frozen=True, kw_only=True)
class Patience:
    """All in seconds. `grace`: from a signal to the end of what is under way. `request`: for a head, and for a body."""

    grace_seconds: float = 25.0
    request_seconds: float = 60.0
    engine_seconds: float = 20.0
    upstream_seconds: float = 60.0


def add_patience(group: "argparse._ArgumentGroup") -> None:
    """Add an option for each."""
    group.add_argument(
        "--grace-seconds",
        type=within(0, 24 * 3600),
        metavar="SECONDS",
        help="after SIGTERM or SIGINT, for requests under way to finish (default: 25; then they are cut short)",
    )
    group.add_argument(
        "--request-seconds",
        type=above_zero,
        metavar="SECONDS",
        help="for a request's head to come, and for its body (default: 60; then 408)",
    )
    group.add_argument(
        "--engine-seconds",
        type=above_zero,
        metavar="SECONDS",
        help="without a token or an answer until the engine counts as hung, which /ready and /health then tell"
        " (default: 20; more where one step may take longer)",
    )
    group.add_argument(
        "--upstream-seconds",
        type=above_zero,
        metavar="SECONDS",
        help="for an upstream to begin an answer, and between its parts (default: 60; then another goes on with it)",
    )
