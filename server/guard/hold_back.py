"""How far the text may be released.

With a hold-back of h and a context of at least h, a scorer that flags a span whenever it sees the whole of it never lets a
token of a flagged span of up to h + 1 tokens out: when the last token of the span is judged, at most h of its tokens lie
before the fresh ones, and exactly those are still held. One token less leaks (tests/guard/test_hold_back.py shows both).
"""

from server.guard.state import GuardState


def frontier(state: GuardState, hold_back: int) -> int:
    """The index before which every token may be sent; never behind what was sent already."""
    if state.complete:
        return state.cleared
    return max(state.released, state.cleared - hold_back)
