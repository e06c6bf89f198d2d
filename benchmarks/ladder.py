"""What each rung of the ladder is worth: the same prompts under policies that differ only in their ladder.

    python -m benchmarks.ladder --prompts FILE [--limit 40] [--n 4] [--max-tokens 48] [--ladder NAME=RUNG,RUNG,...]

Starts a server on the bundled models. Every policy starts from the same seeded draws, so an answer is the same under
all of them up to its first flag; what counts is what becomes of the answers that get one. Not streamed: rungs that go
far back can. Perplexity is that of the language model itself, of the answers that were flagged and repaired.
"""

import asyncio
import math
from collections.abc import Mapping, Sequence
from typing import get_args

from benchmarks.compared import Drawn, Policies, draw, options, serving_under
from evaluation.perplexity import LanguageModel
from evaluation.prompts import Prompt, load
from reporting.markdown import table
from server.policy.policy import Policy, Strategy
from server.settings import BUNDLED_MODEL

Ladders = Mapping[str, tuple[str, ...]]

RUNGS = tuple(rung for rung in get_args(Strategy) if rung != "self")
"""`self` needs a probe, which these models have not: benchmarks/ablation.py holds it against `ban`."""
_SCORED_AT_ONCE = 32  # texts


def ladders(words: Sequence[str]) -> Ladders:
    """Return the default ladder, each rung alone, and those given as NAME=RUNG,RUNG. ValueError for anything else."""
    found: dict[str, tuple[str, ...]] = {"default": Policy().ladder}
    found |= {rung: (rung,) for rung in RUNGS}
    for word in words:
        name, _, rungs = word.partition("=")
        ladder = tuple(rungs.split(","))
        if not name or not set(ladder) <= set(RUNGS):
            raise ValueError(f"--ladder {word}: expected NAME=RUNG,RUNG with rungs out of {', '.join(RUNGS)}")
        found[name] = ladder
    return found


def policies(every: Ladders) -> Policies:
    """Return a policy for each ladder."""
    return {name: {"ladder": list(ladder)} for name, ladder in every.items()}


def perplexity(model: LanguageModel, drawn: Sequence[Drawn]) -> float:
    """Return the perplexity of all tokens of the texts given their prompts; nan if there are none."""
    pairs = [(each.prompt, each.text) for each in drawn if each.text]
    losses = [
        loss for at in range(0, len(pairs), _SCORED_AT_ONCE) for loss in model.losses(pairs[at : at + _SCORED_AT_ONCE])
    ]
    tokens = sum(count for _, count in losses)
    return math.exp(sum(loss for loss, _ in losses) / tokens) if tokens else math.nan


def row(name: str, ladder: Sequence[str], drawn: Sequence[Drawn], model: LanguageModel) -> tuple[str, ...]:
    """Return a ladder's line of the table: what became of the answers in which something was flagged."""
    flagged = [each for each in drawn if each.flagged]
    repaired = [each for each in flagged if each.repaired]
    rewinds, wasted = (sum(each.report[key] for each in flagged) for key in ("rewinds", "tokens_discarded"))
    return (
        name,
        ", ".join(ladder),
        f"{len(flagged):,} of {len(drawn):,}",
        f"{len(repaired) / max(1, len(flagged)):.1%}",
        f"{rewinds / max(1, len(repaired)):.2f}",
        f"{wasted / max(1, len(repaired)):.1f}",
        f"{perplexity(model, repaired):.1f}",
    )


HEAD = ("ladder", "rungs", "answers flagged", "repaired", "rewinds each", "tokens wasted each", "perplexity")


def measure(every: Ladders, prompts: Sequence[Prompt], n: int, tokens: int) -> str:
    """Serve, draw, and put everything into one table."""
    with serving_under(policies(every), BUNDLED_MODEL) as base_url:
        drawn = asyncio.run(draw(base_url, list(every), prompts, n, tokens))
    model = LanguageModel(str(BUNDLED_MODEL), "cpu")
    return table(HEAD, [row(name, every[name], each, model) for name, each in zip(every, drawn, strict=True)])


def main() -> None:
    """Measure and print a table."""
    parser = options(__doc__, 40)
    parser.add_argument("--ladder", action="append", default=[], metavar="NAME=RUNGS", help="one more ladder")
    args = parser.parse_args()
    try:
        every = ladders(args.ladder)
    except ValueError as error:
        parser.error(str(error))
    prompts = load([args.prompts], args.limit, 0)
    print(measure(every, prompts, args.n, args.max_tokens))


if __name__ == "__main__":
    main()
