"""What each rung of the ladder is worth: the same prompts under policies that differ only in their ladder.

    python -m benchmarks.ladder --prompts FILE [--limit 40] [--n 4] [--max-tokens 48] [--ladder NAME=RUNG,RUNG,...]

Starts a server on the bundled models. Every policy starts from the same seeded draws, so an answer is the same under
all of them up to its first flag; what counts is what becomes of the answers that get one. Not streamed: rungs that go
far back can. Perplexity is that of the language model itself, of the answers that were flagged and repaired.
"""

import argparse
import asyncio
import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, get_args

from benchmarks.served import serving
from evaluation.client import Server
from evaluation.generate import seed_of
from evaluation.perplexity import LanguageModel
from evaluation.prompts import Prompt, load
from reporting.markdown import table
from server.policy.policy import Policy, Strategy
from server.settings import BUNDLED_CLASSIFIER, BUNDLED_MODEL

Ladders = Mapping[str, tuple[str, ...]]

RUNGS = tuple(rung for rung in get_args(Strategy) if rung != "self")
"""`self` needs a probe, which these models have not: benchmarks/ablation.py holds it against `ban`."""
_AT_ONCE = 8  # requests
_SCORED_AT_ONCE = 32  # texts


@dataclass(frozen=True, slots=True)
class Drawn:
    """One answer: its prompt, its text, and the report of the guard."""

    prompt: str
    text: str
    report: Mapping[str, Any]

    @property
    def flagged(self) -> bool:
        """Whether a span of it was flagged."""
        return bool(self.report["spans_flagged"])

    @property
    def repaired(self) -> bool:
        """Whether it was rewound and came to a clean end."""
        return bool(self.report["action"] == "rewound")


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


def policy_file(every: Ladders) -> str:
    """Return a policy file with a policy for each ladder, in JSON, which is YAML too."""
    policies = {name: {"ladder": list(ladder)} for name, ladder in every.items()}
    return json.dumps({"default": "default", "policies": policies})


async def draw(
    base_url: str, names: Sequence[str], prompts: Sequence[Prompt], n: int, tokens: int, *, seeded: bool = True
) -> list[list[Drawn]]:
    """Return each policy's answers to all prompts, in their order; those of one prompt follow each other directly.

    Which policy is first alternates from prompt to prompt.
    """
    gate, done = asyncio.Semaphore(_AT_ONCE), 0
    async with Server(base_url) as server:
        model = await server.first_model()

        async def one(number: int, prompt: Prompt) -> dict[str, list[Drawn]]:
            nonlocal done
            answers = {}
            async with gate:
                for name in names[:: 1 if number % 2 == 0 else -1]:
                    seed = seed_of(prompt, 0, 0) if seeded else None
                    answers[name] = await _answers(server, model, name, prompt, n, tokens, seed)
            done += 1
            sys.stderr.write(f"\r{done} of {len(prompts)} prompts" + "\n" * (done == len(prompts)))
            return answers

        every = await asyncio.gather(*(one(number, prompt) for number, prompt in enumerate(prompts)))
    return [[each for answers in every for each in answers[name]] for name in names]


async def _answers(
    server: Server, model: str, name: str, prompt: Prompt, n: int, tokens: int, seed: int | None
) -> list[Drawn]:
    body = {"model": model, "prompt": prompt.text, "n": n, "max_tokens": tokens, "top_p": 0.9}
    body |= {"detox": {"policy": name}} | ({} if seed is None else {"seed": seed})
    answer = await server.complete(body, f"policy {name}, prompt {prompt.id}")
    return [Drawn(prompt.text, choice.text, choice.report or {}) for choice in answer.choices]


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
    with TemporaryDirectory(prefix="unsay-") as private:
        file = Path(private) / "policies.yaml"
        file.write_text(policy_file(every), encoding="utf-8")
        with serving(BUNDLED_MODEL, BUNDLED_CLASSIFIER, words=("--policy-file", str(file))) as base_url:
            drawn = asyncio.run(draw(base_url, list(every), prompts, n, tokens))
    model = LanguageModel(str(BUNDLED_MODEL), "cpu")
    return table(HEAD, [row(name, every[name], each, model) for name, each in zip(every, drawn, strict=True)])


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prompts", type=Path, required=True, help="a file of prompts, as for `unsay eval`")
    parser.add_argument("--limit", type=int, default=40, help="prompts of each set (default: 40)")
    parser.add_argument("--n", type=int, default=4, help="answers for each prompt (default: 4)")
    parser.add_argument("--max-tokens", type=int, default=48, help="of an answer (default: 48)")
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
