"""The options of what judges: `unsay serve` and `unsay scorer` have them both."""

import argparse

from filters.turns import LEAST_CHARACTERS
from reporting.options import above_zero, at_least, count


def add_scorer(group: "argparse._ArgumentGroup") -> None:
    """Add the options of the scorer: their names are keys of server/configuration.py."""
    name = group.add_mutually_exclusive_group()
    name.add_argument(
        "--scorer",
        metavar="NAME",
        help="detoxify:NAME|PATH, remote:URL, entry:MODULE:FUNCTION, or what a package registers (docs/operations.md)",
    )
    name.add_argument(
        "--detoxify",
        dest="scorer",
        type=_detoxify,
        metavar="NAME|PATH",
        help="short for --scorer detoxify:...: original, unbiased, multilingual, original-small, unbiased-small, or a"
        " checkpoint (default: bundled)",
    )
    group.add_argument(
        "--screen",
        metavar="PATH|none",
        help="a screen that clears the obvious for the classifier it was made from (default: the bundled one's)",
    )
    group.add_argument("--scorer-device", metavar="DEVICE", help="where it runs: cpu (default), cuda, cuda:1")
    group.add_argument("--scorer-threads", type=count, metavar="N", help="its CPU threads (default: 1)")
    group.add_argument("--scorer-batch", type=count, metavar="N", help="texts per pass (default: 16)")
    group.add_argument(
        "--scorer-characters",
        type=at_least(LEAST_CHARACTERS),
        metavar="N",
        help="characters per pass; in one of prompts or moderations alone a sixteenth of them (default: 8000)",
    )
    group.add_argument(
        "--scorer-queue",
        type=count,
        metavar="N",
        help="texts that may wait, of windows, of prompts, and of moderations each (default: 2048)",
    )
    group.add_argument(
        "--scorer-deadline",
        dest="scorer_deadline_seconds",
        type=above_zero,
        metavar="SECONDS",
        help="a verdict that takes longer counts as a failed scorer (default: 10)",
    )
    group.add_argument("--unsay-log-level", dest="log_level", choices=("debug", "info", "warning", "error"))
    group.add_argument(
        "--log-format",
        choices=("text", "json"),
        help="json: every line of the log is an object, vLLM's and uvicorn's too (default: text)",
    )


def _detoxify(name_or_path: str) -> str:
    return f"detoxify:{name_or_path}"
