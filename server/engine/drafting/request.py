"""The request that vLLM sees for one choice: what both engines (exact.py, resubmit.py) ask for and read.

1. It streams deltas, draws one choice, and knows no stop strings: text is the transcript's business.
2. Seeds derive from the client's seed, the position and the attempt: the same rewind draws the same, whichever way.
"""

import hashlib
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from vllm.engine.protocol import EngineClient
from vllm.outputs import RequestOutput
from vllm.sampling_params import RequestOutputKind, SamplingParams

from server.engine.core.tails import rows_of
from server.engine.withholding import withhold
from server.generation.draft import Attempt, Draft

Outputs = AsyncGenerator[RequestOutput, None]

HOTTEST = 2.0
"""The highest temperature that vLLM takes."""


@dataclass(frozen=True, slots=True)
class EngineRequest:
    """One choice of a client's request: its `prompt` and `params`, and how much warmer every retry is."""

    client: EngineClient
    prompt: Mapping[str, Any]
    params: SamplingParams
    request_id: str
    options: Mapping[str, Any]
    temperature_step: float

    def tokens_left(self, kept: int) -> int | None:
        """Return how many tokens the client still allows after those kept; None for any number."""
        limit = self.params.max_tokens
        return None if limit is None else int(limit) - kept

    def is_spent(self, kept: int) -> bool:
        """Return whether the client allows none after those kept."""
        left = self.tokens_left(kept)
        return left is not None and left <= 0

    def submit(self, kept: Sequence[int], params: SamplingParams, candidate: int) -> Outputs:
        """Return prompt and kept tokens as a request of vLLM's."""
        name = f"{self.request_id}-{candidate}" if candidate else self.request_id
        outputs: Outputs = self.client.generate(self._prompt_with(kept), params, name, **self.options)
        return outputs

    def _prompt_with(self, kept: Sequence[int]) -> Any:
        if not kept:
            return self.prompt
        prompt = dict(self.prompt)
        prompt["prompt_token_ids"] = [*prompt["prompt_token_ids"], *kept]
        prompt.pop("prompt", None)
        return prompt

    def params_after(self, kept: int, attempt: Attempt) -> SamplingParams:
        """Return the parameters of a request whose prompt ends with `kept` kept tokens."""
        wanted = self.params
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
            params.seed = self.seed(kept, attempt)
            params.temperature = self.temperature(attempt)
        return params

    def seed(self, position: int, attempt: Attempt) -> int | None:
        """Return the seed of an attempt whose next token stands at `position`."""
        return derived_seed(self.params.seed, position, attempt.number, attempt.candidate)

    def temperature(self, attempt: Attempt) -> float:
        """Return a temperature that rises with every retry; greedy stays greedy."""
        wanted = float(self.params.temperature)
        return min(HOTTEST, wanted + self.temperature_step * attempt.retry) if wanted > 0 else wanted

    @property
    def looks_back(self) -> bool:
        """Whether drawing depends on which tokens the request itself has drawn, and not on the text alone."""
        return looks_back(self.params)


def looks_back(params: SamplingParams) -> bool:
    """Return whether what is drawn depends on which tokens the same request has drawn, and not on the text alone."""
    return bool(
        params.presence_penalty
        or params.frequency_penalty
        or params.bad_words
        or params.thinking_token_budget is not None
        or params.repetition_detection is not None
    )


def drafted(output: RequestOutput) -> Draft:
    """Return the draft that an output of the request brings."""
    choice = output.outputs[0]
    seen = rows_of(output.kv_transfer_params, len(choice.token_ids))
    return Draft(choice.token_ids, choice.logprobs or None, choice.finish_reason, choice.stop_reason, seen)


def withholding(draft: Draft, banned: frozenset[int]) -> Draft:
    """Return the draft; banned alternatives to its first token lose their names, which spell flagged text."""
    if not banned or not draft.logprobs:
        return draft
    first = withhold(draft.logprobs[0], banned - {draft.tokens[0]})
    return replace(draft, logprobs=[first, *draft.logprobs[1:]])


def derived_seed(seed: int | None, position: int, attempt: int, candidate: int = 0) -> int | None:
    """Return a seed for another draw at `position`, the same for the same request and attempt; None without a seed."""
    if seed is None:
        return None
    digest = hashlib.blake2b(f"{seed}/{position}/{attempt}/{candidate}".encode(), digest_size=4).digest()
    return int.from_bytes(digest) >> 1
