"""Several candidates for the same place, drafted at once: the first clean one goes on, the others are aborted.

1. Every candidate is drafted for `enough` tokens, or to its end, and measured by these tokens alone.
2. The first one by number that is clean wins, so that a seeded request does not depend on who was faster. If none is,
   the best goes on, to be judged as usual: a race saves time, and clears nothing.
3. Closing the drafts closes every candidate. A single candidate runs no race: its drafts come as they are.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, aclosing

from server.generation.draft import Attempt, Draft, Drafting

Excess = Callable[[Sequence[Draft]], Awaitable[float]]
"""By how much a candidate's drafts exceed what the policy allows: below 0 they are clean."""


class Race:
    """The winner's drafts, as an engine gives them. `lost`: the tokens of the others, once there is a winner."""

    def __init__(self, engine: Drafting, attempts: Sequence[Attempt], enough: int, excess: Excess) -> None:
        self._engine = engine
        self._attempts = attempts
        self._enough = enough
        self._excess = excess
        self.lost = 0

    def drafts(self) -> AsyncGenerator[Draft, None]:
        """Raise what the engine raised, if it did so for every candidate."""
        return self._engine.draft(self._attempts[0]) if len(self._attempts) == 1 else self._raced()

    async def _raced(self) -> AsyncGenerator[Draft, None]:
        async with AsyncExitStack() as stack:
            winner = await self._run(stack)
            yield _joined(winner.drafts)
            if winner.drafts[-1].finish_reason is not None:
                return
            async with aclosing(winner.rest) as rest:
                async for draft in rest:
                    yield draft

    async def _run(self, stack: AsyncExitStack) -> "_Runner":
        runners = [_Runner(self._engine.draft(attempt), self._enough, self._excess) for attempt in self._attempts]
        for runner in runners:
            stack.push_async_callback(runner.close)
        winner = await _first_clean(runners)
        for runner in runners:
            if runner is not winner:
                await runner.close()
                self.lost += runner.drawn
        return winner


class _Runner:
    """One candidate: its drafts so far, and the rest of them."""

    def __init__(self, rest: AsyncGenerator[Draft, None], enough: int, excess: Excess) -> None:
        self.rest = rest
        self._enough = enough
        self._excess = excess
        self.drafts: list[Draft] = []
        self.task = asyncio.create_task(self._run())

    @property
    def drawn(self) -> int:
        return sum(len(draft.tokens) for draft in self.drafts)

    async def _run(self) -> float:
        async for draft in self.rest:
            self.drafts.append(draft)
            if draft.finish_reason is not None or self.drawn >= self._enough:
                break
        return await self._excess(_first(self.drafts, self._enough))

    async def close(self) -> None:
        """Abort the candidate in the engine, even if this is itself cancelled meanwhile."""
        self.task.cancel()
        try:
            await asyncio.gather(self.task, return_exceptions=True)
        finally:
            await self.rest.aclose()


def _first(drafts: Sequence[Draft], count: int) -> list[Draft]:
    """Return the first `count` tokens, however many of them came at once."""
    first: list[Draft] = []
    for draft in drafts:
        first.append(draft if len(draft.tokens) <= count else draft.part(0, count))
        count -= len(draft.tokens)
        if count <= 0:
            break
    return first


def _joined(drafts: Sequence[Draft]) -> Draft:
    """Return the drafts as one: so the winner's tokens are in the transcript before anything can become of them."""
    tokens = [token for draft in drafts for token in draft.tokens]
    logprobs = [entry for draft in drafts for entry in draft.logprobs or ()]
    seen = [row for draft in drafts for row in draft.seen or [None] * len(draft.tokens)]
    return Draft(
        tokens, logprobs or None, drafts[-1].finish_reason, drafts[-1].stop_reason, seen if any(seen) else None
    )


async def _first_clean(runners: Sequence[_Runner]) -> _Runner:
    """Return the first runner in order that is clean, else the one that exceeds least."""
    measured: list[tuple[float, _Runner]] = []
    failure: BaseException | None = None
    for runner in runners:
        await asyncio.wait([runner.task])
        failure = runner.task.exception() or failure
        if runner.task.exception() is None:
            measured.append((runner.task.result(), runner))
            if runner.task.result() < 0:
                return runner
    if not measured:
        raise failure or RuntimeError("a race without candidates")
    return min(measured, key=lambda each: each[0])[1]
