"""What to try on a flag, and when to give up.

A policy's ladder names a strategy for each rewind at one place, in order; the last one is repeated. Every strategy has
its place to rewind to, none from behind the release frontier, and its way to draft again, which is the driver's
business. A request that can only be drafted anew as a whole restarts.
"""

from server.guard.commands import Way
from server.guard.events import Flagged
from server.guard.state import GuardState
from server.policy.policy import Policy, Strategy


def exhausted(state: GuardState, policy: Policy, *, spent: bool) -> bool:
    """Whether the budget of the span, of the request, of tokens or of seconds allows no further rewind."""
    return (
        spent
        or state.span_rewinds >= policy.max_rewinds_per_span
        or state.rewinds >= policy.max_rewinds
        or state.discarded >= policy.max_discarded_tokens
        or (state.restart_only and state.released > 0)
    )


def rung(state: GuardState, policy: Policy, flagged: Flagged, onset: int) -> tuple[Way, int]:
    """The strategy of the next attempt and the index that it rewinds to, for text that turns at `onset`."""
    if state.restart_only:
        return "restart", 0
    strategy = policy.ladder[min(state.span_rewinds, len(policy.ladder) - 1)]
    return strategy, max(state.released, min(onset, _place(strategy, flagged, onset)))


def _place(strategy: Strategy, flagged: Flagged, onset: int) -> int:
    match strategy:
        case "clause":
            return flagged.clause
        case "sentence":
            return flagged.sentence
        case "previous_sentence":
            return flagged.previous_sentence
        case _:
            return onset
