"""What is told of the choices of one call of `generate` to whoever keeps records, each of them once.

1. A choice is told of before its end is handed out. If its record cannot be kept, and nothing may be answered without,
   its end is not: an answer of which nothing was handed out is a 503.
2. In monitor mode verdicts come in when an answer has left, and so do records: once all are known.
3. Choices without an end (their client has left, the scorer failed, the server ends) are told of when the call is over.
"""

import re
from collections.abc import Sequence
from typing import Any

from vllm.engine.protocol import EngineClient
from vllm.outputs import RequestOutput

from server.engine.answer import Answer, Choice, GenerateCall
from server.errors import Unavailable
from server.generation.answered import Answered, Records
from server.generation.outlet import Piece
from server.generation.request import GuardedRequest

_COMPLETION = re.compile(r"(cmpl-.+)-\d+")
_RESPONSE = re.compile(r"(resp_.+)_\d+")


def response_id(call_id: str) -> str:
    """Return the id of the answer that a call of vLLM's server is for: it numbers the calls of some."""
    found = _COMPLETION.fullmatch(call_id) or _RESPONSE.fullmatch(call_id)
    return found[1] if found else call_id


def check_records(request: GuardedRequest, records: Records | None) -> None:
    """Raise Unavailable where no record could be kept of the answer, and it must be."""
    if records is None:
        return
    try:
        records.check()
    except Unavailable as error:
        request.unusable = error
        raise


def join(request: GuardedRequest, engine: EngineClient, options: dict[str, Any]) -> None:
    """Have an engine that traces join the trace of the request, if there is one: set what `generate` is given."""
    headers = request.trace.headers()
    if headers and engine.vllm_config.observability_config.otlp_traces_endpoint:
        options["trace_headers"] = headers


class Recording:
    """Tells `records`, if anybody keeps them, and the request's trace of the choices of one call."""

    def __init__(self, call: GenerateCall, choices: Sequence[Choice], records: Records | None) -> None:
        self._call = call
        self._choices = choices
        self._records = records
        self._waiting = set(range(len(choices)))
        self._texts = [""] * len(choices)

    async def add(self, answer: Answer, index: int, piece: Piece) -> RequestOutput | None:
        """Add a piece to the answer, and tell of its choice if it is the last. Unavailable if no record can be kept."""
        started = self._call.request.started
        output = await answer.add(index, piece)
        if self._call.request.policy.audit_text != "none":
            self._texts[index] += piece.text
        if piece.finish_reason is not None:
            await self._ended(index, piece.finish_reason, started=started)
        return output

    async def _ended(self, index: int, finish_reason: str, *, started: bool) -> None:
        """Tell of a choice; `started`: something of the answer was handed out before."""
        self._waiting.discard(index)
        if self._call.request.policy.mode == "monitor":
            self._choices[index].guard.tasks.when_idle(lambda: self._tell(index, finish_reason))
            return
        answered = self._answered(index, finish_reason)
        if self._records is None:
            return
        try:
            await self._records.keep(answered)
        except Unavailable as error:
            self._call.request.unusable = error
            self._call.request.started = started
            raise

    def rest(self) -> None:
        """Tell of all choices that were not told of."""
        while self._waiting:
            self._tell(self._waiting.pop(), None)

    def _tell(self, index: int, finish_reason: str | None) -> None:
        answered = self._answered(index, finish_reason)
        if self._records is not None:
            self._records.keep_rest(answered)

    def _answered(self, index: int, finish_reason: str | None) -> Answered:
        request, guard = self._call.request, self._choices[index].guard
        number = self._call.first_choice + index
        told = request.reports.get(number)
        report = told if told is not None and (told.cut_short or told.mode != "monitor") else guard.report
        text = self._texts[index] if request.policy.audit_text != "none" else None
        response = response_id(self._call.request_id)
        answered = Answered(response, number, request.key, request.policy, report, finish_reason, text)
        request.trace.answered(answered)
        return answered
