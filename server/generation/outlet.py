"""The way out of one choice: what of the transcript was sent, and the channel that the reader drains.

**The invariant.** What leaves of an answer (text, token ids, logprobs, stop reason) is a slice of the transcript that
ends at the release mark, and every scorer saw what all of it spells.
1. `Piece` is how anything leaves, and only this file makes one (tests/test_architecture.py): from the tokens between
   the last mark and the next, or with none.
2. Tokens are sent once and in order, and so are characters: a mark never goes back.
3. Characters that a stop string may still take back wait for the end. The stop reason leaves with the last token.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from server.generation.channel import Channel
from server.generation.transcript import Transcript


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
    """The last piece of a choice that is refused, or cut short: it says so and nothing else."""
    return Piece([], [], "", "content_filter")


class Outlet:
    """Sends released tokens. `tokens` and `characters` count what was sent."""

    def __init__(self, transcript: Transcript) -> None:
        self._transcript = transcript
        self._channel: Channel[Piece] = Channel()
        self.tokens = self.characters = 0

    def send(self, upto: int) -> int:
        """Send every token before `upto` that was not sent yet; returns how many those were."""
        return self._send(upto, None, None)

    def finish(self, upto: int, reason: str, stop_reason: int | str | None) -> int:
        """Send the rest before `upto` with the reason, and nothing after it; returns how many tokens those were."""
        count = self._send(upto, reason, stop_reason)
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
