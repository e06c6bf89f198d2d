"""The port through which a generation tells what happened. `server.telemetry.metrics.Metrics` is the one in service."""

from collections.abc import Mapping
from typing import Literal, Protocol

Judgement = Literal["cleared", "flagged", "failed"]
Outcome = Literal["cleared", "flagged", "exhausted"]
Fate = Literal["released", "discarded"]


class Observer(Protocol):
    """Counts and times; every call costs about a microsecond."""

    def span_judged(self, verdict: Judgement, category: str, policy: str, model: str) -> None: ...

    def prompt_judged(self, verdict: Judgement, category: str, policy: str, model: str) -> None: ...

    def scores_seen(self, scores: Mapping[str, float]) -> None: ...

    def rewound(self, strategy: str, outcome: Outcome) -> None: ...

    def request_finished(self, action: str, route: str, policy: str) -> None: ...

    def tokens(self, fate: Fate, count: int) -> None: ...

    def held(self, seconds: float) -> None: ...

    def first_release(self, seconds: float) -> None: ...

    def rewind_took(self, seconds: float) -> None: ...
