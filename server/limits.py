"""The most that one request may ask for, and all together: options of `unsay serve` (docs/operations.md)."""

import argparse
from dataclasses import dataclass

from reporting.options import above_zero, count


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What bounds the work of one request.

    `choices` are the answers to all of its prompts. `prompt_characters` are those of its prompts that are judged.
    `alternatives` are tokens that were not drawn, in logprobs: they are judged too. `moderation_characters` are those
    of all texts of a moderation.
    """

    choices: int = 128
    prompt_characters: int = 400_000
    alternatives: int = 200_000
    moderation_characters: int = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What all requests together may have under way.

    `choices` are drafted or wait for the engine (None: as many as fit it). `backlog_seconds` is the work that may wait
    for the scorer.
    """

    choices: int | None = None
    backlog_seconds: float = 2.5


def add_room(group: "argparse._ArgumentGroup") -> None:
    """Add an option for each."""
    group.add_argument(
        "--max-under-way",
        type=count,
        metavar="N",
        help="answers that are written or wait for the engine; then 503 (default: twice what the engine runs at once)",
    )
    group.add_argument(
        "--max-scorer-backlog",
        dest="max_scorer_backlog_seconds",
        type=above_zero,
        metavar="SECONDS",
        help="of work that may wait for the scorer; then 503 (default: a quarter of --scorer-deadline)",
    )


def add_limits(group: "argparse._ArgumentGroup") -> None:
    """Add an option for each limit."""
    most = Limits()
    for name, default, what in (
        ("choices", most.choices, "answers, over all of its prompts: n for each"),
        ("prompt-characters", most.prompt_characters, "characters of its prompts, where the policy has them judged"),
        ("alternatives", most.alternatives, "tokens not drawn in logprobs: those asked for at each, times all tokens"),
        ("moderation-characters", most.moderation_characters, "characters of all texts of a moderation"),
    ):
        help = f"{what} (default: {default})"
        group.add_argument(f"--max-{name}", type=count, metavar="N", help=help)
