"""Released pieces as vLLM's request outputs, in the kind (delta, cumulative, final only) that its server asked for."""

from collections.abc import Mapping, Sequence
from typing import Any

from vllm.logprobs import Logprob
from vllm.outputs import CompletionOutput, RequestOutput
from vllm.sampling_params import RequestOutputKind, SamplingParams

from server.generation.outlet import Piece

WRITTEN = 0.0
"""The logprob of a mask's tokens: policy wrote them, so they were certain, and sums over an answer are the model's."""


class EmptyText(str):
    """The text of an event that has none and must be sent all the same.

    vLLM's server skips an output without text and tokens before the first token, taking it for unfinished prefill; a
    refusal of the whole answer looks just like that, and the client would wait for its finish reason in vain.
    """

    def __bool__(self) -> bool:
        return True


class ChoiceOutput:
    """What one choice has sent so far."""

    def __init__(self, index: int, params: SamplingParams) -> None:
        self._index = index
        self._kind, self._wants_text = params.output_kind, params.detokenize
        self._wants_logprobs = params.num_logprobs is not None
        self._tokens: list[int] = []
        self._logprobs: list[Any] = []
        self._text = ""
        self._cumulative = 0.0
        self.finished = False

    def add(self, piece: Piece) -> CompletionOutput | None:
        """The output for `piece`; None while the server wants the final one only."""
        logprobs = self._logprobs_of(piece) if self._wants_logprobs else []
        self.finished = piece.finish_reason is not None
        if self._kind == RequestOutputKind.DELTA:
            return self._output(piece.text, piece.tokens, logprobs, piece)
        self._text += piece.text
        self._tokens += piece.tokens
        self._logprobs += logprobs
        if self._kind == RequestOutputKind.FINAL_ONLY and not self.finished:
            return None
        return self._output(self._text, list(self._tokens), list(self._logprobs), piece)

    def _logprobs_of(self, piece: Piece) -> list[Any]:
        entries = []
        for token, entry, spelled in zip(piece.tokens, piece.logprobs, piece.spelled, strict=True):
            if entry is None:
                entry = {token: Logprob(WRITTEN, None, spelled)}
            else:
                self._cumulative += entry[token].logprob
            entries.append(entry)
        return entries

    def _text_of(self, text: str, tokens: list[int], piece: Piece) -> str:
        if not self._wants_text:
            return ""
        unseen = self._kind == RequestOutputKind.DELTA and not text and not tokens
        return EmptyText() if unseen and piece.finish_reason is not None else text

    def _output(self, text: str, tokens: list[int], logprobs: list[Any], piece: Piece) -> CompletionOutput:
        return CompletionOutput(
            index=self._index,
            text=self._text_of(text, tokens, piece),
            token_ids=tokens,
            cumulative_logprob=self._cumulative if self._wants_logprobs else None,
            logprobs=logprobs if self._wants_logprobs else None,
            finish_reason=piece.finish_reason,
            stop_reason=piece.stop_reason,
        )


def request_output(
    request_id: str,
    prompt: Mapping[str, Any],
    first: RequestOutput | None,
    outputs: Sequence[CompletionOutput],
    prompt_logprobs: Any,
    *,
    finished: bool,
) -> RequestOutput:
    """One output of the whole request; `first` is the engine's own first one, for what only it knows of the prompt."""
    return RequestOutput(
        request_id=request_id,
        prompt=first.prompt if first else prompt.get("prompt"),
        prompt_token_ids=prompt["prompt_token_ids"],
        prompt_logprobs=prompt_logprobs,
        outputs=list(outputs),
        finished=finished,
        metrics=first.metrics if first else None,
        lora_request=first.lora_request if first else None,
        num_cached_tokens=first.num_cached_tokens if first else None,
    )
