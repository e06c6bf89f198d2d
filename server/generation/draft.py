"""The engine's port: what the driver asks of an engine for one choice, and what comes back."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Draft:
    """Tokens sampled since the last draft, none of them judged.

    `logprobs` has one entry a token where they were asked for, and `seen` what the model's probe saw of the token
    before each, where that is known. `finish_reason` closes the text (vLLM's words), and `stop_reason` is the token id
    that did, if one did.
    """

    tokens: Sequence[int]
    logprobs: Sequence[Any] | None = None
    finish_reason: str | None = None
    stop_reason: int | str | None = None
    seen: Sequence[bytes | None] | None = None

    def split(self) -> "list[Draft]":
        """Return the same as drafts of one token each; the last one closes the text if this one does."""
        if len(self.tokens) < 2:
            return [self]
        parts = [self.part(at, at + 1) for at in range(len(self.tokens))]
        parts[-1] = replace(parts[-1], finish_reason=self.finish_reason, stop_reason=self.stop_reason)
        return parts

    def part(self, start: int, end: int) -> "Draft":
        """Return the tokens from `start` to before `end`, with what belongs to them, as a draft that closes nothing."""
        logprobs, seen = self.logprobs and self.logprobs[start:end], self.seen and self.seen[start:end]
        return Draft(self.tokens[start:end], logprobs, seen=seen)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One continuation to draft: after `kept` tokens of the choice, without the tokens `banned` at the first position.

    `number` counts all attempts of the choice from 0 (seeds derive from it), `retry` those at the same span, and
    `candidate` those that are drafted at once. The tokens `avoided` are made unlikely among the first `avoided_for`,
    and the first `turned_for` are turned away by the model's own probe.
    """

    number: int
    kept: Sequence[int]
    banned: frozenset[int]
    retry: int = 0
    candidate: int = 0
    avoided: frozenset[int] = frozenset()
    avoided_for: int = 0
    turned_for: int = 0


class Drafting(Protocol):
    """Draws continuations for one choice of one request."""

    def draft(self, attempt: Attempt) -> AsyncGenerator[Draft, None]:
        """Sample until the text ends. Close the generator once no more is wanted; another may take its place."""


class Engine(Drafting, Protocol):
    """Draws continuations until it is told that no more are wanted."""

    @property
    def approximate(self) -> bool:
        """Whether anything was drawn without all that the request wants taken into account of the kept tokens."""

    async def aclose(self) -> None:
        """Abort what the engine still works on for this choice. There is no draft after it."""


class Detokenizer(Protocol):
    """Turns token ids into text as they come; a function of the ids fed so far."""

    @property
    def text(self) -> str:
        """Everything that the tokens fed so far spell, including what the answer leaves out. It only grows."""

    @property
    def said(self) -> int:
        """How many characters of `text` the answer says: its stop string and stop token are left out."""

    @property
    def unsettled(self) -> int:
        """Characters at the end of what is said that a stop string may still take back."""

    def feed(self, token: int, *, terminal: bool) -> str | None:
        """Append one token (`terminal`: a stop token); return the stop string that matched, if one did."""

    def close(self) -> None:
        """End the text: tokens that wait for the rest of a character are spelled as far as they go."""

    def also_read(self, text: str) -> tuple[str, ...]:
        """Return the other readings of the ids of a part of `text`: without special tokens, if it shows them."""
