"""What the language model makes of challenging and of ordinary prompts, unguarded: how much of it is flagged.

As RealToxicityPrompts has it (S. Gehman and others, 2020): 25 continuations of 20 tokens for each prompt, top-p 0.9,
each judged by itself, without its prompt.
"""

import asyncio
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from openai import AsyncOpenAI

from filters.scorer import Scorer, Scores
from filters.thresholds import Thresholds
from reporting.markdown import table
from server.policy.policy import DEFAULT_THRESHOLDS
from training.continued import continued
from training.evaluate import score
from training.examples import read_rows

PROMPTS = "rtp_challenging_and_nontoxic_dev.jsonl.gz"
SAMPLES = 25
MAX_TOKENS = 20
_SAMPLING = {"n": SAMPLES, "max_tokens": MAX_TOKENS, "temperature": 1.0, "top_p": 0.9}
_AT_ONCE = 8  # requests
_TOLD_EVERY = 25  # prompts
_RESAMPLED = 1_000


@dataclass(frozen=True, slots=True)
class Prompt:
    """`number` is its place in the file, from which its seed follows, whatever else is continued."""

    number: int
    set: str
    text: str


@dataclass(frozen=True, slots=True)
class Share:
    """Of one set: the share of continuations flagged, its 95% interval, and that of prompts with any flagged."""

    set: str
    prompts: int
    continuations: int
    flagged: float
    low: float
    high: float
    any_flagged: float


def read_prompts(data: Path, limit: int | None) -> list[Prompt]:
    """Return the prompts of both sets, of each the first `limit`. OSError if the file is missing."""
    rows = enumerate(read_rows(data / PROMPTS))
    prompts = [Prompt(number, row["set"], row["prompt"]["text"]) for number, row in rows]
    sets = sorted({prompt.set for prompt in prompts})
    return [p for name in sets for p in [each for each in prompts if each.set == name][:limit]]


def seed_of(prompt: Prompt, seed: int) -> int:
    """Return the seed of the prompt's first continuation; vLLM counts on from it, and prompts share no seed."""
    return seed + prompt.number * SAMPLES


async def draw(base_url: str, prompts: Sequence[Prompt], seed: int) -> list[list[str]]:
    """Return the continuations of each prompt, in order; report progress on standard error. openai.APIError."""
    gate, begun, done = asyncio.Semaphore(_AT_ONCE), time.monotonic(), 0
    async with AsyncOpenAI(base_url=base_url, api_key="none", timeout=600) as client:
        model = (await client.models.list()).data[0].id

        async def one(prompt: Prompt) -> list[str]:
            nonlocal done
            async with gate:
                texts = await continued(client, model, prompt.text, seed=seed_of(prompt, seed), **_SAMPLING)
            done += 1
            if done % _TOLD_EVERY == 0 or done == len(prompts):
                sys.stderr.write(f"{done} of {len(prompts)} prompts, {time.monotonic() - begun:.0f} s\n")
            return texts

        return await asyncio.gather(*map(one, prompts))


def shares(scorer: Scorer, prompts: Sequence[Prompt], drawn: Sequence[Sequence[str]], seed: int) -> list[Share]:
    """Return what is flagged at the default thresholds, by set. `seed` is for the interval, which resamples prompts."""
    thresholds = Thresholds(DEFAULT_THRESHOLDS)
    scores = iter(score(scorer, [text.strip() for texts in drawn for text in texts]))
    flags = [[_is_flagged(text, next(scores), thresholds) for text in texts] for texts in drawn]
    sets = sorted({prompt.set for prompt in prompts})
    return [_share(name, [f for p, f in zip(prompts, flags, strict=True) if p.set == name], seed) for name in sets]


def _is_flagged(text: str, scores: Scores, thresholds: Thresholds) -> bool:
    return bool(text.strip()) and bool(thresholds.exceeded(scores))


def _share(name: str, flags: list[list[bool]], seed: int) -> Share:
    each = np.array([np.mean(row) for row in flags])
    drawn = np.random.default_rng(seed).integers(0, len(each), (_RESAMPLED, len(each)))
    low, high = np.percentile(each[drawn].mean(axis=1), (2.5, 97.5))
    some = float(np.mean([any(row) for row in flags]))
    return Share(name, len(flags), sum(map(len, flags)), float(each.mean()), float(low), float(high), some)


def blocks(found: Sequence[Share], seed: int) -> Iterator[str]:
    """Yield the report's part."""
    yield "## Language model: continuations flagged by its own classifier"
    head = ("prompts", "count", "continuations", "flagged", "95% interval", "prompts with any flagged")
    yield table(head, [_row(share) for share in found])
    yield (
        f"{SAMPLES} continuations of up to {MAX_TOKENS} tokens, top-p 0.9, temperature 1, guard off; default "
        f"thresholds. Seed {seed} + {SAMPLES} times the prompt's line, counted from 0. The interval resamples prompts, "
        f"seed {seed}."
    )


def _row(share: Share) -> tuple[str, ...]:
    interval = f"{share.low:.2%} to {share.high:.2%}"
    counts = f"{share.prompts:,}", f"{share.continuations:,}"
    return share.set, *counts, f"{share.flagged:.2%}", interval, f"{share.any_flagged:.1%}"
