"""Which policies hold text back that has no verdict, and what the log says of it."""

import logging

import pytest

from server.generation.failure import holds_unscored
from server.policy.policy import Mode, OnScorerFailure, Policy


@pytest.mark.parametrize(
    ("on_scorer_failure", "mode", "held"),
    [("closed", "enforce", True), ("open", "enforce", False), ("closed", "monitor", False), ("open", "monitor", False)],
)
def test_only_an_enforced_closed_policy_holds_it_back(
    on_scorer_failure: OnScorerFailure, mode: Mode, held: bool, caplog: pytest.LogCaptureFixture
) -> None:
    logging.getLogger("unsay").propagate = True
    with caplog.at_level("WARNING", "unsay.guard"):
        assert holds_unscored(Policy(on_scorer_failure=on_scorer_failure, mode=mode), "deadline") == held
    (record,) = caplog.records
    assert record.__dict__["reason"] == "deadline" and ("held back" in record.getMessage()) == held
