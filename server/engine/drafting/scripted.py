"""A deterministic engine without a model: for tests, for trying out the guard, for demonstrations.

1. What it writes is a function of the tokens before and of nothing else: `Wordings` gives the next tokens, best first.
2. It obeys the port of `Engine` as the real one does, bans and the end token included.
3. It drafts when its gate lets it, in pieces as large as it is told.
"""

import asyncio
import codecs
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence

from server.generation.draft import Attempt, Draft

_BYTES = 256
_PIECE = re.compile(r"\s?[^\s]+|\s")

NextTokens = Callable[[Sequence[int]], Sequence[int]]
"""The tokens that may come after those given, best first; none at the end of the text."""


class Vocabulary:
    """Text to token ids and back. Words are spelled in pieces of at most `longest` characters, others byte by byte."""

    end = _BYTES
    """The token that ends a text; it has none of its own."""

    def __init__(self, longest: int = 4) -> None:
        self._longest = longest
        self._pieces: list[str] = []
        self._ids: dict[str, int] = {}

    def encode(self, text: str) -> list[int]:
        """Return token ids of the text; the same text has the same ids."""
        return [token for chunk in _PIECE.findall(text) for token in self._spell(chunk)]

    def content(self, token: int) -> bytes:
        """Return what a token stands for, in UTF-8. IndexError for an id that was never given out."""
        if token < _BYTES:
            return bytes([token])
        return b"" if token == self.end else self._pieces[token - _BYTES - 1].encode()

    def _spell(self, chunk: str) -> list[int]:
        if not chunk.isascii():
            return list(chunk.encode())
        return [self._id(chunk[at : at + self._longest]) for at in range(0, len(chunk), self._longest)]

    def _id(self, piece: str) -> int:
        if piece not in self._ids:
            self._ids[piece] = _BYTES + 1 + len(self._pieces)
            self._pieces.append(piece)
        return self._ids[piece]


class WordDetokenizer:
    """Text of the tokens of a vocabulary, as the port of `Detokenizer` wants it: whole characters and stop strings."""

    def __init__(self, vocabulary: Vocabulary, stop: Sequence[str] = ()) -> None:
        self._vocabulary = vocabulary
        self._stop = stop
        self._bytes = codecs.getincrementaldecoder("utf-8")("replace")
        self.text = ""
        self.said = 0

    @property
    def unsettled(self) -> int:
        """How many characters at the end may still turn out to begin a stop string."""
        return max(map(len, self._stop), default=1) - 1

    def feed(self, token: int, *, terminal: bool) -> str | None:
        """Append one token; return the stop string that matched, if one did."""
        since = max(0, len(self.text) - self.unsettled)
        self.text += self._bytes.decode(self._vocabulary.content(token))
        if terminal:
            return None
        self.said = len(self.text)
        found = [(at, stop) for stop in self._stop if (at := self.text.find(stop, since)) >= 0]
        if not found:
            return None
        first, stop = min(found)
        self.said = first
        return stop

    def close(self) -> None:
        """Spell nothing: bytes that are no whole character have no text."""

    def also_read(self, text: str) -> tuple[str, ...]:
        """Return False: no token is special here."""
        return ()


class Wordings:
    """Several texts, best first, as next tokens: the first one is written, a ban leads over to another.

    After tokens that no text begins with (a mask, a mixture) every text goes on from where it would be by now.
    """

    def __init__(self, *texts: Sequence[int]) -> None:
        self._texts = [tuple(text) for text in texts]

    def __call__(self, before: Sequence[int]) -> Sequence[int]:
        """Return the distinct tokens that may come after `before`."""
        at, begun = len(before), tuple(before)
        fitting = [text for text in self._texts if text[:at] == begun] or self._texts
        return tuple(dict.fromkeys(text[at] for text in fitting if at < len(text)))


async def at_once() -> None:
    """Be a gate that is always open; other tasks still get their turn."""
    await asyncio.sleep(0)


