"""What the scorer does not read never leaves, where the policy does not let it pass (rule 6 of advance.py)."""

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.guard.advance import advance
from server.guard.commands import Command, Finish, Release, Score
from server.guard.events import Cleared, Drafted, Ended, Event, Flagged, ScorerFailed, TokenSpan
from server.guard.state import GuardState
from server.policy.policy import Policy
from tests.guard.policies import policies, seeds
from tests.guard.world import Token, Verdict, World, whimsical
from tests.properties import examples

UNREAD = 7
HOLDING = Policy(first_stride=2, stride=4, max_stride=4, context=8, hold_back=1, on_unread="hold")
LETTING = HOLDING.model_copy(update={"on_unread": "pass"})
REFUSING = HOLDING.model_copy(update={"on_unread": "refuse"})


def _telling(flag: float) -> Verdict:
    """A scorer that flags by chance, and tells whether it sees anything unread that has not left yet."""
    whim = whimsical(flag)

    def verdict(world: World, score: Score, tokens: list[Token]) -> Event:
        event = whim(world, score, tokens)
        assert isinstance(event, Cleared | Flagged)
        sent = set(map(id, world.sent))
        return replace(event, unread=any(token.value == UNREAD and id(token) not in sent for token in tokens))

    return verdict


@examples(400)
@given(
    policies(), seeds, st.sampled_from(["hold", "refuse"]), st.sampled_from([0.0, 0.3]), st.booleans(), st.booleans()
)
def test_no_unread_token_ever_leaves(
    policy: Policy, seed: int, on_unread: str, flag: float, whole: bool, fixed: bool
) -> None:
    random = Random(seed)
    share = random.choice((0.0, 0.02, 0.2))
    world = World(
        policy.model_copy(update={"on_unread": on_unread}),
        random,
        _telling(flag),
        sample=lambda world, at: UNREAD if random.random() < share else 0,
        state=GuardState(whole=whole, fixed_windows=fixed),
    ).run()
    assert all(token.value != UNREAD for token in world.sent)
    assert (world.finish == "content_filter") == bool(world.state.fallback)
    if not flag and UNREAD not in {token.value for token in world.line}:
        assert world.sent == world.line, "what is read leaves whole"


def _after(policy: Policy, *windows: tuple[int, int, bool]) -> tuple[GuardState, list[Command]]:
    """Where a choice stands whose windows were cleared one after another; the third says whether one was unread."""
    state, told = GuardState(), list[Command]()
    for start, stop, unread in windows:
        state = advance(state, Drafted(0, stop, stop), policy)[0]
        assert state.in_flight == TokenSpan(start, stop)
        state, commands = advance(state, Cleared(0, TokenSpan(start, stop), unread), policy)
        told += commands
    return state, told


def test_nothing_leaves_from_an_unread_window_on() -> None:
    _, told = _after(HOLDING, (0, 4, False), (0, 8, True))
    assert told == [Release(3)]
    assert _after(LETTING, (0, 4, False), (0, 8, True))[1] == [Release(3), Release(7)]


def test_what_turns_out_to_be_read_leaves_after_all() -> None:
    _, told = _after(HOLDING, (0, 4, True), (0, 8, False))
    assert told == [Release(7)]


def test_a_window_that_does_not_show_all_that_is_held_proves_nothing() -> None:
    state, told = _after(HOLDING, (0, 4, True), (0, 8, True), (0, 12, True), (4, 16, False))
    assert told == [] and state.unread


def test_at_the_end_what_is_still_unread_is_refused() -> None:
    state, _ = _after(HOLDING, (0, 4, False), (0, 8, True))
    state = advance(state, Drafted(0, 9, 9), HOLDING)[0]
    state, (score,) = advance(state, Ended(0, "stop"), HOLDING)
    assert score == Score(0, TokenSpan(0, 9)), "the answer as a whole is looked at first"
    done, commands = advance(state, Cleared(0, TokenSpan(0, 9), True), HOLDING)
    assert commands == (Finish("content_filter"),)
    assert (done.action, done.released) == ("refused", 3)
    _, commands = advance(state, Cleared(0, TokenSpan(0, 9), False), HOLDING)
    assert commands == (Release(9), Finish("stop"))


def test_where_it_is_refused_the_answer_ends_at_once() -> None:
    state, told = _after(REFUSING, (0, 4, False), (0, 8, True))
    assert told == [Release(3), Finish("content_filter")]
    assert (state.action, state.released) == ("refused", 3)


@pytest.mark.parametrize("on_exhausted", ["refuse", "truncate", "mask", "flag"])
@pytest.mark.parametrize("unread", [True, False])
def test_no_fallback_lets_out_what_is_held(on_exhausted: str, unread: bool) -> None:
    policy = HOLDING.model_copy(update={"on_exhausted": on_exhausted, "max_rewinds": 0})
    state, _ = _after(policy, (0, 4, not unread))
    state = advance(state, Drafted(0, 8, 8), policy)[0]
    window = TokenSpan(0, 8)
    state, commands = advance(state, Flagged(0, window, 5, unread=unread), policy)
    assert commands == (Finish("content_filter"),) and state.action == "refused"


def test_a_scorer_that_fails_does_not_make_it_read() -> None:
    policy = HOLDING.model_copy(update={"on_scorer_failure": "open"})
    state, _ = _after(policy, (0, 4, True))
    state = advance(state, Drafted(0, 8, 8), policy)[0]
    state, commands = advance(state, ScorerFailed(0, TokenSpan(0, 8)), policy)
    assert state.unread and commands == ()
