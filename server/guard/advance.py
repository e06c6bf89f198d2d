"""The whole of the guard: one event in, the next state and its commands out.

1. Nothing is released before it was cleared, except in monitor mode and after a fail-open (`opened` counts those) or a
   concession (`concessions`) that the policy asks for.
2. `released` never shrinks, and no rewind goes back before it.
3. News of another attempt than the current one, of another window than the one in flight, or of a text that has ended,
   changes nothing.
4. One window is with the scorer at a time; what is drafted meanwhile goes into the next.
5. Every path through a flag spends a budget or makes text final, so every request ends.
6. Unless `on_unread` lets it pass, nothing leaves in any way once a window had text that the scorer does not read,
   until a window is read that shows all that has not left. At the end none will come: refused then, or at once.
"""

from dataclasses import replace
from typing import assert_never

from server.guard.commands import Command, Finish, Insert, Release, Rewind, Score
from server.guard.events import Cleared, Drafted, Ended, Event, Flagged, Inserted, ScorerFailed, TokenSpan
from server.guard.hold_back import frontier
from server.guard.ladder import exhausted, next_rewind
from server.guard.state import GuardState
from server.guard.windows import end as window_end
from server.guard.windows import ends as window_ends
from server.policy.policy import Policy

Step = tuple[GuardState, tuple[Command, ...]]
CUT_SHORT = frozenset({"abort", "error"})


def advance(state: GuardState, event: Event, policy: Policy) -> Step:
    """Take one step of one choice. Total: any event in any state gives a state, a stale one the same and no command."""
    if _stale(state, event) or (state.finished and policy.mode != "monitor"):
        return state, ()
    if policy.mode == "monitor":
        return _watch(state, event, policy)
    match event:
        case Drafted():
            return _submit(_drafted(state, event, policy), policy)
        case Ended(reason=reason):
            return _ended(state, reason, policy)
        case Cleared():
            return _read(_cleared(state, event.window), event, policy)
        case Flagged():
            return _flagged(state, event, policy)
        case ScorerFailed(window=window):
            return _failed(state, window, policy)
        case Inserted():
            return _inserted(state, event, policy)
        case _:
            assert_never(event)


def _stale(state: GuardState, event: Event) -> bool:
    if event.attempt != state.attempt:
        return True
    match event:
        case Drafted(drafted=drafted):
            return state.ended is not None or drafted <= state.drafted
        case Ended() | Inserted():
            return state.ended is not None
        case Cleared(window=window) | Flagged(window=window) | ScorerFailed(window=window):
            return window != state.in_flight
        case _:
            assert_never(event)


def _drafted(state: GuardState, event: Drafted, policy: Policy) -> GuardState:
    return replace(
        state,
        drafted=event.drafted,
        judgeable=max(state.submitted, event.judgeable),
        ends=window_ends(state, event.judgeable, policy),
        discarded=state.discarded + event.lost,
        alarmed=event.drafted if event.alarm else state.alarmed,
    )


def _ended(state: GuardState, reason: str, policy: Policy) -> Step:
    if reason in CUT_SHORT:
        return _finish(state, reason)
    return _submit(replace(_closing(state, policy), ended=reason, judgeable=state.drafted), policy)


def _closing(state: GuardState, policy: Policy) -> GuardState:
    """Ask for the last window: the answer as a whole, or as much of it as the policy allows."""
    return replace(state, closes_from=max(0, state.drafted - policy.closing_context))


def _submit(state: GuardState, policy: Policy) -> Step:
    """Give the scorer a window if it is idle and there is enough to judge; finish if all is judged."""
    if state.complete:
        return _release(state, policy)
    closes = state.ended is not None and not state.waiting
    end = state.judgeable if closes else window_end(state, policy)
    if state.in_flight or end is None:
        return state, ()
    start = max(state.conceded, state.cleared - policy.context)
    window = TokenSpan(min(start, state.closing) if closes else start, end)
    return replace(state, in_flight=window), (Score(state.attempt, window),)


def _cleared(state: GuardState, window: TokenSpan) -> GuardState:
    """Move the cleared mark; past the place that gave trouble a new span begins, with its own budget."""
    span_rewinds = 0 if window.end > state.trouble else state.span_rewinds
    return replace(state, cleared=window.end, reach=window.start, in_flight=None, span_rewinds=span_rewinds)


def _read(state: GuardState, event: Cleared, policy: Policy) -> Step:
    """Release what was cleared if it was read, or all that was not before is seen to be so now."""
    if policy.on_unread == "pass":
        return _release(state, policy)
    state = replace(state, unread=event.unread or (state.unread and event.window.start > state.released))
    return _refuse(state) if state.unread and policy.on_unread == "refuse" else _release(state, policy)


def _refuse(state: GuardState) -> Step:
    return _finish(replace(state, fallback="refused"), "content_filter")


def _release(state: GuardState, policy: Policy) -> Step:
    upto = frontier(state, policy.hold_back)
    sent: tuple[Command, ...] = (Release(upto),) if upto > state.released else ()
    state = replace(state, released=upto)
    if state.complete and state.ended is not None:
        state, more = _refuse(state) if state.unread else _finish(state, state.ended)
    else:
        state, more = _submit(state, policy)
    return state, sent + more


