"""When the guard goes on trying, and what it tries."""

from typing import Any

import pytest

from server.guard.ladder import exhausted, rung
from server.guard.state import GuardState
from server.policy.policy import Policy

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


@pytest.mark.parametrize(
    ("span_rewinds", "strategy", "to"), [(0, "onset", 50), (1, "onset", 50), (2, "stride", 34), (3, "stride", 34)]
)
def test_the_second_half_of_the_budget_goes_a_stride_further_back(span_rewinds: int, strategy: str, to: int) -> None:
    assert rung(GuardState(span_rewinds=span_rewinds), POLICY, 50) == (strategy, to)


def test_no_rung_goes_behind_the_release_frontier() -> None:
    assert rung(GuardState(span_rewinds=2, released=45), POLICY, 50) == ("stride", 45)


def test_a_request_that_cannot_be_resumed_restarts() -> None:
    assert rung(GuardState(restart_only=True, span_rewinds=2), POLICY, 50) == ("restart", 0)
