"""Guarded requests and reports for the tests of the API."""

from typing import Any

from server.generation.report import Report
from server.generation.request import GuardedRequest
from server.guard.state import Action
from server.policy.policy import Policy


def report(action: Action = "clean", **more: Any) -> Report:
    return Report("default", "enforce", action, withheld=action in ("refused", "truncated"), **more)


def request(*reports: Report, wants_report: bool = True) -> GuardedRequest:
    """A request whose choices have these reports, in order."""
    made = GuardedRequest(Policy(), wants_report)
    made.reports.update(enumerate(reports))
    made.started = True
    return made
