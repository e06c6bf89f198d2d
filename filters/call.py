"""One call for scores: who asks and how urgently, the pieces that wait, and where the scores go."""

import asyncio
from collections import deque
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from filters.boundaries import MAX_WORD
from filters.highest import highest_of
from filters.parts import overlapping
from filters.scorer import EXACT, ScorerUnavailable, Scores, ThresholdValues
from filters.span import TextSpan

# windows: of answers that are being written; prompts: and alternatives in logprobs; moderations: nothing else waits.
Urgency = Literal["windows", "prompts", "moderations"]
URGENCIES: tuple[Urgency, ...] = get_args(Urgency)
"""The most urgent first."""

OVERLAP_CHARACTERS = 100
"""What neighbouring pieces share of a text that does not fit into a pass: an insult is whole in one of them."""
SHORTEST_PIECE = 4 * OVERLAP_CHARACTERS


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks for scores. Calls of one `client` (None: nobody else's) share its turns within their urgency."""

    urgency: Urgency = "windows"
    client: Hashable = None


ANYBODY = Caller()


class Call:
    """The texts of one call, those of more than `most` characters in pieces: their highest scores are the text's.

    `most` is at least `SHORTEST_PIECE`. It has so many `seconds` from now; one that is not about windows has them anew
    with each of its scores. Its future is done when nobody waits for scores any more.
    """

    def __init__(
        self, texts: Sequence[str], caller: Caller, most: int, seconds: float, thresholds: ThresholdValues = EXACT
    ) -> None:
        self.caller = caller
        self.thresholds = thresholds
        self.future: asyncio.Future[list[Scores]] = asyncio.get_running_loop().create_future()
        # A caller that is cancelled just as its call fails never looks at the error, which is fine.
        self.future.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._pieces = [_pieces(text, most) for text in texts]
        self._waiting = deque(piece for pieces in self._pieces for piece in pieces)
        self._scores: list[Scores] = []
        self._seconds = seconds
        self._limit = asyncio.timeout(seconds)

    @property
    def client(self) -> Hashable:
        """Whose turns it takes."""
        return self if self.caller.client is None else self.caller.client

    @property
    def waiting(self) -> int:
        """How many pieces wait."""
        return len(self._waiting)

    def take(self, most: int, characters: int) -> list[str]:
        """Take as many waiting pieces as fit, in order; none if the first is too long."""
        taken: list[str] = []
        while self._waiting and len(taken) < most and len(self._waiting[0]) <= characters:
            characters -= len(self._waiting[0])
            taken.append(self._waiting.popleft())
        return taken

    async def scores(self) -> list[Scores]:
        """Return one `Scores` for each text. TimeoutError if there are none in time, or what it was settled with."""
        async with self._limit:
            return await self.future

    def settle(self, result: list[Scores] | ScorerUnavailable) -> None:
        """Note the scores of the pieces taken last, or why there are none: the call ends with its last one."""
        if self.future.done():
            return
        if isinstance(result, ScorerUnavailable):
            self.future.set_exception(result)
            return
        self._scores += result
        if len(self._scores) == sum(map(len, self._pieces)):
            self.future.set_result(highest_of(self._pieces, self._scores))
        elif self.caller.urgency != "windows":
            self._limit.reschedule(asyncio.get_running_loop().time() + self._seconds)


def _pieces(text: str, most: int) -> list[str]:
    if len(text) <= most:
        return [text]
    # A piece begins with a whole word, which may have begun before it.
    found = overlapping(text, TextSpan(0, len(text)), most - MAX_WORD, OVERLAP_CHARACTERS)
    return [text[piece.start : piece.end] for piece in found]
