"""The way out of one choice: what of the transcript was sent, and the channel that the reader drains.

1. Tokens are sent once and in order, and so are characters.
2. Characters that a stop string may still take back wait for the last piece, which carries the finish reason.
"""

from dataclasses import dataclass
from typing import Any

from server.generation.channel import Channel
from server.generation.transcript import Transcript


@dataclass(frozen=True, slots=True)
class Piece:
    """Released tokens with their text; the last piece of a choice carries the finish reason."""

    tokens: list[int]
    logprobs: list[Any]
    text: str
    finish_reason: str | None = None
    stop_reason: int | str | None = None


class Outlet:
    """Sends released tokens. `tokens` and `characters` count what was sent."""

    def __init__(self, transcript: Transcript) -> None:
        self._transcript = transcript
        self._channel: Channel[Piece] = Channel()
        self.tokens = self.characters = 0

    def send(self, upto: int) -> int:
        """Send every token before `upto` that was not sent yet; returns how many those were."""
        return self._send(upto, self._transcript.released_text(upto, closing=False), None, None)

    def finish(self, upto: int, reason: str, stop_reason: int | str | None) -> int:
        """Send the rest before `upto` with the reason, and nothing after it; returns how many tokens those were."""
        count = self._send(upto, self._transcript.released_text(upto, closing=True), reason, stop_reason)
        self._channel.close()
        return count

    def fail(self, error: BaseException) -> None:
        """The reader gets the error next; nothing more is sent."""
        self._channel.close(error)

    async def room(self) -> None:
        """Wait until the reader has caught up."""
        await self._channel.room()

    async def get(self) -> Piece:
        """The next piece, for the reader. Raises Closed at the end, or the error that the choice failed with."""
        return await self._channel.get()

    def _send(self, upto: int, end: int, reason: str | None, stop_reason: int | str | None) -> int:
        if self._channel.closed:
            return 0
        tokens, logprobs = self._transcript.between(self.tokens, upto)
        text = self._transcript.text[self.characters : end]
        self.tokens, self.characters = max(self.tokens, upto), max(self.characters, end)
        self._channel.put(Piece(tokens, logprobs, text, reason, stop_reason))
        return len(tokens)
