"""Rewinding by resubmission alone, for a vLLM that cannot take tokens back (server/engine/core/arming.py).

Prompt and kept tokens go in again as a new request, cheap through the prefix cache.
1. An attempt that starts differently is drawn in stretches, each a request of its own: the first token with a bias of
   -100 on what is banned there (OpenAI's word for a ban; unlike minus infinity it cannot empty the set that a grammar
   allows), some more with a lesser bias on what is to be avoided, then the rest as the client asked.
2. What it cannot restore: a grammar, penalties, bad_words and thinking budgets start over after the kept tokens.
"""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace

from vllm.outputs import RequestOutput

from server.engine.core.bias import AVOIDED_BIAS
from server.engine.drafting.request import EngineRequest, drafted, withholding
from server.generation.draft import Attempt, Draft

BAN_BIAS = -100.0


class ResubmittingEngine:
    """One choice of one request in vLLM. `first` is the first output: prompt, prompt logprobs, cached tokens."""

    def __init__(self, request: EngineRequest) -> None:
        self._request = request
        self.first: RequestOutput | None = None
        self.approximate = False

    async def draft(self, attempt: Attempt) -> AsyncGenerator[Draft, None]:
        """Sample after the kept tokens until the text ends."""
        if self._request.is_spent(len(attempt.kept)):
            yield Draft((), finish_reason="length")
            return
        kept = list(attempt.kept)
        for stretch in _stretches(attempt):
            left = self._request.tokens_left(len(kept))
            ends_here = stretch.tokens is None or (left is not None and left <= stretch.tokens)
            async with aclosing(self._stretch(attempt, kept, stretch)) as drafts:
                async for draft in drafts:
                    kept += draft.tokens
                    if draft.finish_reason == "length" and not ends_here:
                        draft = replace(draft, finish_reason=None)
                    yield draft
                    if draft.finish_reason is not None:
                        return

    async def aclose(self) -> None:
        """Do nothing: nothing is left in the engine once every draft is closed."""

    async def _stretch(self, attempt: Attempt, kept: list[int], stretch: "Stretch") -> AsyncGenerator[Draft, None]:
        params = self._request.params_after(len(kept), attempt)
        if stretch.tokens is not None:
            params.max_tokens = min(stretch.tokens, params.max_tokens or stretch.tokens)
        if stretch.bias:
            params.logit_bias = dict(params.logit_bias or {}) | dict(stretch.bias)
        self.approximate |= bool(kept) and self._request.looks_back
        banned = attempt.banned if stretch.tokens == 1 else frozenset()
        async with aclosing(self._request.submit(kept, params, attempt.candidate)) as outputs:
            async for output in outputs:
                self.first = self.first or output
                yield withholding(drafted(output), banned)


@dataclass(frozen=True, slots=True)
class Stretch:
    """A number of tokens (None: to the end) drawn with these logit biases."""

    tokens: int | None
    bias: Mapping[int, float]


def _stretches(attempt: Attempt) -> list[Stretch]:
    avoided = dict.fromkeys(attempt.avoided, AVOIDED_BIAS) if attempt.avoided_for else {}
    stretches = [Stretch(None, {})]
    if avoided:
        stretches.insert(0, Stretch(attempt.avoided_for, avoided))
    if attempt.banned:
        stretches.insert(0, Stretch(1, avoided | dict.fromkeys(attempt.banned, BAN_BIAS)))
    return stretches
