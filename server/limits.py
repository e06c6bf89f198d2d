"""The most that one request may ask for: options of `unsay serve`, explained in docs/operations.md."""

import argparse
from dataclasses import dataclass

from reporting.options import count


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
