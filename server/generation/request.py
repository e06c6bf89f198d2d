"""One HTTP request under guard: what the gateway decided about it, and how its choices ended.

The gateway sets it for the time of the request; the engine client finds it through a context variable, which tasks
inherit. Text that is generated outside any request (no gateway before it) falls under the default policy.
"""

from contextvars import ContextVar
from dataclasses import dataclass, field

from server.generation.report import Report
from server.policy.policy import Policy


@dataclass(slots=True)
class GuardedRequest:
    """`reports` by choice, in the numbering of the answer; `scorer_down` holds the reason once the scorer failed.

    `shut_down`: the server ended before the answer did.
    """

    policy: Policy
    wants_report: bool = True
    reports: dict[int, Report] = field(default_factory=dict)
    scorer_down: str | None = None
    shut_down: bool = False
    started: bool = False
    """Whether any generated text has been handed out."""
    _choices: int = 0

    def reserve(self, count: int) -> int:
        """Reserve numbers for `count` more choices; return the first."""
        first = self._choices
        self._choices += count
        return first


current: ContextVar[GuardedRequest | None] = ContextVar("unsay_request", default=None)
