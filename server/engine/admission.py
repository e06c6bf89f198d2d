"""How much the guarded engine takes in: more than one request may ask for is refused."""

from collections.abc import Mapping
from typing import Any

from vllm.engine.protocol import EngineClient
from vllm.exceptions import VLLMValidationError
from vllm.sampling_params import SamplingParams

from server.engine.core.changes import ARGUMENT
from server.errors import BadRequest
from server.generation.demand import Demand
from server.generation.request import GuardedRequest
from server.limits import Limits

EVERY = -1
"""What vLLM takes for as many logprobs as the vocabulary has tokens."""


def without_changes(params: SamplingParams) -> SamplingParams:
    """Return the parameters without a client's imitation of our changes: an unguarded request has none."""
    if ARGUMENT not in (params.extra_args or {}):
        return params
    params = params.clone()
    params.extra_args = {name: value for name, value in params.extra_args.items() if name != ARGUMENT}
    return params


def demanded(
    engine: EngineClient, request: GuardedRequest, prompt: Mapping[str, Any], params: SamplingParams, judged: str
) -> Demand:
    """Return what a call of `generate` asks for, at worst. `judged` is what is judged of its prompt."""
    enforced, ids = request.policy.mode == "enforce", prompt["prompt_token_ids"]
    return Demand(
        choices=params.n,
        prompt_characters=len(judged),
        prompt_alternatives=_each(engine, params.prompt_logprobs) * len(ids) if enforced else 0,
        drawn_alternatives=_each(engine, params.logprobs) * _drawn(engine, params) * params.n if enforced else 0,
    )


def admit(request: GuardedRequest, more: Demand, limits: Limits) -> None:
    """Add to what a request has asked for so far. VLLMValidationError (400) if that is more than it may ask for."""
    try:
        request.demand_more(more, limits)
    except BadRequest as error:
        raise VLLMValidationError(error.message, parameter=error.param) from None


def _each(engine: EngineClient, logprobs: int | None) -> int:
    return len(engine.renderer.tokenizer) if logprobs == EVERY else logprobs or 0


def _drawn(engine: EngineClient, params: SamplingParams) -> int:
    return int(engine.model_config.max_model_len) if params.max_tokens is None else params.max_tokens
