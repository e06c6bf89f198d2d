"""What the engine client refuses, and how that becomes a status: 400, as long as nothing of an answer is out."""

from typing import Any

from vllm.exceptions import RetryableRequestError, VLLMClientError, VLLMValidationError
from vllm.sampling_params import RequestOutputKind, SamplingParams

from server.engine.core.changes import UNUSABLE_GRAMMAR
from server.errors import BadRequest, Unavailable
from server.generation.request import GuardedRequest

GUARDABLE = ("token", "multimodal")
RETRY_SECONDS = 5.0
"""When to come back, where the engine could not answer."""


def check_grammar(request: GuardedRequest, stop_reason: int | str | None) -> None:
    """Refuse a request that has ended in the engine because of its own grammar, unless some of its text is out."""
    if stop_reason == UNUSABLE_GRAMMAR and not request.started:
        request.unusable = BadRequest(
            "structured_outputs",
            "structured_outputs: nothing can be written by this grammar or schema; look for empty or repeated rules,"
            " and for references that lead back to themselves",
        )
        raise VLLMValidationError(request.unusable.message, parameter=request.unusable.param)


def note(request: GuardedRequest, params: Any, error: VLLMClientError | RetryableRequestError) -> None:
    """Remember why vLLM refuses a stream: it would tell it amid one. Of a whole answer it says it by the status.

    That nobody can answer now is remembered of both: a 503 says when to come back.
    """
    if request.unusable:
        return
    if isinstance(error, RetryableRequestError):
        request.unusable = Unavailable(str(error), RETRY_SECONDS)
    elif isinstance(params, SamplingParams) and params.output_kind == RequestOutputKind.DELTA:
        request.unusable = BadRequest(getattr(error, "parameter", None), str(error))


def check_unguarded(*, spells: bool) -> None:
    """Refuse (400) an answer without a guard, where it is the guard that makes text of tokens."""
    if not spells:
        raise VLLMValidationError("mode: off cannot be had over upstreams: ask for monitor", parameter="detox.mode")


def check_sampling(params: Any) -> None:
    """Refuse (400) parameters that are not a sampler's: those of a beam search."""
    if not isinstance(params, SamplingParams):
        raise VLLMValidationError(
            "beam search cannot be guarded: leave `use_beam_search` out", parameter="use_beam_search"
        )


def check_guardable(prompt: Any, params: Any) -> None:
    """Refuse (400) what has no text that could be judged and taken back span by span."""
    check_sampling(params)
    kind = prompt.get("type") if isinstance(prompt, dict) else None
    if kind == "embeds":
        raise VLLMValidationError("prompt embeddings cannot be guarded: send text", parameter="prompt_embeds")
    if kind not in GUARDABLE:
        raise VLLMValidationError(
            "this kind of input (realtime, raw, encoder-decoder) cannot be guarded", parameter="prompt"
        )
