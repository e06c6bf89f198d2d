"""Rewinding by resubmission: prompt and kept tokens go in again as a new request, cheap through the prefix cache.

1. The inner request streams deltas, draws one choice, and knows no stop strings: text is the transcript's business.
2. An attempt that starts differently is drawn in stretches, each a request of its own: the first token with a bias of
   -100 on what is banned there (OpenAI's word for a ban; unlike minus infinity it cannot empty the set that a grammar
   allows), some more with a lesser bias on what is to be avoided, then the rest as the client asked.
3. What it cannot restore: a grammar, penalties, bad_words and thinking budgets begin anew behind the kept tokens.
"""

import hashlib
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

from vllm.engine.protocol import EngineClient
from vllm.outputs import RequestOutput
from vllm.sampling_params import RequestOutputKind, SamplingParams

from server.generation.draft import Attempt, Draft

BAN_BIAS = -100.0
AVOIDED_BIAS = -6.0
"""Makes a token some 400 times less likely: it still comes where nothing else fits."""
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
        left = self._tokens_left(attempt.kept)
        if left is not None and left <= 0:
            yield Draft((), finish_reason="length")
            return
        kept = list(attempt.kept)
        for stretch in _stretches(attempt):
            left = self._tokens_left(kept)
            ends_here = stretch.tokens is None or (left is not None and left <= stretch.tokens)
            async with aclosing(self._stretch(attempt, kept, stretch)) as drafts:
                async for draft in drafts:
                    kept += draft.tokens
                    if draft.finish_reason == "length" and not ends_here:
                        draft = replace(draft, finish_reason=None)
                    yield draft
                    if draft.finish_reason is not None:
                        return

    def _tokens_left(self, kept: Sequence[int]) -> int | None:
        limit = self._params.max_tokens
        return None if limit is None else int(limit) - len(kept)

    async def _stretch(self, attempt: Attempt, kept: list[int], stretch: "Stretch") -> AsyncGenerator[Draft, None]:
        params = self._inner_params(attempt, len(kept))
        if stretch.tokens is not None:
            params.max_tokens = min(stretch.tokens, params.max_tokens or stretch.tokens)
        if stretch.bias:
            params.logit_bias = dict(params.logit_bias or {}) | dict(stretch.bias)
        banned = attempt.banned if stretch.tokens == 1 else frozenset()
        name = f"{self._request_id}-{attempt.candidate}" if attempt.candidate else self._request_id
        async with aclosing(self._submit(kept, params, name)) as drafts:
            async for draft in drafts:
                if banned and draft.logprobs:
                    shown = [_without(entry, banned, token) for entry, token in _pairs(draft)]
                    draft = replace(draft, logprobs=shown)
                yield draft

    async def _submit(self, kept: Sequence[int], params: SamplingParams, name: str) -> AsyncGenerator[Draft, None]:
        outputs = self._inner.generate(self._prompt_with(kept), params, name, **self._options)
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
            params.seed = derived_seed(wanted.seed, kept, attempt.number, attempt.candidate)
            if wanted.temperature > 0:
                params.temperature = min(HOTTEST, wanted.temperature + self._step * attempt.retry)
        return params


@dataclass(frozen=True, slots=True)
class Stretch:
    """So many tokens (None: to the end) drawn with these logit biases."""

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


def derived_seed(seed: int | None, position: int, attempt: int, candidate: int = 0) -> int | None:
    """A seed for another draw at `position`: the same for the same request, position and attempt; none for no seed."""
    if seed is None:
        return None
    digest = hashlib.blake2b(f"{seed}/{position}/{attempt}/{candidate}".encode(), digest_size=4).digest()
    return int.from_bytes(digest) >> 1


def _pairs(draft: Draft) -> Iterator[tuple[Any, int]]:
    """The logprobs of a draft, each with its token; none if there are none."""
    return zip(draft.logprobs or (), draft.tokens, strict=False)


def _without(entry: Any, banned: frozenset[int], drawn: int) -> Any:
    """The alternatives at a position without those flagged there: they must not leave through logprobs either."""
    return {token: value for token, value in entry.items() if token == drawn or token not in banned}
