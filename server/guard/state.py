"""The state of one choice. Frozen: a step makes a new one."""

from dataclasses import dataclass
from typing import Literal, get_args

from server.guard.events import TokenSpan

Action = Literal["unguarded", "refused", "truncated", "flagged", "masked", "rewound", "clean"]
ACTIONS: tuple[Action, ...] = get_args(Action)
"""What the guard can have done to a choice, the gravest first."""


@dataclass(frozen=True, slots=True)
class GuardState:
    """Four marks, the attempt, the window in flight, the ending, and what has been spent.

    `restart_only` says that this request can be drafted again only from its first token (a grammar cannot be resumed
    in the middle by an engine that only resubmits). `maskable`: policy may write into the text (a grammar forbids it).
    """

    released: int = 0
    cleared: int = 0
    judgeable: int = 0
    drafted: int = 0
    attempt: int = 0
    in_flight: TokenSpan | None = None
    ended: str | None = None
    finished: bool = False
    reach: int = 0
    """Where the window that was cleared last began."""
    closes_from: int = 0
    """Once the text has ended: where the window begins that shows the scorer the answer as a whole."""
    whole: bool = False
    """The answer is sent in one piece: nothing of it is released before its end."""
    restart_only: bool = False
    maskable: bool = True
    fixed_windows: bool = False
    """Windows end where the text says, not where it stood when the scorer was idle: timing decides nothing."""
    unread: bool = False
    """Not all of what was cleared and not released can be read by the scorer, which matters to the policy."""
    ends: tuple[int, ...] = ()
    """Of fixed windows: where those end that can be scored, in order; some may be past already."""
    alarmed: int = 0  # up to here windows do not wait for a stride: the last alarm was given there
    # budgets
    rewinds: int = 0
    span_rewinds: int = 0
    trouble: int = 0
    discarded: int = 0
    # what became of it
    conceded: int = 0
    """The end of the last flagged text that was let through: as context it would get what follows flagged."""
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
    def waiting(self) -> tuple[int, ...]:
        """Where the fixed windows end that were not cleared yet."""
        return tuple(end for end in self.ends if end > self.cleared)

    @property
    def closing(self) -> int:
        """Where the window has to begin that closes the text: what was let through flagged is not shown again."""
        return max(self.closes_from, self.conceded)

    @property
    def complete(self) -> bool:
        """Whether the text has ended and every token of it was cleared, the last ones with the whole before them."""
        return self.ended is not None and self.cleared == self.drafted and self.reach <= self.closing

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
