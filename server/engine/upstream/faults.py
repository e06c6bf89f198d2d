"""What can be wrong with an upstream's answer, and who is told what became of answers."""

from typing import Literal, Protocol, get_args

Trouble = Literal["busy", "lost", "wrong", "refused"]
"""It has no room; it is gone, or nothing is heard of it; it answers as none should; it refuses this very request."""
Outcome = Literal["finished", "left", "busy", "lost", "wrong", "refused"]
"""`left`: the rest of the answer was not wanted, since it is rewound or its client is gone."""
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)


class Fault(Exception):
    """An upstream gave no answer, or no sound one. `str(fault)` is for the log, and has nothing of what it said."""

    def __init__(self, trouble: Trouble, what: str, *, parameter: str | None = None, slow: bool = False) -> None:
        super().__init__(what)
        self.trouble: Trouble = trouble
        self.parameter = parameter
        """The one that is refused, where that is known."""
        self.slow = slow
        """Whether nothing came for too long."""


class FleetObserver(Protocol):
    """Is told how each upstream fares, which is named by its URL."""

    def upstream_up(self, upstream: str, up: bool) -> None:
        """Note whether it is asked, from now on."""

    def upstream_asked(self, upstream: str, outcome: Outcome) -> None:
        """Count an answer that has come to its end, or to ours."""

    def upstream_resumed(self, upstream: str) -> None:
        """Count an answer that was lost there with tokens drawn, and is gone on with elsewhere."""
