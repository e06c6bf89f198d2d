"""The state of one choice. Frozen: a step makes a new one."""

from dataclasses import dataclass
from typing import Literal

from server.guard.events import TokenSpan

Action = Literal["clean", "rewound", "refused", "truncated", "masked", "flagged", "unguarded"]


@dataclass(frozen=True, slots=True)
class GuardState:
    """Four marks, the attempt, the window in flight, the ending, and what has been spent.

    `restart_only` says that this request can be drafted again only from its first token (a grammar cannot be resumed
    in the middle by resubmission).
    """

    released: int = 0
    cleared: int = 0
    judgeable: int = 0
    drafted: int = 0
    attempt: int = 0
    in_flight: TokenSpan | None = None
    ended: str | None = None
    finished: bool = False
    restart_only: bool = False
    # budgets
    rewinds: int = 0
    span_rewinds: int = 0
    trouble: int = 0
    discarded: int = 0
    # what became of it
    conceded: int = 0
    """The end of the last flagged text that was let through: as context it would get flagged what follows it."""
    written: int = 0
    """Tokens of masks: written by policy, not drafted."""
    masks: int = 0
    concessions: int = 0
    opened: int = 0
    fallback: Literal["refused", "truncated"] | None = None

    @property
    def submitted(self) -> int:
        """The end of what the scorer has seen or is looking at."""
        return self.in_flight.end if self.in_flight else self.cleared

    @property
    def complete(self) -> bool:
        """Whether the text has ended and every token of it was cleared."""
        return self.ended is not None and self.cleared == self.drafted

    @property
    def action(self) -> Action:
        """What the guard did to this choice, the gravest first."""
        if self.opened:
            return "unguarded"
        if self.fallback:
            return self.fallback
        if self.concessions:
            return "flagged"
        if self.masks:
            return "masked"
        return "rewound" if self.rewinds else "clean"
