"""A bounded way out for pieces: the driver never waits to put, but it waits for room before it drafts on.

An error overtakes the pieces that wait: whoever gets it knows that nothing after the last piece he read was sent.
"""

import asyncio
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Closed(Exception):
    """The other side is through: nothing more will come."""


class Channel(Generic[T]):
    """One writer, one reader, one event loop. `size` pieces may wait before `room` makes the writer wait."""

    def __init__(self, size: int = 64) -> None:
        self._size = size
        self._pieces: deque[T] = deque()
        self._closed: BaseException | None = None
        self._changed = asyncio.Event()
        self._drained = asyncio.Event()
        self._drained.set()

    @property
    def closed(self) -> bool:
        return self._closed is not None

    def put(self, piece: T) -> None:
        """Add a piece; dropped once the channel is closed."""
        if self._closed is not None:
            return
        self._pieces.append(piece)
        self._changed.set()
        if len(self._pieces) >= self._size:
            self._drained.clear()

    def close(self, error: BaseException | None = None) -> None:
        """End the stream: with `error` at once, else behind the pieces that wait. Only the first call counts."""
        if self._closed is not None:
            return
        self._closed = error or Closed()
        if error is not None:
            self._pieces.clear()
        self._changed.set()
        self._drained.set()

    async def room(self) -> None:
        """Wait until the reader has caught up."""
        await self._drained.wait()

    async def get(self) -> T:
        """The next piece. Raises Closed at the end, or the error that the writer closed with."""
        while not self._pieces:
            if self._closed is not None:
                raise self._closed
            self._changed.clear()
            await self._changed.wait()
        piece = self._pieces.popleft()
        if len(self._pieces) < self._size:
            self._drained.set()
        return piece
