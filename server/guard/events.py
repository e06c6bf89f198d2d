"""What can happen to a choice. Every event names the attempt that it belongs to; that of an abandoned one is stale."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TokenSpan:
    """Half-open range of token indices, counted from the first generated token."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Drafted:
    """The engine sampled more: there are `drafted` tokens now, and the first `judgeable` of them end with a word.

    `lost` tokens were drafted beside them and dropped already: those of candidates that were not taken. `alarm`: the
    model's own probe forecasts that their sentence ends flagged.
    """

    attempt: int
    drafted: int
    judgeable: int
    lost: int = 0
    alarm: bool = False


@dataclass(frozen=True, slots=True)
class Ended:
    """The engine's text is complete; `reason` is vLLM's finish reason (stop, length, abort, error, ...)."""

    attempt: int
    reason: str


@dataclass(frozen=True, slots=True)
class Cleared:
    """A scorer finished with `window` and cleared it. `unread`: some of it is in a language that it does not read."""

    attempt: int
    window: TokenSpan
    unread: bool = False


@dataclass(frozen=True, slots=True)
class Places:
    """The tokens at which the clause and the sentence that hold an onset begin, and the sentence before."""

    clause: int = 0
    sentence: int = 0
    previous_sentence: int = 0


@dataclass(frozen=True, slots=True)
class Flagged:
    """A scorer flagged `window`; the text turns at token `onset`, around which lie the `places` to go back to.

    `spent`: the seconds for rewinding are used up. `unread`: as of `Cleared`.
    """

    attempt: int
    window: TokenSpan
    onset: int
    places: Places = Places()
    spent: bool = False
    unread: bool = False


@dataclass(frozen=True, slots=True)
class ScorerFailed:
    """The scorer gave no verdict on `window` (down, late, overloaded)."""

    attempt: int
    window: TokenSpan


@dataclass(frozen=True, slots=True)
class Inserted:
    """The tokens asked for by `Insert` stand in the transcript, which now holds `drafted` tokens.

    `put_back`: they had been drafted before, and were counted as discarded. `ended` is the finish reason that came with
    them, if they close the text.
    """

    attempt: int
    drafted: int
    put_back: bool = False
    ended: str | None = None


Event = Drafted | Ended | Cleared | Flagged | ScorerFailed | Inserted
