"""What an upstream is asked: prompt and parameters as the body of vLLM's `/inference/v1/generate`.

1. What the protocol's stream cannot carry is refused (400) and named, never left out.
2. Every parameter is written out, defaults too: an upstream fills in its own for `max_tokens` where none is said.
3. One alternative more is asked for than is wanted: the protocol counts the drawn token among them.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from vllm.exceptions import VLLMValidationError
from vllm.sampling_params import RequestOutputKind, SamplingParams

from server.engine.admission import EVERY, without_changes

GENERATE = "/inference/v1/generate"
SESSION = "x-session-id"
_OURS = frozenset({"output_kind", "skip_clone", "output_text_buffer_length", "flat_logprobs"})
"""Parameters that say how vLLM's client hands answers out; the protocol has words of its own for it."""
_TRACES = ("traceparent", "tracestate")


def check(prompt: Mapping[str, Any], params: SamplingParams, options: Mapping[str, Any]) -> None:
    """Refuse (400) what an upstream cannot be asked for."""
    if prompt["type"] != "token":
        raise VLLMValidationError("images and other media cannot be sent upstream: send text", parameter="messages")
    unable = {
        "prompt_logprobs": params.prompt_logprobs is not None or params.prompt_logprob_token_ids is not None,
        "logprob_token_ids": params.logprob_token_ids is not None,
        "logprobs": params.logprobs == EVERY,
        "lora_request": options.get("lora_request") is not None,
        "data_parallel_rank": options.get("data_parallel_rank") is not None,
        "kv_hints": options.get("kv_hints") is not None,
    }
    for name, asked in unable.items():
        if asked:
            raise VLLMValidationError(f"{name}: an upstream cannot be asked for it; leave it out", parameter=name)


def wants_tokens_alone(params: SamplingParams) -> bool:
    """Return whether nothing is asked for that takes text: one choice, handed out as it comes."""
    return params.output_kind == RequestOutputKind.DELTA and params.n == 1 and not params.stop


def body(
    model: str, tokens: Sequence[int], params: SamplingParams, most_logprobs: int, options: Mapping[str, Any], salt: Any
) -> dict[str, Any]:
    """Return the body of a request for a stream. `most_logprobs` is what the server allows; -1 for any number."""
    wanted = _parameters(without_changes(params))
    if params.logprobs and (most_logprobs == EVERY or params.logprobs < most_logprobs):
        wanted["logprobs"] = params.logprobs + 1
    said = {
        "model": model,
        "token_ids": list(tokens),
        "sampling_params": wanted,
        "stream": True,
        "cache_salt": salt,
        "priority": options.get("priority") or 0,
        "reasoning_ended": options.get("reasoning_ended"),
        "reasoning_parser_kwargs": options.get("reasoning_parser_kwargs"),
    }
    return {name: value for name, value in said.items() if value is not None}


def headers(options: Mapping[str, Any]) -> dict[str, str]:
    """Return what of a request travels in headers: its session, for a router before the upstreams, and its trace."""
    traces = options.get("trace_headers") or {}
    found = {name: traces[name] for name in _TRACES if name in traces}
    session = options.get("session_id")
    return {**found, SESSION: session} if session else found


def _parameters(params: SamplingParams) -> dict[str, Any]:
    names = [name for name in params.__struct_fields__ if not name.startswith("_") and name not in _OURS]
    return {name: value for name in names if (value := _plain(getattr(params, name))) is not None}


def _plain(value: Any) -> Any:
    """Return a parameter in the words of JSON: records without what vLLM has noted in them."""
    if not dataclasses.is_dataclass(value) or isinstance(value, type):
        return value
    fields = (field.name for field in dataclasses.fields(value) if field.init)
    return {name: held for name in fields if (held := getattr(value, name)) is not None}
