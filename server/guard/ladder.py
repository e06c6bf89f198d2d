"""What to try on a flag, and when to give up.

The rungs, each with half of the span's budget: draft again from the onset of the flagged text, then from a stride
further back, though never from behind the release frontier. A request that can only be drafted anew as a whole
restarts.
"""

from server.guard.commands import Strategy
from server.guard.state import GuardState
from server.policy.policy import Policy


def exhausted(state: GuardState, policy: Policy, *, spent: bool) -> bool:
    """Whether the budget of the span, of the request, of tokens or of seconds allows no further rewind."""
    return (
        spent
        or state.span_rewinds >= policy.max_rewinds_per_span
        or state.rewinds >= policy.max_rewinds
        or state.discarded >= policy.max_discarded_tokens
        or (state.restart_only and state.released > 0)
    )


def rung(state: GuardState, policy: Policy, onset: int) -> tuple[Strategy, int]:
    """The strategy of the next attempt and the index that it rewinds to, for text that turns at `onset`."""
    if state.restart_only:
        return "restart", 0
    if state.span_rewinds < (policy.max_rewinds_per_span + 1) // 2:
        return "onset", onset
    return "stride", max(state.released, onset - policy.stride)
