"""The answer to one call of `generate`: released pieces as vLLM's outputs, of the kind that its server asked for.

1. The kind is delta, cumulative or final only. Deltas put together are the cumulative output, and the last of those is
   the final one.
2. A choice counts what it has sent (`ChoiceOutput`); the answer puts its choices together (`Answer`).
"""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from vllm.logprobs import Logprob
from vllm.outputs import CompletionOutput, RequestOutput
from vllm.sampling_params import RequestOutputKind, SamplingParams

from server.engine.alternatives import Alternatives
from server.generation.draft import Engine
from server.generation.guarded import Guarded
from server.generation.outlet import Piece, withheld
from server.generation.prompt import Prompted
from server.generation.report import Report
from server.generation.request import GuardedRequest

WRITTEN = 0.0
"""The logprob of a mask's tokens: policy wrote them, so they were certain, and sums over an answer are the model's."""


@dataclass(frozen=True, slots=True)
class GenerateCall:
    """One call of `generate`; `first_choice` is the number of its first choice within the whole HTTP request."""

    prompt: Mapping[str, Any]
    params: SamplingParams
    request_id: str
    request: GuardedRequest
    options: Mapping[str, Any]
    first_choice: int


class EmptyText(str):
    """A truthy empty string, so that vLLM does not skip the event.

    Before the first token vLLM's server takes an output without text and tokens for unfinished prefill and skips it; a
    refusal of the whole answer looks just like that, and the client would never get its finish reason.
    """

    def __bool__(self) -> bool:
        return True


class ChoiceOutput:
    """What one choice has sent so far."""

    def __init__(self, index: int, params: SamplingParams) -> None:
        self._index = index
        self._kind = params.output_kind
        self._wants_text = params.detokenize
        self._wants_logprobs = params.num_logprobs is not None
        self._tokens: list[int] = []
        self._logprobs: list[Any] = []
        self._text = ""
        self._cumulative = 0.0
        self.finished = False

    def add(self, piece: Piece) -> CompletionOutput | None:
        """Return the output for `piece`; None while the server wants the final one only."""
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


class ChoiceEngine(Engine, Protocol):
    """An engine that remembers the first output of vLLM's: prompt, prompt logprobs, cached tokens."""

    first: RequestOutput | None


@dataclass(frozen=True, slots=True)
class Choice:
    """Everything of one choice."""

    engine: ChoiceEngine
    guard: Guarded | Prompted
    output: ChoiceOutput
    alternatives: Alternatives


class Answer:
    """Puts the pieces of all choices together. With `FINAL_ONLY` there is one output, at the end of the last choice."""

    def __init__(self, call: GenerateCall, choices: Sequence[Choice]) -> None:
        self._call = call
        self._choices = choices
        self._kind = call.params.output_kind
        self._whole: dict[int, CompletionOutput] = {}
        self._begun: set[int] = set()

    async def add(self, index: int, piece: Piece) -> RequestOutput | None:
        """Return what may be sent now that `piece` of choice `index` was released, if anything."""
        choice = self._choices[index]
        self._call.request.tokens += len(piece.tokens)
        output = choice.output.add(await choice.alternatives.clear(piece))
        if output is None:
            return None
        if piece.finish_reason is not None:
            self._report()
        if self._kind != RequestOutputKind.FINAL_ONLY:
            return await self._send(index, [output])
        self._whole[index] = output
        return await self._send(0, [self._whole[i] for i in sorted(self._whole)]) if self._finished() else None

    async def cut_short(self, ended: Callable[[Report], Report]) -> AsyncGenerator[RequestOutput, None]:
        """End every choice that has not ended, when part of the answer was out; `ended` makes its report."""
        for index, choice in enumerate(self._choices):
            if choice.output.finished:
                continue
            self._call.request.reports[self._call.first_choice + index] = ended(choice.guard.report)
            output = choice.output.add(withheld())
            if output is not None:
                yield await self._send(index, [output])

    def _report(self) -> None:
        """Renew the reports of all choices that have ended: more may be known of the prompt by now."""
        for index, choice in enumerate(self._choices):
            if choice.output.finished:
                self._call.request.reports[self._call.first_choice + index] = choice.guard.report

    def _finished(self) -> bool:
        return all(choice.output.finished for choice in self._choices)

    async def _send(self, index: int, outputs: Sequence[CompletionOutput]) -> RequestOutput:
        # vLLM sends the prompt's logprobs once for each choice of a stream.
        fresh = index not in self._begun or self._kind != RequestOutputKind.DELTA
        self._begun.add(index)
        logprobs = await self._prompt_logprobs(index) if fresh else None
        self._call.request.started = True
        return self._output(index, outputs, logprobs)

    def _output(self, index: int, outputs: Sequence[CompletionOutput], prompt_logprobs: Any) -> RequestOutput:
        call, first = self._call, self._choices[index].engine.first
        return request_output(call.request_id, call.prompt, first, outputs, prompt_logprobs, finished=self._finished())

    async def _prompt_logprobs(self, index: int) -> Any:
        choice, ids = self._choices[index], self._call.prompt["prompt_token_ids"]
        if choice.engine.first is None:  # refused because of its prompt, which the engine has never seen
            return None if self._call.params.prompt_logprobs is None else [None] * len(ids)
        entries = choice.engine.first.prompt_logprobs
        if not entries or self._call.request.policy.mode != "enforce":
            return entries
        alternatives = replace(choice.alternatives, word="")
        return await alternatives.cleared(ids, entries)


def request_output(
    request_id: str,
    prompt: Mapping[str, Any],
    first: RequestOutput | None,
    outputs: Sequence[CompletionOutput],
    prompt_logprobs: Any,
    *,
    finished: bool,
) -> RequestOutput:
    """Return one output of the whole request; `first`, the engine's first one, alone knows some of the prompt."""
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
