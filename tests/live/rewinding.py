"""Drafting with rewinds at random places, and the text of an engine that never had to rewind."""

import asyncio
import random
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from vllm.sampling_params import RequestOutputKind, SamplingParams

from server.engine.core.changes import Changes
from server.engine.drafting.exact import ExactEngine, rewinds_of
from server.engine.drafting.request import EngineRequest, drafted
from server.generation.draft import Attempt, Draft


@dataclass
class Written:
    """One answer as it stands at last: tokens, the logprob of each, and what was banned where."""

    tokens: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    banned: dict[int, set[int]] = field(default_factory=dict)
    rewinds: int = 0
    reason: str | None = None
    approximate: bool = False
    within: list[int] = field(default_factory=list)
    """The tokens that were drawn at each rewind within vLLM."""
    kept: list[int] = field(default_factory=list)
    """The tokens that each rewind kept."""
    dropped: list[list[int]] = field(default_factory=list)
    """The whole answer as it stood before each rewind."""

    def add(self, draft: Draft) -> None:
        entries = draft.logprobs or [None] * len(draft.tokens)
        self.tokens += draft.tokens
        self.logprobs += [
            entry[token].logprob if entry else 0.0 for token, entry in zip(draft.tokens, entries, strict=True)
        ]
        self.reason = draft.finish_reason

    def cut(self, to: int) -> None:
        """Go back to token `to` and ban what stood there, as the transcript does."""
        self.banned = {at: tokens for at, tokens in self.banned.items() if at <= to}
        self.banned.setdefault(to, set()).add(self.tokens[to])
        self.dropped.append(list(self.tokens))
        self.kept.append(to)
        del self.tokens[to:], self.logprobs[to:]
        self.rewinds += 1


def prompt(tokens: Sequence[int]) -> Mapping[str, Any]:
    return {"type": "token", "prompt_token_ids": list(tokens)}


def exact_engine(
    client: Any, tokens: Sequence[int], params: SamplingParams, within: list[int], leaves_at: int | None = None
) -> ExactEngine:
    """An engine over a started vLLM that rewinds by itself; `within` gets an entry for each rewind in vLLM.

    Whoever waits for rewind `leaves_at` is cancelled while it is under way.
    """
    ask = rewinds_of(client)

    async def rewind(key: str, kept: Sequence[int], changed: dict[str, Any]) -> int | None:
        if leaves_at == len(within) and (task := asyncio.current_task()):
            task.cancel()
        drawn = await ask(key, kept, changed)
        within.extend([] if drawn is None else [drawn])
        return drawn

    return ExactEngine(EngineRequest(client, prompt(tokens), params, "rewinding", {}, 0.0), rewind)


async def rewound(
    client: Any,
    tokens: Sequence[int],
    params: SamplingParams,
    seed: int,
    rewinds: int,
    *,
    leaves_at: int | None = None,
) -> Written:
    """An answer with up to so many rewinds, after numbers of tokens and to places that only `seed` decides."""
    written, chance = Written(), random.Random(seed)
    engine = exact_engine(client, tokens, params, written.within, leaves_at)
    try:
        await _written(written, engine, chance, rewinds)
    finally:
        await engine.aclose()
    written.approximate = engine.approximate
    return written


async def _written(written: Written, engine: ExactEngine, chance: random.Random, rewinds: int) -> None:
    number = 0
    while written.reason is None:
        wait = chance.randint(1, 12) if number < rewinds else 1 << 30
        kept, banned = tuple(written.tokens), frozenset(written.banned.get(len(written.tokens), ()))
        async with aclosing(engine.draft(Attempt(number, kept, banned, retry=number))) as drafts:
            async for draft in drafts:
                written.add(draft)
                if len(written.tokens) - len(kept) >= wait and written.reason is None:
                    break
        if written.reason is None:
            written.cut(chance.randint(max(0, len(kept) - 4), len(kept) + wait - 1))
        number += 1


async def undisturbed(
    client: Any, tokens: Sequence[int], params: SamplingParams, banned: Mapping[int, set[int]]
) -> Written:
    """The answer to the same request with the same bans, in one go."""
    asked = params.clone()
    asked.output_kind = RequestOutputKind.DELTA
    asked.extra_args = Changes("", banned={at: sorted(ids) for at, ids in banned.items()}).put_into(None)
    written = Written(banned=dict(banned))
    async for output in client.generate(prompt(tokens), asked, "undisturbed"):
        written.add(drafted(output))
    return written
