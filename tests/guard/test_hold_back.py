"""The hold-back theorem, and the proof that it is tight."""

from dataclasses import replace
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from server.guard.commands import Release, Rewind, Score
from server.guard.events import Cleared, Event, Flagged
from server.guard.hold_back import frontier
from server.guard.state import GuardState
from server.policy.policy import Policy
from tests.guard.policies import seeds
from tests.guard.world import Token, World
from tests.properties import examples

BAD = 1


class Watch:
    """An exact scorer for runs of `length` bad tokens, that notes of which spans a token had left already.

    `leaks`: those that stood there when the token left; `joined`: those that a later rewind has made.
    """

    def __init__(self, length: int) -> None:
        self.length = length
        self.leaks: list[int] = []
        self.joined: list[int] = []

    def __call__(self, world: World, score: Score, tokens: list[Token]) -> Event:
        for index in range(len(tokens) - self.length + 1):
            if all(token.value == BAD for token in tokens[index : index + self.length]):
                onset = score.window.start + index
                self.note(world, onset)
                return Flagged(score.attempt, score.window, onset)
        return Cleared(score.attempt, score.window)

    def note(self, world: World, onset: int) -> None:
        if onset < world.state.released:
            left_at = next(i for i, c in enumerate(world.commands) if isinstance(c, Release) and c.upto > onset)
            later = [c.to for c in world.commands[left_at:] if isinstance(c, Rewind)]
            (self.joined if any(to < onset + self.length for to in later) else self.leaks).append(onset)


def _run(
    length: int, hold_back: int, extra_context: int, stride: int, seed: int, *, fixed: bool = False
) -> tuple[World, Watch]:
    policy = Policy(
        first_stride=1,
        stride=stride,
        context=length - 1 + extra_context,
        hold_back=hold_back,
        max_rewinds=100,
        max_rewinds_per_span=8,
        max_discarded_tokens=10_000,
    )
    watch = Watch(length)
    state = GuardState(fixed_windows=fixed)
    world = World(policy, Random(seed), watch, lambda world, at: BAD if world.random.random() < 0.6 else 0, state=state)
    world.run()
    return world, watch


def _holds_a_span(tokens: list[Token], length: int) -> bool:
    line = "".join(str(token.value) for token in tokens)
    return str(BAD) * length in line


spans = st.integers(1, 6)
extras = st.integers(0, 4)
strides = st.integers(1, 9)


@examples(500)
@given(spans, extras, strides, seeds, st.booleans())
def test_a_hold_back_of_h_hides_every_token_of_a_flagged_span_of_h_plus_one(
    length: int, extra_context: int, stride: int, seed: int, fixed: bool
) -> None:
    _, watch = _run(length, length - 1, extra_context, stride, seed, fixed=fixed)
    assert watch.leaks == []


@examples(300)
@given(spans, st.integers(0, 5), strides, seeds, st.booleans())
def test_no_span_that_fits_the_context_leaves_whole_whatever_is_held(
    length: int, hold_back: int, stride: int, seed: int, fixed: bool
) -> None:
    world, _ = _run(length, min(hold_back, length - 1), 0, stride, seed, fixed=fixed)
    assert not _holds_a_span(world.sent, length)


def test_one_token_less_leaks() -> None:
    for length in range(2, 6):
        assert any(_run(length, length - 2, 4, 2, seed)[1].leaks for seed in range(100)), length


def test_a_context_that_is_too_short_lets_whole_spans_out() -> None:
    """The theorem's other condition is needed too: this is why a policy refuses hold_back > context."""

    def leaves_whole(seed: int) -> bool:
        return _holds_a_span(_run(4, 0, -2, 1, seed)[0].sent, 4)

    assert any(leaves_whole(seed) for seed in range(100))


def test_only_a_rewind_into_held_text_makes_a_released_token_part_of_a_flagged_span() -> None:
    """It does happen: the third rule is no idle one."""
    assert any(_run(2, 1, 0, 2, seed)[1].joined for seed in range(500))


def test_the_frontier_keeps_the_hold_back_behind_what_is_cleared() -> None:
    state = GuardState(released=2, cleared=10, drafted=12)
    assert frontier(state, 0) == 10
    assert frontier(state, 4) == 6
    assert frontier(state, 20) == 2


def test_an_answer_in_one_piece_stays_where_it_is_until_it_is_complete() -> None:
    state = GuardState(released=2, cleared=10, drafted=10, whole=True)
    assert frontier(state, 0) == 2
    assert frontier(replace(state, ended="stop"), 0) == 10


def test_the_frontier_is_the_end_once_all_is_cleared() -> None:
    assert frontier(GuardState(released=2, cleared=10, drafted=10, ended="stop"), 4) == 10
    assert frontier(GuardState(released=2, cleared=10, drafted=10), 4) == 6
