"""Where the windows end that the scorer is given.

1. A window takes at least a stride of fresh tokens, and the last one what is left. The first stride is short, so that
   an answer begins soon; then strides are as long as what was cleared before them, from `stride` to `max_stride`, since
   a long window is cheaper for each token. While a text is being mended they stay short, so that little is drafted for
   nothing.
2. Ordinary windows take all that can be judged once the scorer is idle: few passes, and no two runs alike.
3. Fixed windows end at the first place a stride further on that can be judged, whenever the scorer gets to it: where
   they end is a function of the text. The guard must hear of every token that may be such a place, one by one.
4. After an alarm of the model's own probe a window takes what there is: a flag that is likely is to come soon.
"""

from server.guard.state import GuardState
from server.policy.policy import Policy


def leaves_waiting(state: GuardState, drafted: int, policy: Policy) -> bool:
    """Return whether tokens up to `drafted` are too few to be scored, however many of them can be judged.

    Until they are enough, or something else happens, it makes no difference whether the guard has heard of them.
    """
    known = _known(state)
    return policy.mode != "monitor" and drafted - known < _stride(state, known, policy)


def ends(state: GuardState, judgeable: int, policy: Policy) -> tuple[int, ...]:
    """Return the ends of fixed windows that are to come, once the first `judgeable` tokens can be judged."""
    known = _known(state)
    more = state.fixed_windows and judgeable - known >= _stride(state, known, policy)
    return (*state.waiting, judgeable) if more else state.waiting


def end(state: GuardState, policy: Policy) -> int | None:
    """Return where the next window ends while there is more to come; None if there is too little to judge."""
    if state.fixed_windows:
        return next(iter(state.waiting), None)
    stride = 1 if state.alarmed > state.cleared else _stride(state, state.cleared, policy)
    enough = state.judgeable - state.cleared >= stride
    return state.judgeable if enough else None


def _known(state: GuardState) -> int:
    """Return where the last window ends that is sure to be."""
    return max(state.cleared, *state.ends, 0) if state.fixed_windows else state.submitted


def _stride(state: GuardState, start: int, policy: Policy) -> int:
    """Return the fresh tokens that a window needs if they begin at `start`."""
    if start == 0:
        return policy.first_stride
    in_trouble = state.span_rewinds and start <= state.trouble
    return policy.stride if in_trouble else min(max(start, policy.stride), policy.max_stride)
