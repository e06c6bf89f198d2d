"""Of what a request hands out, what is stale after a rewind is dropped, exactly, whatever comes when."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from vllm.outputs import CompletionOutput, RequestOutput

from server.engine.run import Run
from server.generation.draft import Draft


class Core:
    """An engine core with one request: it draws, hands out in pieces, and can be rewound; outputs may be on their way.

    A token is its position and the number of rewinds before it, so that no stale one can pass for a fresh one.
    """

    def __init__(self) -> None:
        self.text: list[int] = []
        self.rewinds = 0
        self._held: list[int] = []
        self.way: asyncio.Queue[RequestOutput | Exception] = asyncio.Queue()

    def draw(self, count: int) -> None:
        for _ in range(count):
            self.text.append(self.rewinds * 1_000 + len(self.text))
            self._held.append(self.text[-1])

    def hand_out(self, reason: str | None = None) -> None:
        if self._held or reason:
            choice = CompletionOutput(0, "", self._held, None, None, finish_reason=reason)
            self.way.put_nowait(RequestOutput("r", None, [], None, [choice], reason is not None))
            self._held = []

    def rewind(self, to: int) -> int:
        """Answers as RewindingScheduler.rewind does; what was drawn is handed out before the answer."""
        self.hand_out()
        drawn = len(self.text)
        del self.text[to:]
        self.rewinds += 1
        return drawn

    async def outputs(self) -> AsyncGenerator[RequestOutput, None]:
        while True:
            output = await self.way.get()
            if isinstance(output, Exception):
                raise output
            yield output
            if output.finished:
                return


class Reader:
    """The front end: what it has read so far, kept tokens and all."""

    def __init__(self, run_of: Callable[..., Run] = Run) -> None:
        self.core, self.kept = Core(), list[int]()
        self.run = run_of(self.core.outputs(), "key", 0, lambda output: None)
        self.who = object()
        self.run.take_over(self.who)

    async def read(self) -> None:
        """Everything that has arrived."""
        for _ in range(4):
            await asyncio.sleep(0)
        with suppress(TimeoutError):
            while True:
                async with asyncio.timeout(0):
                    draft = await self.run.next(self.who)
                if draft is None:
                    return
                self.kept += draft.tokens

    def rewind(self, share: float) -> None:
        to = int(share * len(self.kept))
        drawn = self.core.rewind(to)
        self.who = object()
        self.run.take_over(self.who)
        self.run.rewound(drawn, to)
        del self.kept[to:]


Step = tuple[str, float]
STEPS = st.lists(
    st.tuples(st.just("draw"), st.integers(1, 5))
    | st.tuples(st.sampled_from(["hand out", "read"]), st.just(0))
    | st.tuples(st.just("rewind"), st.floats(0, 1)),
    max_size=30,
)


async def played(steps: list[Step], reader: Reader) -> Reader:
    for name, value in steps:
        match name:
            case "draw":
                reader.core.draw(int(value))
            case "hand out":
                reader.core.hand_out()
            case "read":
                await reader.read()
            case _:
                reader.rewind(value)
    reader.core.hand_out("length")
    await reader.read()
    return reader


@given(STEPS)
def test_what_is_read_is_what_the_request_says_at_last(steps: list[Step]) -> None:
    async def scenario() -> None:
        reader = await played(steps, Reader())
        assert reader.kept == reader.core.text
        assert not reader.run.alive

    asyncio.run(scenario())


def test_without_dropping_stale_tokens_it_would_not_be() -> None:
    class Credulous(Run):
        def rewound(self, drawn: int, length: int) -> None:
            """Believes that nothing is on its way."""

    steps: list[Step] = [("draw", 5), ("hand out", 0), ("read", 0), ("draw", 3), ("rewind", 0.5), ("draw", 2)]

    async def scenario() -> None:
        wrong, right = await played(steps, Reader(Credulous)), await played(steps, Reader())
        assert right.kept == right.core.text
        assert wrong.kept != wrong.core.text

    asyncio.run(scenario())


def reading(scenario: Callable[[Reader], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        return await scenario(Reader())

    return asyncio.run(run())


def test_a_reader_that_was_replaced_has_read_to_its_end() -> None:
    async def scenario(reader: Reader) -> Draft | None:
        waiting = asyncio.create_task(reader.run.next(reader.who))
        await asyncio.sleep(0)
        reader.run.take_over(object())
        return await waiting

    assert reading(scenario) is None


def test_what_the_engine_raises_reaches_the_reader() -> None:
    async def scenario(reader: Reader) -> None:
        reader.core.way.put_nowait(RuntimeError("broken"))
        await reader.run.next(reader.who)

    with pytest.raises(RuntimeError, match="broken"):
        reading(scenario)


def test_a_request_that_ended_is_known_to_have() -> None:
    async def scenario(reader: Reader) -> bool:
        reader.core.hand_out("stop")
        draft = await reader.run.next(reader.who)
        assert draft is not None and draft.finish_reason == "stop"
        return reader.run.alive

    assert reading(scenario) is False


def test_aborting_ends_the_outputs_and_whoever_reads() -> None:
    async def scenario(reader: Reader) -> Draft | None:
        await reader.run.abort()
        return await reader.run.next(reader.who)

    assert reading(scenario) is None
