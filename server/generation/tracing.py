"""The port through which a request tells what takes its time. `server.telemetry.tracing.Tracer` is the one in service.

1. Nothing that is told holds text. Where nobody traces, `UNTRACED` hears it and does nothing.
2. A request is traced by whoever takes it in (server/api/gateway.py), its choices by their account.
"""

from collections.abc import Mapping
from typing import Protocol

from filters.verdict import Verdict
from server.generation.answered import Answered
from server.generation.report import Report
from server.guard.commands import Rewind, Score, Way


class Scoring(Protocol):
    """One window that is with the scorer."""

    def over(self, verdict: Verdict | None) -> None:
        """Note the verdict; None if there is none."""


class Trace(Protocol):
    """Hears of one choice."""

    def drafting(self, attempt: int, way: Way | None) -> None:
        """Note that an attempt is begun, and the one before it over; `way` led to it, if a rewind did."""

    def drafted(self) -> None:
        """Note that the attempt has its first, or another, token."""

    def scoring(self, score: Score) -> Scoring:
        """Note that a window goes to the scorer."""

    def rewound(self, rewind: Rewind, dropped: int) -> None:
        """Note that a verdict drops so many tokens."""

    def over(self) -> None:
        """Note that nothing more is drafted."""


class RequestTrace(Protocol):
    """Hears of one request."""

    def headers(self) -> Mapping[str, str]:
        """Return the W3C headers by which others join in; none if nobody traces."""

    def choice(self, number: int) -> Trace:
        """Return what hears of the choice of this number."""

    def answered(self, answered: Answered) -> None:
        """Note that a choice is over, and what was found of it."""

    def over(self, route: str, report: Report | None) -> None:
        """Note that the request is over, answered by this route; with its gravest report, if it has any."""


class Tracing(Protocol):
    """Traces requests."""

    def request(self, headers: Mapping[str, str]) -> RequestTrace:
        """Return what hears of a request that comes with these headers (names in lower case)."""


class Untraced:
    """Hears everything and does nothing: every port above."""

    def request(self, headers: Mapping[str, str]) -> RequestTrace:
        """Return itself."""
        return self

    def headers(self) -> Mapping[str, str]:
        """Return none."""
        return {}

    def choice(self, number: int) -> Trace:
        """Return what hears of a choice."""
        return UNTRACED_CHOICE

    def answered(self, answered: Answered) -> None:
        """Do nothing."""

    def over(self, route: str, report: Report | None) -> None:
        """Do nothing."""


class _UntracedChoice:
    def drafting(self, attempt: int, way: Way | None) -> None: ...

    def drafted(self) -> None: ...

    def scoring(self, score: Score) -> Scoring:
        return _UNTRACED_SCORING

    def rewound(self, rewind: Rewind, dropped: int) -> None: ...

    def over(self) -> None: ...


class _UntracedScoring:
    def over(self, verdict: Verdict | None) -> None: ...


UNTRACED = Untraced()
UNTRACED_CHOICE: Trace = _UntracedChoice()
_UNTRACED_SCORING = _UntracedScoring()
