"""How far the text may be released.

Take a scorer that flags a span whenever it sees the whole of it, a hold-back of h, a context of at least h, and flagged
spans of up to h + 1 tokens.
1. No such span ever leaves whole: when its last token is judged, the rest of it is context.
2. No token of one leaves, either: a token leaves only after the h tokens that follow it were cleared with it. One token
   less of hold-back leaks (tests/guard/test_hold_back.py shows all three).
3. Only a rewind into those h tokens can put other ones there, and make the released one the beginning of a flagged span
   to which it did not belong before. Then the rest of that span is replaced, as often as it takes.

What the scorer does not read is held back whole, where the policy wants that (server/guard/advance.py, rule 6).
"""

from server.guard.state import GuardState


def frontier(state: GuardState, hold_back: int) -> int:
    """Return the index before which every token may be sent; never less than what was sent already."""
    if state.complete and not state.unread:
        return state.cleared
    if state.whole or state.unread:
        return state.released
    # The closing verdict must find something to take back; whether the end is known by now is a matter of timing.
    closing = state.ended is not None or state.fixed_windows
    held = max(hold_back, 1) if closing else hold_back
    return max(state.released, state.cleared - held)
