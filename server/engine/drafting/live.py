"""One request in vLLM as it is seen from outside, and which of its tokens still count.

1. A separate task takes the outputs in, so that the reader of drafts can stop at any time: the request lives on until
   it is aborted.
2. Outputs come in order, and the answer to a rewind comes after those from before it. So the number of tokens that the
   request had drawn by then tells exactly which are stale, those still on their way included.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import aclosing
from dataclasses import replace

from vllm.outputs import RequestOutput

from server.engine.drafting.request import Outputs, drafted
from server.generation.draft import Draft

Reader = object
"""Stands for whoever reads a live request; there is one at a time."""


class LiveRequest:
    """One request; `offset` is the number of the answer's tokens that its prompt holds."""

    def __init__(
        self,
        outputs: Outputs,
        key: str,
        offset: int,
        seen: Callable[[RequestOutput], None],
    ) -> None:
        self.key = key
        self.offset = offset
        self._seen = seen
        self.reader: Reader | None = None
        self.alive = True
        """Whether the request may still be rewound, as far as is known here."""
        self._arrived: deque[Draft] = deque()
        self._taken = 0
        """All tokens that came from the engine, stale ones included."""
        self._stale = 0
        """How many of them, from the first, are stale."""
        self._length = 0
        """Tokens of the request's output at the last rewind."""
        self._changed = asyncio.Event()
        self._task = asyncio.create_task(self._take_in(outputs))

    async def _take_in(self, outputs: Outputs) -> None:
        try:
            async with aclosing(outputs):
                async for output in outputs:
                    self._seen(output)
                    self._add(drafted(output))
        finally:
            self.alive = False
            self._changed.set()

    def _add(self, draft: Draft) -> None:
        if draft.finish_reason is not None:
            self.alive = False
        stale = max(0, self._stale - self._taken)
        self._taken += len(draft.tokens)
        self._arrived += _fresh([draft], stale)
        self._changed.set()

    async def next(self, reader: Reader) -> Draft | None:
        """Return the next draft; None if there are no more, or for somebody else. Raises what the engine raised."""
        while self.reader is reader:
            if self._arrived:
                return self._arrived.popleft()
            if self._task.done():
                self._task.result()
                return None
            self._changed.clear()
            await self._changed.wait()
        return None

    def take_over(self, reader: Reader) -> None:
        """Make `reader` the only reader; the previous one gets None."""
        self.reader = reader
        self._changed.set()

    def rewound(self, drawn: int, length: int) -> None:
        """Note that the request had `drawn` tokens when rewound to `length`: every one it handed out is stale."""
        boundary = self._stale + drawn - self._length
        waiting = sum(len(draft.tokens) for draft in self._arrived)
        self._arrived = deque(_fresh(self._arrived, boundary - (self._taken - waiting)))
        self._stale = boundary
        self._length = length

    async def abort(self) -> None:
        """End the request in the engine; nobody reads it any more."""
        self.alive = False
        self.reader = None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


def _fresh(drafts: Iterable[Draft], stale: int) -> list[Draft]:
    """Return the drafts without their first `stale` tokens."""
    fresh = []
    for draft in drafts:
        cut = min(max(stale, 0), len(draft.tokens))
        stale -= len(draft.tokens)
        if cut < len(draft.tokens) or draft.finish_reason is not None:
            kept = draft.part(cut, len(draft.tokens))
            ended = replace(kept, finish_reason=draft.finish_reason, stop_reason=draft.stop_reason)
            fresh.append(ended if cut else draft)
    return fresh