def _flagged(state: GuardState, event: Flagged, policy: Policy) -> Step:
    onset = min(max(event.onset, state.released), event.window.end - 1)
    state = replace(state, in_flight=None)
    if state.released >= event.window.end:
        return _too_late(state, event.window, policy)
    if exhausted(state, policy, spent=event.spent):
        unread = state.unread or (event.unread and policy.on_unread != "pass")
        return _refuse(state) if unread else _fall_back(state, event.window, onset, policy)
    way, to = next_rewind(state, policy, event.places, onset)
    rewinds, span_rewinds = state.rewinds + 1, state.span_rewinds + 1
    state = replace(_cut(state, to), rewinds=rewinds, span_rewinds=span_rewinds, trouble=max(onset, state.trouble))
    return state, (Rewind(state.attempt, to, state.span_rewinds, way),)


def _too_late(state: GuardState, window: TokenSpan, policy: Policy) -> Step:
    """Take a closing verdict on an answer without hold-back: all of it has left, so it can only be reported."""
    if policy.on_exhausted == "flag":
        return _concede(state, window, policy)
    return _refuse(state)


def _cut(state: GuardState, to: int) -> GuardState:
    """Return the state as a new attempt finds it: nothing was ever drafted from `to` on, except for what that cost."""
    return replace(
        state,
        attempt=state.attempt + 1,
        drafted=to,
        judgeable=min(state.judgeable, to),
        cleared=min(state.cleared, to),
        reach=min(state.reach, to),
        in_flight=None,
        ended=None,
        alarmed=min(state.alarmed, to),
        ends=(),
        discarded=state.discarded + state.drafted - to,
    )


def _fall_back(state: GuardState, window: TokenSpan, onset: int, policy: Policy) -> Step:
    """Fall back as the policy wants: no clean continuation was found within budget. The flagged text never leaves."""
    match policy.on_exhausted:
        case "truncate":
            return _truncate(state, min(onset, state.cleared))
        case "mask" if state.maskable and state.masks < max(1, policy.max_rewinds):
            state = replace(_cut(state, min(onset, state.cleared)), masks=state.masks + 1)
            return state, (Insert(state.attempt, state.drafted, "mask"),)
        case "flag":
            return _concede(state, window, policy)
        case _:
            return _refuse(state)


def _concede(state: GuardState, window: TokenSpan, policy: Policy) -> Step:
    """Let the least toxic candidate through. Without an earlier attempt at the span that is what stands there."""
    state = replace(state, concessions=state.concessions + 1)
    if state.restart_only or not state.span_rewinds:
        return _settle(replace(state, conceded=window.end), window.end, policy)
    state = _cut(state, state.released)
    return state, (Insert(state.attempt, state.drafted, "candidate"),)


def _truncate(state: GuardState, upto: int) -> Step:
    sent: tuple[Command, ...] = (Release(upto),) if upto > state.released else ()
    state, more = _finish(replace(state, fallback="truncated", released=max(upto, state.released)), "content_filter")
    return state, sent + more


def _inserted(state: GuardState, event: Inserted, policy: Policy) -> Step:
    count, end = event.drafted - state.drafted, event.drafted
    state = replace(state, drafted=end, judgeable=end, ended=event.ended)
    if event.put_back:
        state = replace(state, discarded=state.discarded - count, conceded=end)
    else:
        state = replace(state, written=state.written + count)
    return _settle(state, end, policy)


def _settle(state: GuardState, end: int, policy: Policy) -> Step:
    """Take what the policy puts or lets stand as final: it leaves unjudged, and a new span begins after it."""
    sent: tuple[Command, ...] = (Release(end),) if end > state.released else ()
    state = replace(state, cleared=end, released=end, in_flight=None, span_rewinds=0, trouble=end)
    state, more = _submit(state, policy)
    return state, sent + more


def _failed(state: GuardState, window: TokenSpan, policy: Policy) -> Step:
    if policy.on_scorer_failure == "open":
        return _release(_cleared(replace(state, opened=state.opened + 1), window), policy)
    return _refuse(state)


def _finish(state: GuardState, reason: str) -> Step:
    return replace(state, finished=True, in_flight=None), (Finish(reason),)


def _watch(state: GuardState, event: Event, policy: Policy) -> Step:
    """Release at once, score in parallel, change nothing: monitor mode."""
    commands: tuple[Command, ...] = ()
    match event:
        case Drafted():
            state = replace(_drafted(state, event, policy), released=event.drafted)
            commands = (Release(event.drafted),)
        case Ended(reason=reason):
            state = replace(_closing(state, policy), ended=reason, judgeable=state.drafted, finished=True)
            commands = (Finish(reason),)
        case Cleared(window=window):
            state = _cleared(state, window)
        case Flagged(window=window):
            end, concessions = window.end, state.concessions + 1
            state = replace(state, cleared=end, conceded=end, in_flight=None, concessions=concessions)
        case ScorerFailed(window=window):
            state = replace(_cleared(state, window), opened=state.opened + 1)
        case Inserted():
            return state, ()
        case _:
            assert_never(event)
    if state.complete:
        return state, commands
    state, more = _submit(state, policy)
    return state, commands + more
