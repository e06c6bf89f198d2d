"""vLLM's own incremental detokenizer, behind the transcript's port.

The guard keeps its own instance: the text of a resubmitted request cannot be used, since a decode stream that is primed
with ids ending inside a UTF-8 character gives out the whole prompt at its next step.
"""

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

from vllm.sampling_params import SamplingParams
from vllm.v1.engine.detokenizer import IncrementalDetokenizer


class VllmDetokenizer:
    """Text of one choice, stop strings included, as plain vLLM would have made it."""

    def __init__(self, tokenizer: Any, prompt_token_ids: Sequence[int], params: SamplingParams) -> None:
        request = SimpleNamespace(
            sampling_params=params, prompt_token_ids=list(prompt_token_ids), prompt_embeds=None, request_id="unsay"
        )
        self._inner: Any = IncrementalDetokenizer.from_new_request(tokenizer, request)

    @property
    def text(self) -> str:
        return str(self._inner.output_text)

    @property
    def unsettled(self) -> int:
        return int(self._inner.stop_buffer_length)

    def feed(self, token: int, *, terminal: bool) -> str | None:
        stop: str | None = self._inner.update([token], terminal)
        return stop


def detokenizers(
    tokenizer: Any, prompt_token_ids: Sequence[int], params: SamplingParams
) -> Callable[[], VllmDetokenizer]:
    """A maker of fresh detokenizers for one choice."""
    return lambda: VllmDetokenizer(tokenizer, prompt_token_ids, params)
