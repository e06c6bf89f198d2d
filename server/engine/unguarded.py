"""Answers of requests whose policy is off: as vLLM gives them, but for the server's end and grammars that cannot be."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any

from vllm.engine.protocol import EngineClient
from vllm.exceptions import RetryableRequestError, VLLMClientError
from vllm.outputs import RequestOutput
from vllm.sampling_params import RequestOutputKind

from server.engine import refusals
from server.engine.room import taken_in
from server.generation.capacity import Capacity
from server.generation.ending import Ending
from server.generation.report import Report
from server.generation.request import GuardedRequest


class Unguarded:
    """Passes on what `engine` generates. Answers that the server's end cuts short are aborted in the engine."""

    def __init__(self, engine: EngineClient, ending: Ending, capacity: Capacity) -> None:
        self._engine = engine
        self._ending = ending
        self._capacity = capacity
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
                        request.started = True
                        usage.add(output)
                        yield output
        except (VLLMClientError, RetryableRequestError) as error:
            refusals.note(request, params, error)
            raise

    def _abort(self, request_id: str, request: GuardedRequest, choices: range) -> None:
        """Have vLLM end an answer where it stands."""
        request.reports.update({choice: request.reports[choice].shut_down() for choice in choices})
        aborting = asyncio.ensure_future(self._engine.abort(request_id))
        aborting.add_done_callback(self._aborting.discard)
        self._aborting.add(aborting)


class _Usage:
    """Counts the tokens of one call's prompt and answers towards those of its request."""

    def __init__(self, request: GuardedRequest, prompt: Any, params: Any) -> None:
        self._request = request
        self._deltas = getattr(params, "output_kind", None) == RequestOutputKind.DELTA
        self._counted = Counter[int]()
        request.tokens += len(prompt.get("prompt_token_ids") or ()) if isinstance(prompt, Mapping) else 0

    def add(self, output: RequestOutput) -> None:
        """Count what an output has that the ones before it had not."""
        for choice in output.outputs:
            known = 0 if self._deltas else self._counted[choice.index]
            self._counted[choice.index] = len(choice.token_ids)
            self._request.tokens += len(choice.token_ids) - known
