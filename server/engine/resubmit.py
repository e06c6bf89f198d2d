"""Rewinding by resubmission: prompt and kept tokens go in again as a new request, cheap through the prefix cache.

1. The inner request streams deltas, draws one choice, and knows no stop strings: text is the transcript's business.
2. Banned tokens are barred at the first new position only: that one token is drawn by a request of its own with a bias
   of -100 (OpenAI's word for a ban; unlike minus infinity it cannot empty the set that a grammar allows), then the
   next request goes on without it.
3. What it cannot restore: a grammar, penalties, bad_words and thinking budgets begin anew behind the kept tokens.
"""

import hashlib
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from vllm.engine.protocol import EngineClient
from vllm.outputs import RequestOutput
from vllm.sampling_params import RequestOutputKind, SamplingParams

from server.generation.draft import Attempt, Draft

BAN_BIAS = -100.0
HOTTEST = 2.0
"""The highest temperature that vLLM takes."""


class ResubmittingEngine:
    """One choice of one request in vLLM. `first` is the first output: prompt, prompt logprobs, cached tokens."""

    def __init__(
        self,
        inner: EngineClient,
        prompt: Mapping[str, Any],
        params: SamplingParams,
        request_id: str,
        options: Mapping[str, Any],
        temperature_step: float,
    ) -> None:
        self._inner, self._prompt, self._params = inner, prompt, params
        self._request_id, self._options, self._step = request_id, options, temperature_step
        self.first: RequestOutput | None = None

    async def draft(self, attempt: Attempt) -> AsyncGenerator[Draft, None]:
        """Sample from behind the kept tokens until the text ends."""
        left = self._tokens_left(attempt)
        if left is not None and left <= 0:
            yield Draft((), finish_reason="length")
            return
        kept = list(attempt.kept)
        if attempt.banned:
            opening = await self._draw_first(attempt, kept)
            if opening.finish_reason != "length" or left == 1:
                yield opening
                return
            yield Draft(opening.tokens, opening.logprobs)
            kept += opening.tokens
        async with aclosing(self._submit(kept, self._inner_params(attempt, len(kept)))) as drafts:
            async for draft in drafts:
                yield draft

    def _tokens_left(self, attempt: Attempt) -> int | None:
        limit = self._params.max_tokens
        return None if limit is None else int(limit) - len(attempt.kept)

    async def _draw_first(self, attempt: Attempt, kept: list[int]) -> Draft:
        params = self._inner_params(attempt, len(kept))
        params.max_tokens = 1
        params.logit_bias = dict(params.logit_bias or {}) | dict.fromkeys(attempt.banned, BAN_BIAS)
        tokens: list[int] = []
        logprobs: list[Any] = []
        last = Draft(())
        async with aclosing(self._submit(kept, params)) as drafts:
            async for last in drafts:
                tokens += last.tokens
                logprobs += last.logprobs or ()
        shown = [_without(entry, attempt.banned, token) for entry, token in zip(logprobs, tokens, strict=False)]
        return Draft(tokens, shown or None, last.finish_reason, last.stop_reason)

    async def _submit(self, kept: Sequence[int], params: SamplingParams) -> AsyncGenerator[Draft, None]:
        outputs = self._inner.generate(self._prompt_with(kept), params, self._request_id, **self._options)
        async with aclosing(outputs):
            async for output in outputs:
                if self.first is None:
                    self.first = output
                choice = output.outputs[0]
                yield Draft(choice.token_ids, choice.logprobs or None, choice.finish_reason, choice.stop_reason)

    def _prompt_with(self, kept: Sequence[int]) -> Any:
        if not kept:
            return self._prompt
        prompt = dict(self._prompt)
        prompt["prompt_token_ids"] = [*prompt["prompt_token_ids"], *kept]
        prompt.pop("prompt", None)
        return prompt

    def _inner_params(self, attempt: Attempt, kept: int) -> SamplingParams:
        wanted = self._params
        params = wanted.clone()
        params.output_kind = RequestOutputKind.DELTA
        params.n = 1
        params.stop = []
        params.skip_clone = True
        # Text is the transcript's business, but logprobs name their tokens by it.
        names_tokens = wanted.num_logprobs is not None or wanted.prompt_logprobs is not None
        params.detokenize = bool(names_tokens and wanted.detokenize)
        params.min_tokens = max(0, wanted.min_tokens - kept)
        if wanted.max_tokens is not None:
            params.max_tokens = wanted.max_tokens - kept
        if attempt.number:
            params.prompt_logprobs = None
            params.seed = derived_seed(wanted.seed, kept, attempt.number)
            if wanted.temperature > 0:
                params.temperature = min(HOTTEST, wanted.temperature + self._step * attempt.retry)
        return params


def derived_seed(seed: int | None, position: int, attempt: int) -> int | None:
    """A seed for another draw at `position`: the same for the same request, position and attempt; none for no seed."""
    if seed is None:
        return None
    digest = hashlib.blake2b(f"{seed}/{position}/{attempt}".encode(), digest_size=4).digest()
    return int.from_bytes(digest) >> 1


def _without(entry: Any, banned: frozenset[int], drawn: int) -> Any:
    """The alternatives at a position without those flagged there: they must not leave through logprobs either."""
    return {token: value for token, value in entry.items() if token == drawn or token not in banned}
