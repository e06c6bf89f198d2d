"""The way out of one choice, and of several side by side: what was sent, and the channel that the reader drains.

**The invariant.** What leaves of an answer (text, token ids, logprobs, stop reason) is a slice of the transcript that
ends at the release mark, and every scorer saw what all of it spells.
1. `Piece` is how anything leaves, and only this file makes one (tests/test_architecture.py): from the tokens between
   the last mark and the next, or with none.
2. Tokens are sent once and in order, and so are characters: a mark never goes back.
3. Characters that a stop string may still take back wait for the end. The stop reason leaves with the last token.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from server.generation.transcript import Transcript

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Piece:
    """Released tokens with their text; the last piece of a choice carries the finish reason.

    `spelled` is what each token adds to the transcript: of a stop token too, which is not in `text`.
    """

    tokens: list[int]
    logprobs: list[Any]
    text: str
    finish_reason: str | None = None
    stop_reason: int | str | None = None
    spelled: Sequence[str] = ()


def withheld() -> Piece:
    """Return the last piece of a choice that is refused, or cut short: it says so and nothing else."""
    return Piece([], [], "", "content_filter")


class Channel(Generic[T]):
    """A bounded channel: `put` never blocks, and the writer waits for room before it goes on.

    One writer, one reader, one event loop. `size` pieces may wait before `room` makes the writer wait. An error
    overtakes the pieces that wait, so the reader knows that nothing was sent after the last piece read.
    """

    def __init__(self, size: int = 64) -> None:
        self._size = size
        self._pieces: deque[T] = deque()
        self._closed = False
        self._error: BaseException | None = None
        self._changed = asyncio.Event()
        self._drained = asyncio.Event()
        self._drained.set()

    @property
    def closed(self) -> bool:
        """Whether the stream has been ended."""
        return self._closed

    def put(self, piece: T) -> None:
        """Add a piece; it is dropped once the channel is closed."""
        if self._closed:
            return
        self._pieces.append(piece)
        self._changed.set()
        if len(self._pieces) >= self._size:
            self._drained.clear()

    def close(self, error: BaseException | None = None) -> None:
        """End the stream: with `error` at once, else after the pieces that wait. Only the first call counts."""
        if self._closed:
            return
        self._closed = True
        self._error = error
        if error is not None:
            self._pieces.clear()
        self._changed.set()
        self._drained.set()

    async def room(self) -> None:
        """Wait until the reader has caught up."""
        await self._drained.wait()

    async def get(self) -> T | None:
        """Return the next piece; None at the end. Raises the error that the writer closed with."""
        while not self._pieces:
            if self._error is not None:
                raise self._error
            if self._closed:
                return None
            self._changed.clear()
            await self._changed.wait()
        piece = self._pieces.popleft()
        if len(self._pieces) < self._size:
            self._drained.set()
        return piece


class Outlet:
    """Sends released tokens. `tokens` and `characters` count what was sent."""

    def __init__(self, transcript: Transcript) -> None:
        self._transcript = transcript
        self._channel: Channel[Piece] = Channel()
        self.tokens = 0
        self.characters = 0

    def said(self) -> str:
        """Return the text that was sent."""
        return self._transcript.text[: self.characters]

    def send(self, upto: int) -> int:
        """Send every token before `upto` that was not sent yet; return how many there were."""
        return self._send(upto, None, None)

    def finish(self, upto: int, reason: str, stop_reason: int | str | None) -> int:
        """Send the rest before `upto` with the reason, and nothing after it; return how many tokens there were."""
        count = self._send(upto, reason, stop_reason)
        self._channel.close()
        return count

    def fail(self, error: BaseException) -> None:
        """Fail: the reader gets the error next, and nothing more is sent."""
        self._channel.close(error)

    async def room(self) -> None:
        """Wait until the reader has caught up."""
        await self._channel.room()

    async def get(self) -> Piece | None:
        """Return the next piece, for the reader; None at the end. Raises the error that the choice failed with."""
        return await self._channel.get()

    def _send(self, upto: int, reason: str | None, stop_reason: int | str | None) -> int:
        if self._channel.closed:
            return 0
        transcript, tokens, characters = self._transcript, self.tokens, self.characters
        self.tokens = max(tokens, upto)
        self.characters = max(characters, transcript.sayable(self.tokens, closing=reason is not None))
        piece = Piece(
            transcript.tokens[tokens : self.tokens],
            transcript.logprobs[tokens : self.tokens],
            transcript.text[characters : self.characters],
            reason,
            stop_reason,
            transcript.spelled(tokens, self.tokens),
        )
        self._channel.put(piece)
        return len(piece.tokens)


async def merge(choices: Sequence[AsyncGenerator[Piece, None]]) -> AsyncGenerator[tuple[int, Piece], None]:
    """Yield the pieces of all choices with their index, as they come. Closing it closes all; an error ends all."""
    if len(choices) == 1:
        async with aclosing(choices[0]) as pieces:
            async for piece in pieces:
                yield 0, piece
        return
    channel: Channel[tuple[int, Piece]] = Channel()
    tasks = [asyncio.create_task(_forward(index, pieces, channel)) for index, pieces in enumerate(choices)]
    closing = asyncio.create_task(_close_afterwards(tasks, channel))
    try:
        while (said := await channel.get()) is not None:
            yield said
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, closing, return_exceptions=True)


async def _forward(index: int, pieces: AsyncGenerator[Piece, None], channel: Channel[tuple[int, Piece]]) -> None:
    try:
        async with aclosing(pieces):
            async for piece in pieces:
                channel.put((index, piece))
                await channel.room()
    except Exception as error:  # whatever it is, the reader gets it
        channel.close(error)


async def _close_afterwards(tasks: Sequence[asyncio.Task[None]], channel: Channel[tuple[int, Piece]]) -> None:
    await asyncio.wait(tasks)
    channel.close()
