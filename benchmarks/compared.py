"""The same prompts under policies that differ: what the benchmarks of rungs and of probes have in common."""

import argparse
import asyncio
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.served import serving
from evaluation.client import Server
from evaluation.generate import seed_of
from evaluation.prompts import Prompt
from server.settings import BUNDLED_CLASSIFIER

Policies = Mapping[str, Mapping[str, Any]]
"""What each policy says, by its name; the first is the default."""
_AT_ONCE = 8  # requests


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


def options(description: str | None, limit: int) -> argparse.ArgumentParser:
    """Return a parser of what all of them take; `limit` prompts of each set unless told otherwise."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prompts", type=Path, required=True, help="a file of prompts, as for `unsay eval`")
    parser.add_argument("--limit", type=int, default=limit, help=f"prompts of each set (default: {limit})")
    parser.add_argument("--n", type=int, default=4, help="answers for each prompt (default: 4)")
    parser.add_argument("--max-tokens", type=int, default=48, help="of an answer (default: 48)")
    return parser


def policy_file(policies: Policies) -> str:
    """Return a policy file in JSON, which is YAML too."""
    return json.dumps({"default": next(iter(policies)), "policies": policies})


@contextmanager
def serving_under(policies: Policies, language_model: Path, words: Sequence[str] = ()) -> Iterator[str]:
    """Provide the base URL of a server with these policies and the bundled classifier, as `benchmarks.served` does."""
    with TemporaryDirectory(prefix="unsay-") as private:
        file = Path(private) / "policies.yaml"
        file.write_text(policy_file(policies), encoding="utf-8")
        with serving(language_model, BUNDLED_CLASSIFIER, words=("--policy-file", str(file), *words)) as base_url:
            yield base_url


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
