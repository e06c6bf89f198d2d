"""One HTTP request under guard: what the gateway decided about it, and how its choices ended.

The gateway sets it for the time of the request; the engine client finds it through a context variable, which tasks
inherit. Text that is generated outside any request (no gateway before it) falls under the default policy.
"""

from collections.abc import Awaitable, Callable, Hashable
from contextvars import ContextVar
from dataclasses import dataclass, field

from server.errors import RequestError
from server.generation.demand import Demand
from server.generation.report import Report
from server.generation.telling import ChoiceRecord
from server.generation.trace import Trace
from server.generation.tracing import UNTRACED, RequestSpans
from server.keys.key import ANYBODY, Key
from server.limits import Limits
from server.policy.policy import Policy


@dataclass(slots=True)
class GuardedRequest:
    """`reports` by choice, in the numbering of the answer; `scorer_down` holds the reason once the scorer failed.

    `client` is who takes turns with others at the scorer: each request for itself.
    `shut_down`: the server ended before the answer did. `key` is whose request it is. `tokens` are those of its prompts
    that the engine was given, and those of its answers so far: its usage, whatever becomes of the rest of it.
    """

    policy: Policy
    wants_report: bool = True
    wants_moderation: bool = False
    """Whether the answer says what moderation found in OpenAI's shape; it then waits for the prompt's verdict."""
    reports: dict[int, Report] = field(default_factory=dict)
    scorer_down: str | None = None
    unusable: RequestError | None = None
    """Why the request turned out to be one that cannot be done, or not now, once it was tried."""
    shut_down: bool = False
    started: bool = False
    """Whether any generated text has been handed out."""
    admitted: bool = False
    """Whether the server has taken it in: it is not refused later for want of capacity."""
    client: Hashable = field(default_factory=object)
    key: Key = ANYBODY
    user: str | None = None
    """For which user of its key the request is made, if it says so."""
    tokens: int = 0
    answered: dict[int, Callable[[], ChoiceRecord]] = field(default_factory=dict)
    """What tells of each choice what it has come to, by the numbers of the reports. It holds the whole choice."""
    unsettled: list[Callable[[], Awaitable[None]]] = field(default_factory=list)
    """What waits for the verdicts on choices that end before them."""
    spans: RequestSpans = UNTRACED
    """Takes what its operator traces of it."""
    trace: Trace | None = None
    """Takes what happens to its choices, if its client wants to be told."""
    _choices: int = 0
    _demand: Demand = field(default_factory=Demand)

    def demand_more(self, more: Demand, limits: Limits) -> None:
        """Ask for more than so far. BadRequest if that is more than one request may ask for."""
        demand = self._demand + more
        demand.check(limits)
        self._demand = demand

    def forget(self) -> None:
        """Let go of the choices: the request itself may be kept for long."""
        self.answered.clear()
        self.unsettled.clear()

    @property
    def choices(self) -> int:
        """How many choices it has asked for so far."""
        return self._choices

    def reserve(self, count: int) -> int:
        """Reserve numbers for `count` more choices; return the first."""
        first = self._choices
        self._choices += count
        return first


current: ContextVar[GuardedRequest | None] = ContextVar("unsay_request", default=None)
