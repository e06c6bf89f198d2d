"""Rewinding within vLLM (server/engine/core/scheduler.py): as if the dropped tokens had never been drawn.

1. A request stays in vLLM when its draft is closed, since the next attempt may take it over; `aclose` ends the rest.
2. What vLLM cannot rewind, because the request has ended there, is submitted anew: prompt and kept tokens as a prompt,
   the changes of the attempt with it, the grammar led over the kept tokens. Seeds and biases are those of a rewind, so
   the same tokens follow; only what looks back at the answer's own tokens (penalties and the like) finds none there,
   and the report says `approximate`.
3. In a race the first candidate is the rewound request, the others are requests of their own. The winner lives on.
"""

import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

from vllm.outputs import RequestOutput

from server.engine.core.changes import Changes
from server.engine.drafting.inner import Inner, withholding
from server.engine.drafting.run import Run
from server.generation.draft import Attempt, Draft

Rewind = Callable[[str, Sequence[int], dict[str, Any]], Awaitable[int | None]]
"""Asks vLLM's engine core for a rewind (RewindingScheduler.rewind): key, tokens, parameters that change."""


def rewinds_of(client: Any) -> Rewind:
    """The rewinds of a vLLM whose schedulers are ours; of several engine cores the one that has the request answers."""

    async def rewind(key: str, tokens: Sequence[int], params: dict[str, Any]) -> int | None:
        answers = await client.engine_core.call_utility_all_async("unsay_rewind", key, list(tokens), params)
        return next((int(answer) for answer in answers if answer is not None), None)

    return rewind


class ExactEngine:
    """One choice of one request in vLLM. `first` is the first output: prompt, prompt logprobs, cached tokens."""

    def __init__(self, inner: Inner, rewind: Rewind) -> None:
        self._inner, self._rewind = inner, rewind
        self._runs: list[Run] = []
        self.first: RequestOutput | None = None
        self.approximate = False

    async def draft(self, attempt: Attempt) -> AsyncGenerator[Draft, None]:
        """Sample from behind the kept tokens until the text ends, or until a later attempt takes over."""
        left = self._inner.tokens_left(len(attempt.kept))
        if left is not None and left <= 0:
            yield Draft((), finish_reason="length")
            return
        reader = object()
        run = await self._begun(attempt, reader)
        banned = attempt.banned
        try:
            while (draft := await run.next(reader)) is not None:
                yield withholding(draft, banned)
                banned = frozenset()
                if draft.finish_reason is not None:
                    return
        finally:
            await self._left(run, reader)

    async def aclose(self) -> None:
        """Abort what is left in the engine."""
        while self._runs:
            await self._runs.pop().abort()

    async def _begun(self, attempt: Attempt, reader: object) -> Run:
        """A run that draws this attempt: the one that is there, rewound, or a new one."""
        if attempt.candidate == 0:
            for run in tuple(self._runs):
                run.take_over(reader)
                if run.alive and await self._rewound(run, attempt):
                    return run
                self._runs.remove(run)
                await run.abort()
        run = self._submitted(attempt)
        run.take_over(reader)
        self._runs.append(run)
        return run

    async def _rewound(self, run: Run, attempt: Attempt) -> bool:
        if len(attempt.kept) < run.offset:
            return False
        tokens = attempt.kept[run.offset :]
        params = {
            "temperature": self._inner.temperature(attempt),
            "seed": self._inner.seed(len(attempt.kept), attempt),
            "extra_args": self._extra(Changes(run.key), attempt, len(tokens)),
        }
        run.alive = False  # unless there is an answer
        drawn = await self._rewind(run.key, tokens, params)
        if drawn is None:
            return False
        run.alive = True
        run.rewound(drawn, len(tokens))
        return True

    def _submitted(self, attempt: Attempt) -> Run:
        kept = len(attempt.kept)
        changes = Changes(uuid.uuid4().hex, kept)
        params = self._inner.params_behind(kept, attempt)
        params.extra_args = self._extra(changes, attempt, 0)
        self.approximate |= bool(kept) and self._inner.looks_back
        outputs = self._inner.submit(attempt.kept, params, attempt.candidate)
        return Run(outputs, changes.key, kept, self._see)

    def _extra(self, changes: Changes, attempt: Attempt, position: int) -> dict[str, Any]:
        """The extra arguments of a request that draws the first token of the attempt at `position`."""
        banned = {position: sorted(attempt.banned)} if attempt.banned else {}
        until = position + attempt.avoided_for if attempt.avoided else 0
        changed = replace(changes, banned=banned, avoided=sorted(attempt.avoided), until=until)
        return changed.put_into(self._inner.params.extra_args)

    def _see(self, output: RequestOutput) -> None:
        self.first = self.first or output

    async def _left(self, run: Run, reader: object) -> None:
        """A draft was closed: its run waits for the next attempt, unless there is another one that does."""
        if run.reader is not reader:
            return
        run.reader = None
        if len(self._runs) > 1:
            self._runs.remove(run)
            await run.abort()
