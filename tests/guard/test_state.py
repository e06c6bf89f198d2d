"""What a state says of itself."""

from typing import Any

import pytest

from server.guard.events import TokenSpan
from server.guard.state import ACTIONS, GuardState


@pytest.mark.parametrize(
    ("state", "action"),
    [
        ({}, "clean"),
        ({"rewinds": 1}, "rewound"),
        ({"rewinds": 1, "masks": 1}, "masked"),
        ({"masks": 1, "concessions": 1}, "flagged"),
        ({"concessions": 1, "opened": 1}, "unguarded"),
        ({"opened": 1, "fallback": "refused"}, "unguarded"),
        ({"rewinds": 3, "fallback": "truncated"}, "truncated"),
    ],
)
def test_the_action_is_the_gravest_thing_that_happened(state: dict[str, Any], action: str) -> None:
    assert GuardState(**state).action == action


def test_the_actions_stand_from_the_gravest_on() -> None:
    assert ACTIONS == ("unguarded", "refused", "truncated", "flagged", "masked", "rewound", "clean")


def test_submitted_is_the_end_of_what_the_scorer_has_seen() -> None:
    assert GuardState(cleared=4).submitted == 4
    assert GuardState(cleared=4, in_flight=TokenSpan(2, 9)).submitted == 9


def test_complete_means_ended_and_all_cleared() -> None:
    assert GuardState(ended="stop", cleared=4, drafted=4).complete
    assert not GuardState(ended="stop", cleared=3, drafted=4).complete
    assert not GuardState(cleared=4, drafted=4).complete
