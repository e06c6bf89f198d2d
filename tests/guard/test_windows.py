"""Where windows end: fixed ones by the text alone, whatever engine and scorer take their time over."""

from dataclasses import replace
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from server.guard.advance import advance
from server.guard.commands import Command, Finish, Release, Rewind, Score
from server.guard.events import Cleared, Drafted, Ended, Event, Flagged, TokenSpan
from server.guard.state import GuardState
from server.guard.windows import end, ends, leaves_waiting
from server.policy.policy import Policy
from tests.guard.policies import policies, seeds
from tests.properties import examples

LENGTH = 40
POLICY = Policy(first_stride=2, stride=4, max_stride=4, context=4, hold_back=1)
GROWING = Policy(first_stride=2, stride=4, max_stride=10, context=4, hold_back=1)
FIXED = GuardState(fixed_windows=True)


class Text:
    """A text that depends on the attempts only: at each place a token for each attempt, some bad, some a word's end."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.line: list[tuple[int, int]] = []

    def _chance(self, token: tuple[int, int], what: str) -> float:
        return Random(f"{self.seed}/{token}/{what}").random()

    def bad(self, at: int) -> bool:
        return self._chance(self.line[at], "bad") < 0.1

    def judgeable(self) -> int:
        return next((at for at in range(len(self.line), 0, -1) if self._chance(self.line[at - 1], "end") < 0.5), 0)


def told(policy: Policy, text: Text, timing: Random) -> list[Command]:
    """All that the guard decides about a text, with verdicts that come sooner or later."""
    state, asked, commands, over = FIXED, list[Score](), list[Command](), False
    while not state.finished:
        event: Event
        if asked and (over or timing.random() < 0.3):
            event = verdict(text, asked.pop())
        elif len(text.line) < LENGTH:
            text.line.append((len(text.line), state.attempt))
            event = Drafted(state.attempt, len(text.line), text.judgeable())
        else:
            over, event = True, Ended(state.attempt, "stop")
        state, more = advance(state, event, policy)
        for command in more:
            asked += [command] if isinstance(command, Score) else []
            if isinstance(command, Rewind):
                del text.line[command.to :]
                asked, over = [], False
        commands += more
    return commands


def verdict(text: Text, score: Score) -> Event:
    window = score.window
    onset = next((at for at in range(window.start, window.end) if text.bad(at)), None)
    return Cleared(score.attempt, window) if onset is None else Flagged(score.attempt, window, onset)


@examples(500)
@given(policies(), seeds, seeds, st.sampled_from(["refuse", "truncate"]))
def test_timing_decides_nothing_about_fixed_windows(policy: Policy, seed: int, timing: int, on_exhausted: str) -> None:
    policy = policy.model_copy(update={"on_exhausted": on_exhausted, "max_discarded_tokens": 10_000})
    one, other = (told(policy, Text(seed), Random(timing + more)) for more in range(2))
    assert decided(one) == decided(other)


def decided(commands: list[Command]) -> list[Command]:
    """What was decided; releases in a row are one: the last token may leave with those before it or after them."""
    kept = [command for command in commands if isinstance(command, Score | Rewind | Finish | Release)]
    pairs = zip(kept, [*kept[1:], None], strict=True)
    return [one for one, then in pairs if not (isinstance(one, Release) and isinstance(then, Release))]


def test_a_fixed_window_ends_at_the_first_place_a_stride_further_on() -> None:
    state = FIXED
    for drafted in range(1, 12):
        state, _ = advance(state, Drafted(0, drafted, drafted - drafted % 3), POLICY)
    assert state.in_flight == TokenSpan(0, 3)
    assert (state.ends, end(state, POLICY)) == ((3, 9), 3)
    assert advance(state, Cleared(0, TokenSpan(0, 3)), POLICY)[1] == (Release(2), Score(0, TokenSpan(0, 9)))


def grown(state: GuardState, length: int) -> tuple[int, ...]:
    """The ends of the fixed windows of a text whose every token ends a word."""
    for drafted in range(1, length + 1):
        state = replace(state, drafted=drafted, judgeable=drafted, ends=ends(state, drafted, GROWING))
    return state.ends


def test_windows_grow_with_what_was_cleared_before_them() -> None:
    assert grown(FIXED, 44) == (2, 6, 12, 22, 32, 42)


def test_windows_stay_short_up_to_where_the_text_gave_trouble() -> None:
    assert grown(replace(FIXED, span_rewinds=1, trouble=12), 40) == (2, 6, 10, 14, 24, 34)
    assert grown(replace(FIXED, trouble=12), 40) == (2, 6, 12, 22, 32), "it was overcome"


STATES = st.builds(GuardState, cleared=st.integers(0, 40), span_rewinds=st.integers(0, 1), trouble=st.integers(0, 40))


@given(policies(), STATES)
def test_a_window_never_waits_for_more_than_the_longest_stride(policy: Policy, state: GuardState) -> None:
    assert end(replace(state, judgeable=state.cleared + policy.max_stride), policy) == state.cleared + policy.max_stride
    assert end(replace(state, judgeable=state.cleared + policy.first_stride - 1), policy) is None


def test_an_ordinary_window_takes_all_that_can_be_judged() -> None:
    state = GuardState(cleared=3, judgeable=9, drafted=11)
    assert end(state, POLICY) == 9
    assert end(GuardState(cleared=8, judgeable=9, drafted=11), POLICY) is None
    assert ends(state, 11, POLICY) == ()


def test_tokens_that_reach_no_stride_can_wait() -> None:
    assert leaves_waiting(GuardState(ends=(3, 9), fixed_windows=True), 12, POLICY)
    assert not leaves_waiting(GuardState(ends=(3, 9), fixed_windows=True), 13, POLICY)


def test_after_an_alarm_a_window_takes_what_there_is_until_its_place_is_cleared() -> None:
    before = GuardState(judgeable=20, drafted=20, cleared=20, released=16)
    calm, nothing = advance(before, Drafted(0, 22, 22), GROWING)
    assert nothing == () and calm.alarmed == 0
    state, (asked,) = advance(before, Drafted(0, 24, 22, alarm=True), GROWING)
    assert isinstance(asked, Score) and asked.window == TokenSpan(16, 22) and state.alarmed == 24
    state, _ = advance(state, Cleared(0, asked.window), GROWING)
    state, (again,) = advance(state, Drafted(0, 25, 24), GROWING)
    assert isinstance(again, Score) and again.window.end == 24, "the place of the alarm is judged as soon as it can be"
    state, _ = advance(state, Cleared(0, again.window), GROWING)
    assert advance(state, Drafted(0, 27, 27), GROWING)[1] == (), "from there on it waits for a stride again"


def test_a_rewind_takes_the_alarm_back() -> None:
    state, (asked,) = advance(GuardState(), Drafted(0, 9, 8, alarm=True), GROWING)
    assert isinstance(asked, Score)
    state, _ = advance(state, Flagged(0, asked.window, onset=5), GROWING)
    assert state.drafted == 5 and state.alarmed == 5


def test_fixed_windows_know_no_alarm() -> None:
    state = replace(FIXED, drafted=20, judgeable=20, cleared=20, released=16)
    assert advance(state, Drafted(0, 22, 22, alarm=True), GROWING)[1] == ()
