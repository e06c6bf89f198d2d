"""Rewinding within vLLM (server/engine/core/scheduler.py): as if the dropped tokens had never been drawn.

1. A request stays in vLLM when its draft is closed, since the next attempt may take it over; `aclose` ends the rest.
2. A request that has ended in vLLM cannot be rewound: it is submitted again, prompt and kept tokens as its prompt, with
   the attempt's changes, its grammar led over the kept tokens. Seeds and biases are those of a rewind, so the same
   tokens follow; only what looks back at the answer's own tokens (penalties and the like) finds none there, and the
   report says `approximate`.
3. In a race the first candidate is the rewound request, the others are requests of their own. The winner lives on.
"""

import asyncio
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any

from vllm.outputs import RequestOutput

from server.engine.core.changes import Changes
from server.engine.drafting.live import LiveRequest
from server.engine.drafting.request import EngineRequest, withholding
from server.generation.draft import Attempt, Draft

_LOOK_SECONDS = 0.5
"""How often it is looked whether the engine that is asked for a rewind still lives."""

Rewind = Callable[[str, Sequence[int], dict[str, Any]], Awaitable[int | None]]
"""Asks vLLM's engine core for a rewind (RewindingScheduler.rewind): key, tokens, parameters that change."""


def rewinds_of(client: Any) -> Rewind:
    """Return the rewinds of a vLLM with our schedulers; of several engine cores the request's own answers."""

    async def rewind(key: str, tokens: Sequence[int], params: dict[str, Any]) -> int | None:
        asked = client.engine_core.call_utility_all_async("unsay_rewind", key, list(tokens), params)
        answers = await _unless_dead(client, asked)
        return next((int(answer) for answer in answers if answer is not None), None)

    return rewind


async def _unless_dead(client: Any, asked: Coroutine[Any, Any, list[Any]]) -> list[Any]:
    """Return the engine cores' answers; vLLM's error of a dead engine if it dies meanwhile: vLLM itself waits on."""
    task = asyncio.create_task(asked)
    try:
        while not task.done():
            await asyncio.wait({task}, timeout=_LOOK_SECONDS)
            if not task.done() and client.errored:
                raise client.dead_error
        return task.result()
    finally:
        task.cancel()


class ExactEngine:
    """One choice of one request in vLLM. `first` is the first output: prompt, prompt logprobs, cached tokens."""

    def __init__(self, request: EngineRequest, rewind: Rewind) -> None:
        self._request = request
        self._rewind = rewind
        self._live: list[LiveRequest] = []
        self.first: RequestOutput | None = None
        self.approximate = False

    async def draft(self, attempt: Attempt) -> AsyncGenerator[Draft, None]:
        """Sample after the kept tokens until the text ends, or until a later attempt takes over."""
        if self._request.is_spent(len(attempt.kept)):
            yield Draft((), finish_reason="length")
            return
        reader = object()
        live = await self._begun(attempt, reader)
        banned = attempt.banned
        try:
            while (draft := await live.next(reader)) is not None:
                yield withholding(draft, banned)
                banned = frozenset()
                if draft.finish_reason is not None:
                    return
        finally:
            await self._left(live, reader)

    async def aclose(self) -> None:
        """Abort what is left in the engine."""
        while self._live:
            await self._live.pop().abort()

    async def _begun(self, attempt: Attempt, reader: object) -> LiveRequest:
        """Return a live request that draws this attempt: the existing one, rewound, or a new one."""
        if attempt.candidate == 0:
            for live in tuple(self._live):
                live.take_over(reader)
                if live.alive and await self._rewound(live, attempt):
                    return live
                self._live.remove(live)
                await live.abort()
        live = self._submitted(attempt)
        live.take_over(reader)
        self._live.append(live)
        return live

    async def _rewound(self, live: LiveRequest, attempt: Attempt) -> bool:
        if len(attempt.kept) < live.offset:
            return False
        tokens = attempt.kept[live.offset :]
        params = {
            "temperature": self._request.temperature(attempt),
            "seed": self._request.seed(len(attempt.kept), attempt),
            "extra_args": self._extra(Changes(live.key), attempt, len(tokens)),
        }
        live.alive = False  # unless there is an answer
        drawn = await self._rewind(live.key, tokens, params)
        if drawn is None:
            return False
        live.alive = True
        live.rewound(drawn, len(tokens))
        return True

    def _submitted(self, attempt: Attempt) -> LiveRequest:
        kept = len(attempt.kept)
        changes = Changes(uuid.uuid4().hex, kept)
        params = self._request.params_after(kept, attempt)
        params.extra_args = self._extra(changes, attempt, 0)
        self.approximate |= bool(kept) and self._request.looks_back
        outputs = self._request.submit(attempt.kept, params, attempt.candidate)
        return LiveRequest(outputs, changes.key, kept, self._see)

    def _extra(self, changes: Changes, attempt: Attempt, position: int) -> dict[str, Any]:
        """Return the extra arguments of a request that draws the first token of the attempt at `position`."""
        banned = {position: sorted(attempt.banned)} if attempt.banned else {}
        until = position + attempt.avoided_for if attempt.avoided else 0
        turned = position + attempt.turned_for if attempt.turned_for else 0
        changed = replace(changes, banned=banned, avoided=sorted(attempt.avoided), until=until, turned=turned)
        return changed.put_into(self._request.params.extra_args)

    def _see(self, output: RequestOutput) -> None:
        self.first = self.first or output

    async def _left(self, live: LiveRequest, reader: object) -> None:
        """Close a draft: its request waits for the next attempt, unless another one already does."""
        if live.reader is not reader:
            return
        live.reader = None
        if len(self._live) > 1:
            self._live.remove(live)
            await live.abort()
