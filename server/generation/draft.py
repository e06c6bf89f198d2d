"""The engine's port: what the driver asks of an engine for one choice, and what comes back."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Draft:
    """Tokens sampled since the last draft, none of them judged.

    `logprobs` has one entry a token where they were asked for. `finish_reason` closes the text (vLLM's words), and
    `stop_reason` is the token id that did, if one did.
    """

    tokens: Sequence[int]
    logprobs: Sequence[Any] | None = None
    finish_reason: str | None = None
    stop_reason: int | str | None = None

    def split(self) -> "list[Draft]":
        """The same as drafts of one token each; the last one closes the text if this one does."""
        if len(self.tokens) < 2:
            return [self]
        logprobs = self.logprobs or [None] * len(self.tokens)
        parts = [Draft((token,), entry and [entry]) for token, entry in zip(self.tokens, logprobs, strict=True)]
        parts[-1] = replace(parts[-1], finish_reason=self.finish_reason, stop_reason=self.stop_reason)
        return parts


@dataclass(frozen=True, slots=True)
class Attempt:
    """One continuation to draft: after `kept` tokens of the choice, without the tokens `banned` at the first position.

    `number` counts all attempts of the choice from 0 (seeds derive from it), `retry` those at the same span, and
    `candidate` those that are drafted at once. The tokens `avoided` are made unlikely among the first `avoided_for`.
    """

    number: int
    kept: Sequence[int]
    banned: frozenset[int]
    retry: int = 0
    candidate: int = 0
    avoided: frozenset[int] = frozenset()
    avoided_for: int = 0


class Drafting(Protocol):
    """Draws continuations for one choice of one request."""

    def draft(self, attempt: Attempt) -> AsyncGenerator[Draft, None]:
        """Sample until the text ends. Close the generator once no more is wanted; another may take its place."""


class Engine(Drafting, Protocol):
    """Draws continuations, and can be told that no more are wanted."""

    @property
    def approximate(self) -> bool:
        """Whether something was drawn with less regard to the kept tokens than the request asked for."""

    async def aclose(self) -> None:
        """Abort what the engine still works on for this choice. There is no draft after it."""


class Detokenizer(Protocol):
    """Turns token ids into text as they come; a function of the ids fed so far."""

    @property
    def text(self) -> str:
        """All that the tokens fed so far spell, whatever of it the answer leaves out. It only grows."""

    @property
    def said(self) -> int:
        """How many characters of `text` the answer says: its stop string and stop token are left out."""

    @property
    def unsettled(self) -> int:
        """Characters at the end of what is said that a stop string may still take back."""

    def feed(self, token: int, *, terminal: bool) -> str | None:
        """Append one token; `terminal`: it is a stop token. Returns the stop string that matched, if one did."""

    def close(self) -> None:
        """No token follows: those that wait for the rest of a character are spelled as far as they go."""

    def also_read(self, text: str) -> tuple[str, ...]:
        """Other texts that the ids behind a part of `text` can be read as: without special tokens, if it shows them."""