class ScriptedEngine:
    """Draws what `next_tokens` says for one choice. Keeps a record of its work in the public attributes.

    `sizes` says how many tokens come in the next draft; `gate` is awaited before each. At the end of the script it
    gives `ending`: with "stop" comes `end_token`, unless that is None. At token `fails_at` it raises `failure` instead.
    `sees` is what a probe of the model sees of a token.
    """

    def __init__(
        self,
        next_tokens: NextTokens,
        *,
        max_tokens: int | None = None,
        sizes: Callable[[], int] = lambda: 1,
        gate: Callable[[], Awaitable[None]] = at_once,
        ending: str = "stop",
        end_token: int | None = Vocabulary.end,
        fails_at: int | None = None,
        failure: Exception | None = None,
        sees: Callable[[int], bytes | None] | None = None,
    ) -> None:
        self._next_tokens = next_tokens
        self._max_tokens = max_tokens
        self._sizes = sizes
        self._gate = gate
        self._ending = ending
        self._end_token = end_token
        self._fails_at = fails_at
        self._sees = sees
        self._failure = failure or RuntimeError("the scripted engine failed")
        self.approximate = False
        self.attempts: list[Attempt] = []
        self.drafted = 0
        """Tokens drawn in all attempts."""
        self.running = 0
        """Drafts under way."""
        self.aborted: list[int] = []
        """The numbers of the attempts that were closed before their end."""

    async def draft(self, attempt: Attempt) -> AsyncGenerator[Draft, None]:
        """Continue after the kept tokens. Each token's logprob entry is `{token: position}`."""
        self.attempts.append(attempt)
        self.running += 1
        over = False
        try:
            tokens = list(attempt.kept)
            while not over:
                await self._gate()
                draft = self._piece(tokens, attempt, max(1, self._sizes()))
                tokens += draft.tokens
                self.drafted += len(draft.tokens)
                over = draft.finish_reason is not None
                yield draft
        finally:
            self.running -= 1
            if not over:
                self.aborted.append(attempt.number)

    async def aclose(self) -> None:
        """Do nothing: nothing is left once every draft is closed."""

    def _piece(self, before: Sequence[int], attempt: Attempt, size: int) -> Draft:
        """Return the next draft of at most `size` tokens."""
        drawn: list[int] = []
        reason = None
        while reason is None and len(drawn) < size:
            at = len(before) + len(drawn)
            if at == self._fails_at:
                raise self._failure
            if self._max_tokens is not None and at >= self._max_tokens:
                return self._with_logprobs(drawn, before, "length")
            new = at - len(attempt.kept)
            banned = attempt.banned if not new else frozenset()
            avoided = attempt.avoided if new < attempt.avoided_for else frozenset()
            token, reason = self._draw((*before, *drawn), banned, avoided)
            drawn += [] if token is None else [token]
            if reason is None and at + 1 == self._max_tokens:
                reason = "length"
        return self._with_logprobs(drawn, before, reason)

    def _draw(
        self, before: Sequence[int], banned: frozenset[int], avoided: frozenset[int]
    ) -> tuple[int | None, str | None]:
        choices = [token for token in self._next_tokens(before) if token not in banned]
        if choices:
            return min(choices, key=avoided.__contains__), None
        ends_with_token = self._ending == "stop" and self._end_token not in banned
        return self._end_token if ends_with_token else None, self._ending

    def _with_logprobs(self, tokens: list[int], before: Sequence[int], reason: str | None) -> Draft:
        logprobs = [{token: at} for at, token in enumerate(tokens, len(before))]
        read = [*before[-1:], *tokens[:-1]] if before else [None, *tokens[:-1]]
        seen = [None if token is None or self._sees is None else self._sees(token) for token in read[: len(tokens)]]
        return Draft(tokens, logprobs, reason, seen=seen if self._sees else None)
