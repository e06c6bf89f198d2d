"""When the guard goes on trying, and what it tries."""

from dataclasses import replace
from typing import Any

import pytest

from server.guard.commands import WAYS
from server.guard.events import Places
from server.guard.ladder import RUNGS, exhausted, meaning, next_rewind
from server.guard.state import GuardState
from server.policy.policy import STRATEGIES, Policy

POLICY = Policy(max_rewinds=5, max_rewinds_per_span=3, max_discarded_tokens=100, stride=16)


@pytest.mark.parametrize(
    ("state", "spent", "over"),
    [
        ({}, False, False),
        ({}, True, True),
        ({"rewinds": 4}, False, False),
        ({"rewinds": 5}, False, True),
        ({"span_rewinds": 2}, False, False),
        ({"span_rewinds": 3}, False, True),
        ({"discarded": 99}, False, False),
        ({"discarded": 100}, False, True),
        ({"restart_only": True}, False, False),
        ({"restart_only": True, "released": 1}, False, True),
        ({"released": 1}, False, False),
    ],
)
def test_each_budget_by_itself_ends_the_trying(state: dict[str, Any], spent: bool, over: bool) -> None:
    assert exhausted(GuardState(**state), POLICY, spent=spent) is over


def test_a_policy_without_rewinds_never_tries() -> None:
    for budget in ("max_rewinds", "max_rewinds_per_span", "max_discarded_tokens"):
        assert exhausted(GuardState(), POLICY.model_copy(update={budget: 0}), spent=False), budget


def test_the_words_of_a_policys_ladder_are_those_of_the_table() -> None:
    assert tuple(RUNGS) == STRATEGIES


def test_every_rung_changes_something_else() -> None:
    assert len({meaning(way) for way in WAYS}) == len(WAYS) == len(RUNGS) + 1


LADDER = Policy(ladder=("resample", "ban", "clause", "sentence", "previous_sentence", "candidates", "steer", "self"))
PLACES = Places(clause=44, sentence=31, previous_sentence=12)


@pytest.mark.parametrize(
    ("span_rewinds", "strategy", "to"),
    [
        (0, "resample", 50),
        (1, "ban", 50),
        (2, "clause", 44),
        (3, "sentence", 31),
        (4, "previous_sentence", 12),
        (5, "candidates", 50),
        (6, "steer", 50),
        (7, "self", 50),
        (40, "self", 50),
    ],
)
def test_the_ladder_is_climbed_rung_by_rung_and_its_last_one_repeated(
    span_rewinds: int, strategy: str, to: int
) -> None:
    assert next_rewind(GuardState(span_rewinds=span_rewinds), LADDER, PLACES, 50) == (strategy, to)


@pytest.mark.parametrize(("span_rewinds", "to"), [(2, 45), (3, 45), (4, 45), (0, 50)])
def test_no_rung_goes_behind_the_release_frontier(span_rewinds: int, to: int) -> None:
    assert next_rewind(GuardState(span_rewinds=span_rewinds, released=45), LADDER, PLACES, 50)[1] == to


def test_no_rung_goes_past_the_onset() -> None:
    """The clause is that of the onset as the scorer found it, which may lie in text that is out already."""
    assert next_rewind(GuardState(span_rewinds=2), LADDER, replace(PLACES, clause=58), 50) == ("clause", 50)


def test_a_request_that_cannot_be_resumed_restarts() -> None:
    assert next_rewind(GuardState(restart_only=True, span_rewinds=2), LADDER, PLACES, 50) == ("restart", 0)
