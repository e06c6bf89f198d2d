"""An inner engine for unit tests: it writes what it is told and remembers what it was asked."""

from collections.abc import AsyncGenerator, Sequence
from types import SimpleNamespace
from typing import Any

from vllm.logprobs import Logprob
from vllm.outputs import CompletionOutput, RequestOutput
from vllm.sampling_params import SamplingParams


class RecordingEngine:
    """Draws `tokens` behind whatever prompt; `asked` holds prompt, parameters and options of every call."""

    errored = False
    is_running = True

    def __init__(self, tokens: Sequence[int], *, ending_at_once: bool = False, tokenizer: Any = None) -> None:
        self._tokens, self._ending_at_once = list(tokens), ending_at_once
        self.asked: list[tuple[Any, SamplingParams, dict[str, Any]]] = []
        self.closed = 0
        self.renderer = SimpleNamespace(tokenizer=tokenizer)

    async def generate(
        self, prompt: Any, params: SamplingParams, request_id: str, **options: Any
    ) -> AsyncGenerator[RequestOutput, None]:
        """One output a token, and the reason with the last (which vLLM gives no text if it is `stop`)."""
        self.asked.append((prompt, params, options))
        drawn = self._tokens[: params.max_tokens]
        full = len(drawn) == params.max_tokens and not self._ending_at_once
        reason = "length" if full else "stop"
        try:
            for at, token in enumerate(drawn):
                yield _output(request_id, prompt, token, params, reason if at + 1 == len(drawn) else None)
        finally:
            self.closed += 1


def _output(request_id: str, prompt: Any, token: int, params: SamplingParams, reason: str | None) -> RequestOutput:
    entries = {id: Logprob(-1.0, 1, f"<{id}>") for id in (token, 900, 901)}
    logprobs: Any = [entries] if params.num_logprobs is not None else None
    choice = CompletionOutput(0, "", [token], None, logprobs, finish_reason=reason)
    return RequestOutput(request_id, None, prompt["prompt_token_ids"], None, [choice], reason is not None)
