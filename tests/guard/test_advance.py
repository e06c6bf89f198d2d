"""The guard keeps its promises in a world that does its worst (design.md, promises 1, 2, 3, 5 and 6)."""

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.guard.advance import advance
from server.guard.commands import Finish, Insert, Release, Rewind, Score
from server.guard.events import Cleared, Drafted, Ended, Event, Flagged, Inserted, ScorerFailed, TokenSpan
from server.guard.state import GuardState
from server.guard.windows import leaves_waiting
from server.policy.policy import Policy
from tests.guard.policies import policies, seeds
from tests.guard.world import MOST_LOST, Token, World, clearing, whimsical
from tests.properties import examples

BAD, GOOD = 1, 0
AMPLE = {"max_rewinds": 1000, "max_rewinds_per_span": 1000, "max_discarded_tokens": 100_000}


@pytest.mark.timeout(120)
@examples(1500)
@given(
    policies(),
    seeds,
    st.sampled_from([0.0, 0.2, 0.6, 1.0]),
    st.sampled_from([0.0, 0.1]),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
def test_every_promise_holds_whatever_engine_and_scorer_do(
    policy: Policy, seed: int, flag: float, fail: float, restart_only: bool, whole: bool, fixed: bool
) -> None:
    world = World(
        policy,
        Random(seed),
        whimsical(flag, fail),
        endings=("stop", "length", "abort", "error"),
        state=GuardState(restart_only=restart_only, whole=whole, fixed_windows=fixed),
    ).run()
    _check_budgets(world)
    _check_ending(world)


def _check_budgets(world: World) -> None:
    rewinds = [command for command in world.commands if isinstance(command, Rewind)]
    inserts = [command for command in world.commands if isinstance(command, Insert)]
    policy = world.policy
    assert len(rewinds) == world.state.rewinds <= policy.max_rewinds
    assert len(inserts) <= max(1, policy.max_rewinds)
    if rewinds:
        assert world.dropped_by_rewinds < policy.max_discarded_tokens + world.longest + MOST_LOST
    assert world.sampled <= (1 + len(rewinds) + len(inserts)) * (world.longest + MOST_LOST)


def _check_ending(world: World) -> None:
    """The engine's reason comes with the whole text of its last attempt, any other ending is a content filter."""
    if world.state.fallback:
        assert world.finish == "content_filter"
    else:
        assert world.finish == world.ended
        assert world.finish in ("abort", "error") or world.sent == world.line


@examples(300)
@given(policies(), seeds, st.sampled_from(["stop", "length"]), st.booleans(), st.booleans())
def test_clean_text_leaves_whole_and_unchanged(
    policy: Policy, seed: int, reason: str, restart_only: bool, fixed: bool
) -> None:
    state = GuardState(restart_only=restart_only, fixed_windows=fixed)
    world = World(policy, Random(seed), clearing, endings=(reason,), state=state).run()
    assert world.sent == world.line
    assert (world.finish, world.sampled, world.state.action) == (reason, len(world.line), "clean")


def _exact(world: World, score: Score, tokens: list[Token]) -> Event:
    """Flags a window from its first bad token on."""
    for index, token in enumerate(tokens):
        if token.value == BAD:
            return Flagged(score.attempt, score.window, score.window.start + index)
    return Cleared(score.attempt, score.window)


@examples(300)
@given(policies(), seeds, st.sets(st.integers(0, 39)))
def test_only_what_is_bad_is_replaced_whatever_the_timing(policy: Policy, seed: int, bad: set[int]) -> None:
    """A bad token is drawn once at each bad place: with budget enough, nothing of the rest is lost."""
    policy = policy.model_copy(update=AMPLE)

    def sample(world: World, at: int) -> int:
        first = at in bad and not any(isinstance(c, Rewind) and c.to <= at for c in world.commands)
        return BAD if first else GOOD

    world = World(policy, Random(seed), _exact, sample, endings=("stop",)).run()
    assert all(token.value == GOOD for token in world.sent)
    assert world.finish == "stop"
    assert world.sent == world.line


@examples(300)
@given(policies("monitor"), seeds, st.sampled_from([0.0, 0.3, 1.0]), st.sampled_from([0.0, 0.3]))
def test_monitor_mode_releases_at_once_and_scores_everything_behind_it(
    policy: Policy, seed: int, flag: float, fail: float
) -> None:
    world = World(policy, Random(seed), whimsical(flag, fail), late_events=False)
    while world.finish is None:
        world.draft()
        assert world.sent == world.line
    world.run()
    assert world.finish == world.ended
    assert world.state.cleared == len(world.line), "something was never scored"
    _check_no_gap([c.window for c in world.commands if isinstance(c, Score)], len(world.line))


def _check_no_gap(windows: list[TokenSpan], length: int) -> None:
    reached = 0
    for window in windows:
        assert window.start <= reached < window.end
        reached = window.end
    assert reached == length


# Single steps.

POLICY = Policy(first_stride=2, stride=4, context=4, hold_back=1, max_rewinds=4, max_rewinds_per_span=2)
FLYING = GuardState(released=3, cleared=4, judgeable=9, drafted=10, attempt=2, in_flight=TokenSpan(0, 8))


@pytest.mark.parametrize(
    "event",
    [
        Drafted(1, 12, 12),
        Ended(1, "stop"),
        Cleared(1, TokenSpan(0, 8)),
        Cleared(2, TokenSpan(0, 6)),
        Flagged(1, TokenSpan(0, 8), 5),
        Flagged(2, TokenSpan(2, 8), 5),
        ScorerFailed(1, TokenSpan(0, 8)),
        ScorerFailed(2, TokenSpan(0, 7)),
        Inserted(1, 12),
    ],
)
@pytest.mark.parametrize("mode", ["enforce", "monitor"])
def test_stale_news_changes_nothing(event: Event, mode: str) -> None:
    assert advance(FLYING, event, POLICY.model_copy(update={"mode": mode})) == (FLYING, ())


def test_in_monitor_mode_nothing_stands_in_for_anything() -> None:
    state = GuardState(released=6, cleared=2, drafted=6)
    assert advance(state, Inserted(0, 6), POLICY.model_copy(update={"mode": "monitor"})) == (state, ())


def test_nothing_is_scored_before_the_first_stride() -> None:
    state, commands = advance(GuardState(), Drafted(0, 5, 1), POLICY)
    assert commands == ()
    _, commands = advance(state, Drafted(0, 6, 2), POLICY)
    assert commands == (Score(0, TokenSpan(0, 2)),)


def test_the_rest_is_scored_at_the_end_however_short() -> None:
    _, commands = advance(GuardState(drafted=1, judgeable=0), Ended(0, "stop"), POLICY)
    assert commands == (Score(0, TokenSpan(0, 1)),)


def test_an_empty_answer_ends_at_once() -> None:
    state, commands = advance(GuardState(), Ended(0, "stop"), POLICY)
    assert commands == (Finish("stop"),)
    assert state.finished


def test_a_verdict_releases_up_to_the_hold_back_and_asks_on() -> None:
    state = replace(FLYING, judgeable=20, drafted=20)
    _, commands = advance(state, Cleared(2, TokenSpan(0, 8)), POLICY)
    assert commands == (Release(7), Score(2, TokenSpan(4, 20)))


def test_a_flag_rewinds_to_the_onset() -> None:
    state, commands = advance(FLYING, Flagged(2, TokenSpan(0, 8), 6), POLICY)
    assert commands == (Rewind(3, 6, 1, "ban"),)
    assert (state.attempt, state.drafted, state.cleared, state.released) == (3, 6, 4, 3)
    assert state.discarded == 4


@pytest.mark.parametrize("reason", ["abort", "error"])
def test_a_text_cut_short_in_the_engine_ends_with_what_was_released(reason: str) -> None:
    state, commands = advance(FLYING, Ended(2, reason), POLICY)
    assert commands == (Finish(reason),)
    assert state.released == 3


def _exhausted(on_exhausted: str) -> Policy:
    return POLICY.model_copy(update={"max_rewinds": 0, "on_exhausted": on_exhausted})


def test_a_spent_budget_refuses() -> None:
    state, commands = advance(FLYING, Flagged(2, TokenSpan(0, 8), 6), _exhausted("refuse"))
    assert commands == (Finish("content_filter"),)
    assert (state.action, state.released) == ("refused", 3)


@pytest.mark.parametrize(("onset", "upto"), [(3, 3), (4, 4), (6, 4)])
def test_a_spent_budget_truncates_before_the_onset_and_what_is_not_cleared(onset: int, upto: int) -> None:
    state, commands = advance(FLYING, Flagged(2, TokenSpan(0, 8), onset), _exhausted("truncate"))
    assert commands == ((Release(upto),) if upto > 3 else ()) + (Finish("content_filter"),)
    assert (state.action, state.released) == ("truncated", upto)


def test_a_spent_budget_masks_and_goes_on() -> None:
    policy = _exhausted("mask")
    state, commands = advance(FLYING, Flagged(2, TokenSpan(0, 8), 6), policy)
    assert commands == (Insert(3, 4, "mask"),)
    state, commands = advance(state, Inserted(3, 6), policy)
    assert commands == (Release(6),)
    assert (state.action, state.drafted, state.written) == ("masked", 6, 2)


def test_a_mask_that_completes_a_stop_string_ends_the_text() -> None:
    policy = _exhausted("mask")
    state, _ = advance(FLYING, Flagged(2, TokenSpan(0, 8), 6), policy)
    _, commands = advance(state, Inserted(3, 6, ended="stop"), policy)
    assert commands == (Release(6), Finish("stop"))


def test_a_spent_budget_lets_the_only_candidate_stand() -> None:
    state, commands = advance(FLYING, Flagged(2, TokenSpan(0, 8), 6), _exhausted("flag"))
    assert commands == (Release(8),)
    assert (state.action, state.attempt, state.discarded) == ("flagged", 2, 0)


def test_a_spent_budget_of_a_span_puts_the_best_candidate_back() -> None:
    policy = POLICY.model_copy(update={"on_exhausted": "flag"})
    state = replace(FLYING, span_rewinds=2, discarded=30)
    state, commands = advance(state, Flagged(2, TokenSpan(0, 8), 6), policy)
    assert commands == (Insert(3, 3, "candidate"),)
    state, commands = advance(state, Inserted(3, 9, put_back=True), policy)
    assert commands == (Release(9),)
    assert (state.action, state.discarded) == ("flagged", 30 + 7 - 6)


def test_what_was_let_through_is_no_context_for_what_follows() -> None:
    state, _ = advance(FLYING, Flagged(2, TokenSpan(0, 8), 6), _exhausted("flag"))
    _, commands = advance(state, Drafted(2, 20, 20), _exhausted("flag"))
    assert commands == (Score(2, TokenSpan(8, 20)),)


def test_a_failed_scorer_closes_the_answer() -> None:
    state, commands = advance(FLYING, ScorerFailed(2, TokenSpan(0, 8)), POLICY)
    assert commands == (Finish("content_filter"),)
    assert (state.action, state.released) == ("refused", 3)


def test_a_failed_scorer_lets_text_pass_where_the_policy_is_open_and_says_so() -> None:
    policy = POLICY.model_copy(update={"on_scorer_failure": "open"})
    state, commands = advance(FLYING, ScorerFailed(2, TokenSpan(0, 8)), policy)
    assert commands == (Release(7),)
    assert state.action == "unguarded"


def test_a_new_span_has_a_budget_of_its_own() -> None:
    state = replace(FLYING, span_rewinds=2, trouble=7)
    assert advance(state, Cleared(2, TokenSpan(0, 8)), POLICY)[0].span_rewinds == 0
    assert advance(replace(state, trouble=8), Cleared(2, TokenSpan(0, 8)), POLICY)[0].span_rewinds == 2


def test_the_place_that_gave_trouble_is_the_last_one_that_did() -> None:
    """A flag further back, on the way to it, does not make a new span of it."""
    state, _ = advance(replace(FLYING, trouble=7, span_rewinds=1), Flagged(2, TokenSpan(0, 8), 5), POLICY)
    assert (state.trouble, state.span_rewinds) == (7, 2)


@given(policies(), seeds, st.sampled_from([0.0, 0.3]))
def test_an_answer_was_cleared_as_a_whole(policy: Policy, seed: int, flag: float) -> None:
    world = World(policy, Random(seed), whimsical(flag), endings=("stop", "length")).run()
    by_policy = world.state.concessions or world.state.masks
    if world.finish == "content_filter" or by_policy or not world.line:
        return
    whole = set(world.line[max(0, len(world.line) - policy.closing_context) :])
    assert any(whole <= set(window) for window in world.cleared)


@pytest.mark.parametrize(("on_exhausted", "reason"), [("refuse", "content_filter"), ("flag", "length")])
def test_a_closing_flag_on_text_that_has_all_left_is_told(on_exhausted: str, reason: str) -> None:
    policy = Policy.model_validate(
        {"hold_back": 0, "context": 0, "first_stride": 2, "stride": 2, "on_exhausted": on_exhausted}
    )
    state, commands = advance(GuardState(), Drafted(0, 2, 2), policy)
    for end in (2, 4):
        state, _ = advance(state, Drafted(0, end, end), policy)
        state, commands = advance(state, Cleared(0, TokenSpan(end - 2, end)), policy)
    assert commands == (Release(4),)
    state, commands = advance(state, Ended(0, "length"), policy)
    assert commands == (Score(0, TokenSpan(0, 4)),)
    state, commands = advance(state, Flagged(0, TokenSpan(0, 4), onset=1), policy)
    assert commands == (Finish(reason),)


@given(policies(), seeds, st.booleans())
def test_of_tokens_that_leave_it_waiting_the_guard_may_hear_later(policy: Policy, seed: int, fixed: bool) -> None:
    world = World(policy, Random(seed), whimsical(0.3, 0.05), state=GuardState(fixed_windows=fixed))
    for _ in range(40):
        for drafted in range(world.state.drafted + 1, world.state.drafted + policy.stride + 2):
            if leaves_waiting(world.state, drafted, policy):
                _check_waiting(world.state, drafted, policy)
        if world.state.finished:
            return
        world.step()


def _check_waiting(state: GuardState, drafted: int, policy: Policy) -> None:
    """Nothing comes of them, and nothing else of a verdict, whether they can be judged or the guard has not asked."""
    known, nothing = advance(state, Drafted(state.attempt, drafted, drafted), policy)
    unknown, nothing_either = advance(state, Drafted(state.attempt, drafted, 0), policy)
    assert nothing == nothing_either == ()
    if state.in_flight is not None:
        verdict = Cleared(state.attempt, state.in_flight)
        assert advance(known, verdict, policy)[1] == advance(unknown, verdict, policy)[1]
        assert advance(state, verdict, policy)[1] == advance(known, verdict, policy)[1]


def test_a_watching_guard_hears_of_every_token() -> None:
    assert not leaves_waiting(GuardState(), 1, Policy(mode="monitor"))
