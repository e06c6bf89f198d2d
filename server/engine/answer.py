"""The answer to one call of `generate`: the outputs of its choices, as vLLM's server expects them."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from vllm.outputs import CompletionOutput, RequestOutput
from vllm.sampling_params import RequestOutputKind, SamplingParams

from server.engine.alternatives import Alternatives
from server.engine.outputs import ChoiceOutput, request_output
from server.generation.draft import Engine
from server.generation.guarded import Guarded
from server.generation.outlet import Piece, withheld
from server.generation.prompt import Prompted
from server.generation.request import GuardedRequest


@dataclass(frozen=True, slots=True)
class Ask:
    """One call of `generate`; `first_choice` is the number of its first choice within the whole HTTP request."""

    prompt: Mapping[str, Any]
    params: SamplingParams
    request_id: str
    request: GuardedRequest
    options: Mapping[str, Any]
    first_choice: int


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

    def __init__(self, ask: Ask, choices: Sequence[Choice]) -> None:
        self._ask, self._choices = ask, choices
        self._kind = ask.params.output_kind
        self._whole: dict[int, CompletionOutput] = {}
        self._begun: set[int] = set()

    async def add(self, index: int, piece: Piece) -> RequestOutput | None:
        """What may be sent now that `piece` of choice `index` was released, if anything."""
        choice = self._choices[index]
        output = choice.output.add(await choice.alternatives.clear(piece))
        if output is None:
            return None
        if piece.finish_reason is not None:
            self._report()
        if self._kind != RequestOutputKind.FINAL_ONLY:
            return await self._send(index, [output])
        self._whole[index] = output
        return await self._send(0, [self._whole[i] for i in sorted(self._whole)]) if self._finished() else None

    async def cut_short(self, reason: str) -> AsyncGenerator[RequestOutput, None]:
        """Ends every choice that has not ended: the scorer failed for `reason` when part of the answer was out."""
        for index, choice in enumerate(self._choices):
            if choice.output.finished:
                continue
            report = choice.guard.report.refused({}, reason)
            self._ask.request.reports[self._ask.first_choice + index] = report
            output = choice.output.add(withheld())
            if output is not None:
                yield await self._send(index, [output])

    def _report(self) -> None:
        """The reports of all that have ended: what is known of the prompt may be more now than at their end."""
        for index, choice in enumerate(self._choices):
            if choice.output.finished:
                self._ask.request.reports[self._ask.first_choice + index] = choice.guard.report

    def _finished(self) -> bool:
        return all(choice.output.finished for choice in self._choices)

    async def _send(self, index: int, outputs: Sequence[CompletionOutput]) -> RequestOutput:
        # vLLM sends the prompt's logprobs once for each choice of a stream.
        fresh = index not in self._begun or self._kind != RequestOutputKind.DELTA
        self._begun.add(index)
        logprobs = await self._prompt_logprobs(index) if fresh else None
        self._ask.request.started = True
        return self._output(index, outputs, logprobs)

    def _output(self, index: int, outputs: Sequence[CompletionOutput], prompt_logprobs: Any) -> RequestOutput:
        ask, first = self._ask, self._choices[index].engine.first
        return request_output(ask.request_id, ask.prompt, first, outputs, prompt_logprobs, finished=self._finished())

    async def _prompt_logprobs(self, index: int) -> Any:
        choice = self._choices[index]
        if choice.engine.first is None:  # refused for its prompt, which the engine has never seen
            return (
                None if self._ask.params.prompt_logprobs is None else [None] * len(self._ask.prompt["prompt_token_ids"])
            )
        entries = choice.engine.first.prompt_logprobs
        if not entries or self._ask.request.policy.mode != "enforce":
            return entries
        alternatives = replace(choice.alternatives, word="")
        return await alternatives.cleared(self._ask.prompt["prompt_token_ids"], entries)
