"""What the guard wants done, in the order in which it is to be done."""

from dataclasses import dataclass
from typing import Literal

from server.guard.events import TokenSpan
from server.policy.policy import STRATEGIES, Strategy

Way = Strategy | Literal["restart"]
"""How a text is drafted again: by a strategy of the ladder, or from its first token where nothing else can be done."""
WAYS: tuple[Way, ...] = (*STRATEGIES, "restart")
Substitute = Literal["mask", "candidate"]


@dataclass(frozen=True, slots=True)
class Score:
    """Give the text of `window` to the scorer and report its verdict under `attempt`."""

    attempt: int
    window: TokenSpan


@dataclass(frozen=True, slots=True)
class Release:
    """Send every token before `upto`; they are final."""

    upto: int


@dataclass(frozen=True, slots=True)
class Rewind:
    """Forget every token from `to` on and draft again as `attempt`, in the way that `strategy` names.

    `retry` counts the attempts at this span, from 1: the engine raises the temperature with it.
    """

    attempt: int
    to: int
    retry: int
    strategy: Way


@dataclass(frozen=True, slots=True)
class Insert:
    """Forget every token from `to` on, put the policy's mask or the least toxic candidate there, report `Inserted`."""

    attempt: int
    to: int
    what: Substitute


@dataclass(frozen=True, slots=True)
class Finish:
    """The choice is over. Nothing may be sent after it."""

    reason: str


Command = Score | Release | Rewind | Insert | Finish
