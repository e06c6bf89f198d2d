"""What can happen to a choice. Every event names the attempt that it belongs to; news of an abandoned attempt is stale."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TokenSpan:
    """Half-open range of token indices, counted from the first generated token."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Drafted:
    """The engine sampled more: there are now `drafted` tokens, and the first `judgeable` of them end at a word's end."""

    attempt: int
    drafted: int
    judgeable: int


@dataclass(frozen=True, slots=True)
class Ended:
    """The engine's text is complete; `reason` is vLLM's finish reason (stop, length, abort, error, ...)."""

    attempt: int
    reason: str


@dataclass(frozen=True, slots=True)
class Cleared:
    """A scorer finished with `window` and cleared it."""

    attempt: int
    window: TokenSpan


@dataclass(frozen=True, slots=True)
class Flagged:
    """A scorer flagged `window`; the text turns at token `onset`. `spent`: the policy's seconds for rewinding are used up."""

    attempt: int
    window: TokenSpan
    onset: int
    spent: bool = False


@dataclass(frozen=True, slots=True)
class ScorerFailed:
    """The scorer gave no verdict on the window in flight (down, late, overloaded)."""

    attempt: int


@dataclass(frozen=True, slots=True)
class Inserted:
    """The tokens asked for by `Insert` stand in the transcript, which now holds `drafted` tokens.

    `ended` is the finish reason that came with them, if they close the text.
    """

    attempt: int
    drafted: int
    ended: str | None = None


Event = Drafted | Ended | Cleared | Flagged | ScorerFailed | Inserted
