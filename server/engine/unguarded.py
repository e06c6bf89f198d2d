"""Answers of requests whose policy is off: as vLLM gives them, but for the server's end and grammars that cannot be."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing
from typing import Any

from vllm.engine.protocol import EngineClient
from vllm.exceptions import RetryableRequestError, VLLMClientError
from vllm.outputs import RequestOutput
from vllm.sampling_params import RequestOutputKind

from server.engine import refusals
from server.engine.recording import response_id
from server.engine.room import taken_in
from server.errors import Unavailable
from server.generation.answered import Answered, Records
from server.generation.capacity import Capacity
from server.generation.ending import Ending
from server.generation.report import Report
from server.generation.request import GuardedRequest


class Unguarded:
    """Passes on what `engine` generates. Answers that the server's end cuts short are aborted in the engine."""

    def __init__(
        self, engine: EngineClient, ending: Ending, capacity: Capacity, records: Records | None = None
    ) -> None:
        self._engine = engine
        self._ending = ending
        self._capacity = capacity
        self._records = records
        self._aborting = set[asyncio.Future[None]]()

    async def generate(
        self, prompt: Any, params: Any, request_id: str, request: GuardedRequest, options: Mapping[str, Any]
    ) -> AsyncGenerator[RequestOutput, None]:
        """Generate, and report that nothing was judged."""
        count = getattr(params, "n", 1)
        first = request.reserve(count)
        choices = range(first, first + count)
        request.reports.update({choice: Report(request.policy.name, "off", "unguarded") for choice in choices})
        outputs = self._engine.generate(prompt, params, request_id, **options)
        usage = _Usage(request, prompt, params)
        told = _Told(request, request_id, choices, deltas=usage.deltas)
        try:
            with (
                taken_in(request, count, self._capacity),
                self._ending.during(),
                self._ending.at_close(lambda: self._abort(request_id, request, choices)),
            ):
                async with aclosing(outputs):
                    async for output in outputs:
                        for choice in output.outputs:
                            refusals.check_grammar(request, choice.stop_reason)
                        started = request.started
                        request.started = True
                        usage.add(output)
                        await self._tell(told, output, started=started)
                        yield output
        except (VLLMClientError, RetryableRequestError) as error:
            refusals.note(request, params, error)
            raise
        finally:
            if self._records is not None:
                for answered in told.rest():
                    self._records.keep_rest(answered)

    async def _tell(self, told: "_Told", output: RequestOutput, *, started: bool) -> None:
        """Have records kept of the choices that end with an output. Unavailable, as for a guarded answer."""
        if self._records is None:
            return
        try:
            for answered in told.of(output):
                await self._records.keep(answered)
        except Unavailable as error:
            told.request.unusable = error
            told.request.started = started
            raise

    def _abort(self, request_id: str, request: GuardedRequest, choices: range) -> None:
        """Have vLLM end an answer where it stands."""
        request.reports.update({choice: request.reports[choice].shut_down() for choice in choices})
        aborting = asyncio.ensure_future(self._engine.abort(request_id))
        aborting.add_done_callback(self._aborting.discard)
        self._aborting.add(aborting)


class _Told:
    """What is told of the choices of one call, each of them once, at its end or when the call is over."""

    def __init__(self, request: GuardedRequest, request_id: str, choices: range, *, deltas: bool) -> None:
        self.request = request
        self._response = response_id(request_id)
        self._texts = dict.fromkeys(choices, "")
        self._first = choices.start
        self._deltas = deltas

    def of(self, output: RequestOutput) -> Iterator[Answered]:
        """Yield the choices that this output ends."""
        for choice in output.outputs:
            number = self._first + choice.index
            self._texts[number] = (self._texts.get(number, "") if self._deltas else "") + choice.text
            if choice.finish_reason is not None:
                yield self._answered(number, self._texts.pop(number), choice.finish_reason)

    def rest(self) -> Iterator[Answered]:
        """Yield the choices that have not ended."""
        for number, text in self._texts.items():
            yield self._answered(number, text, None)

    def _answered(self, number: int, text: str, finish_reason: str | None) -> Answered:
        request = self.request
        report = request.reports[number]
        return Answered(self._response, number, request.key, request.policy, report, finish_reason, text)


class _Usage:
    """Counts the tokens of one call's prompt and answers towards those of its request."""

    def __init__(self, request: GuardedRequest, prompt: Any, params: Any) -> None:
        self._request = request
        self.deltas = getattr(params, "output_kind", None) == RequestOutputKind.DELTA
        self._counted = Counter[int]()
        request.tokens += len(prompt.get("prompt_token_ids") or ()) if isinstance(prompt, Mapping) else 0

    def add(self, output: RequestOutput) -> None:
        """Count what an output has that the ones before it had not."""
        for choice in output.outputs:
            known = 0 if self.deltas else self._counted[choice.index]
            self._counted[choice.index] = len(choice.token_ids)
            self._request.tokens += len(choice.token_ids) - known
