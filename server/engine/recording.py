"""What is told of the choices of one call of `generate` to whoever keeps records, each of them once.

1. A choice is told of before its end is handed out. If its record cannot be kept, and nothing may be answered without,
   its end is not: an answer of which nothing was handed out is a 503.
2. Choices without an end (their client has left, the scorer failed, the server ends) are told of when the call is over.
"""

import re
from collections.abc import Sequence

from server.engine.answer import Choice, GenerateCall
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


class Recording:
    """Tells `records`, if anybody keeps them, and the request's trace of the choices of one call."""

    def __init__(self, call: GenerateCall, choices: Sequence[Choice], records: Records | None) -> None:
        self._call = call
        self._choices = choices
        self._records = records
        self._waiting = set(range(len(choices)))

    async def sent(self, index: int, piece: Piece, *, started: bool) -> None:
        """Tell of a choice if this piece of it is its last; `started`: something of the answer was handed out before.

        Unavailable if its record cannot be kept.
        """
        if piece.finish_reason is None:
            return
        self._waiting.discard(index)
        answered = self._answered(index, piece.finish_reason)
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
            answered = self._answered(self._waiting.pop(), None)
            if self._records is not None:
                self._records.keep_rest(answered)

    def _answered(self, index: int, finish_reason: str | None) -> Answered:
        request, guard = self._call.request, self._choices[index].guard
        number = self._call.first_choice + index
        report = request.reports.get(number) or guard.report
        text = guard.text if request.policy.audit_text != "none" else None
        response = response_id(self._call.request_id)
        answered = Answered(response, number, request.key, request.policy, report, finish_reason, text)
        request.trace.answered(answered)
        return answered
