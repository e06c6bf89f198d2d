"""What becomes of text that gets no verdict."""

import logging

from server.policy.policy import Policy

log = logging.getLogger("unsay.guard")


class ScorerDown(Exception):
    """The scorer gave no verdict and nothing of the answer has been released: the request may be tried again later."""


def holds_unscored(policy: Policy, reason: str) -> bool:
    """Log that a window has no verdict, and why; whether the policy holds its text back for that."""
    closed = policy.on_scorer_failure == "closed" and policy.mode == "enforce"
    log.warning("no verdict: text %s", "held back" if closed else "released unscored", extra={"reason": reason})
    return closed
