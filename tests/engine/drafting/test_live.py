"""Of what a request hands out, what is stale after a rewind is dropped, exactly, whatever comes when."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, find, given
from hypothesis import strategies as st
from vllm.logprobs import Logprob
from vllm.outputs import CompletionOutput, RequestOutput
from vllm.sampling_params import RequestOutputKind
from vllm.v1.engine.output_processor import RequestOutputCollector

from server.engine.core.tails import LENGTH, PARAMETER
from server.engine.drafting.live import LiveRequest


class Core:
    """An engine core with one request: it draws, hands out in pieces, and can be rewound.

    A token is its position and the number of rewinds before it, so that no stale one can pass for a fresh one. What is
    handed out is on its way in a collector of vLLM's, which merges what nobody has fetched yet, stale and fresh alike.
    """

    def __init__(self) -> None:
        self.text: list[int] = []
        self.rewinds = 0
        self._held: list[int] = []
        self._tail: list[bytes] = []
        """What a probe has seen before each token: its name."""
        self.way = RequestOutputCollector(RequestOutputKind.DELTA, "r")

    def draw(self, count: int) -> None:
        for _ in range(count):
            self.text.append(self.rewinds * 1_000 + len(self.text))
            self._held.append(self.text[-1])
            self._tail.append(str(self.text[-1]).encode())

    def hand_out(self, reason: str | None = None) -> None:
        if self._held or reason:
            logprobs: Any = [{token: Logprob(-1.0)} for token in self._held]
            choice = CompletionOutput(0, "", self._held, None, logprobs, finish_reason=reason)
            seen = {PARAMETER: self._tail[-LENGTH:]}
            self.way.put(RequestOutput("r", None, [], None, [choice], reason is not None, kv_transfer_params=seen))
            self._held = []

    def rewind(self, to: int) -> int:
        """Answers as RewindingScheduler.rewind does; what was drawn is handed out before the answer."""
        self.hand_out()
        drawn = len(self.text)
        del self.text[to:]
        self._tail = []
        self.rewinds += 1
        return drawn

    async def outputs(self) -> AsyncGenerator[RequestOutput, None]:
        while True:
            output = await self.way.get()
            yield output
            if output.finished:
                return


class Reader:
    """The front end: what it has read so far, kept tokens and all."""

    def __init__(self, live_of: Callable[..., LiveRequest] = LiveRequest) -> None:
        self.core, self.kept = Core(), list[int]()
        self.known = 0
        self.live = live_of(self.core.outputs(), "key", 0, lambda output: None)
        self.who = object()
        self.live.take_over(self.who)
        self._answer: tuple[int, int] | None = None

    async def read(self) -> None:
        """Everything that has arrived."""
        for _ in range(4):
            await asyncio.sleep(0)
        if self._answer is not None:
            return  # it waits for the answer to its rewind
        with suppress(TimeoutError):
            while True:
                async with asyncio.timeout(0):
                    draft = await self.live.next(self.who)
                if draft is None:
                    return
                assert [token for entry in draft.logprobs or () for token in entry] == list(draft.tokens)
                assert len(draft.seen or draft.tokens) == len(draft.tokens)
                named = zip(draft.seen or (), draft.tokens, strict=False)
                assert all(row in (None, str(token).encode()) for row, token in named), "seen of another token"
                self.known += sum(row is not None for row in draft.seen or ())
                self.kept += draft.tokens

    def rewind(self, share: float) -> None:
        """Ask for a rewind; what the core does from here on may be seen before the answer is."""
        if self._answer is not None:
            return
        to = int(share * len(self.kept))
        self.who = object()
        self.live.take_over(self.who)
        self._answer = (self.core.rewind(to), to)
        del self.kept[to:]

    def take_answer(self) -> None:
        if self._answer is not None:
            self.live.rewound(*self._answer)
            self._answer = None


Step = tuple[str, float]
STEPS = st.lists(
    st.tuples(st.just("draw"), st.integers(1, 5))
    | st.tuples(st.sampled_from(["hand out", "fetch", "read", "answer"]), st.just(0))
    | st.tuples(st.just("rewind"), st.floats(0, 1)),
    max_size=40,
)


async def played(steps: list[Step], kind: type[LiveRequest] = LiveRequest) -> Reader:
    reader = Reader(kind)
    for name, value in [*steps, ("hand out", 0), ("answer", 0)]:
        match name:
            case "draw":
                reader.core.draw(int(value))
            case "hand out":
                reader.core.hand_out()
            case "fetch":
                await asyncio.sleep(0)
            case "read":
                await reader.read()
            case "answer":
                reader.take_answer()
            case _:
                reader.rewind(value)
    reader.core.hand_out("length")
    await reader.read()
    return reader


@given(STEPS)
@example([("draw", 3), ("hand out", 0), ("read", 0), ("rewind", 0.5), ("draw", 2), ("hand out", 0), ("fetch", 0)])
async def test_what_is_read_is_what_the_request_says_at_last(steps: list[Step]) -> None:
    reader = await played(steps)
    assert reader.kept == reader.core.text
    assert not reader.live.alive


class Credulous(LiveRequest):
    """Believes that nothing is on its way."""

    def rewound(self, drawn: int, length: int) -> None:
        """Nothing is dropped."""


def test_without_dropping_stale_tokens_it_would_not_be() -> None:
    def told_apart(steps: list[Step]) -> bool:
        wrong = asyncio.run(played(steps, Credulous))  # `find` asks a plain function, on no loop
        return wrong.kept != wrong.core.text

    smallest = find(STEPS, told_apart)
    assert {"draw", "rewind"} <= {name for name, _ in smallest}


async def test_a_reader_that_was_replaced_has_read_to_its_end() -> None:
    reader = Reader()
    waiting = asyncio.create_task(reader.live.next(reader.who))
    await asyncio.sleep(0)
    reader.live.take_over(object())
    assert await waiting is None


async def test_what_the_engine_raises_reaches_the_reader() -> None:
    reader = Reader()
    reader.core.way.put(RuntimeError("broken"))
    with pytest.raises(RuntimeError, match="broken"):
        await reader.live.next(reader.who)


async def test_a_request_that_ended_is_known_to_have() -> None:
    reader = Reader()
    reader.core.hand_out("stop")
    draft = await reader.live.next(reader.who)
    assert draft is not None and draft.finish_reason == "stop"
    assert reader.live.alive is False


async def test_aborting_ends_the_outputs_and_whoever_reads() -> None:
    reader = Reader()
    await reader.live.abort()
    assert await reader.live.next(reader.who) is None


async def test_a_request_that_ends_while_its_rewind_is_asked_for_is_read_to_its_end() -> None:
    """The core rewound it, and it ended at once: all that is seen before the answer is."""
    reader = Reader()
    reader.core.draw(4)
    reader.core.hand_out()
    await reader.read()
    reader.rewind(0.5)
    reader.core.draw(3)
    reader.core.hand_out("stop")
    await reader.read()
    reader.take_answer()
    await reader.read()
    assert reader.kept == reader.core.text == [0, 1, 1002, 1003, 1004]
    assert await reader.live.next(reader.who) is None


async def test_an_error_reaches_the_reader_behind_what_came_before_it() -> None:
    reader = Reader()
    reader.core.draw(2)
    reader.core.hand_out()
    await reader.read()
    reader.core.way.put(RuntimeError("broken"))
    await asyncio.sleep(0)
    assert reader.kept == [0, 1]
    with pytest.raises(RuntimeError, match="broken"):
        await reader.live.next(reader.who)


async def test_aborting_twice_or_after_an_error_is_no_fault() -> None:
    reader = Reader()
    reader.core.way.put(RuntimeError("broken"))
    await asyncio.sleep(0)
    await reader.live.abort()
    await reader.live.abort()
    assert reader.live.alive is False
