"""What a policy holds text against, as the filters know it."""

from filters.standard import Standard
from filters.thresholds import Thresholds
from server.policy.policy import Policy


def standard(policy: Policy) -> Standard:
    """Return the thresholds of a policy, those of each of its languages complete."""
    languages = {code: Thresholds(policy.thresholds_in(code)) for code in policy.languages}
    return Standard(Thresholds(policy.thresholds), languages, minds_unread=policy.on_unread != "pass")
