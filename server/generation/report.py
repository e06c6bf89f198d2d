"""What the guard did to one choice, for the answer, the metrics and the log. Never holds text."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from server.guard.state import GuardState


@dataclass(slots=True)
class Tally:
    """Counts of one choice while it runs."""

    spans_scored: int = 0
    spans_flagged: int = 0
    scores: dict[str, float] = field(default_factory=dict)
    strategies: list[str] = field(default_factory=list)
    filtered: set[str] = field(default_factory=set)
    """The leading categories of the flagged spans."""
    failure: str | None = None
    """Why the scorer gave no verdict, if it did not."""

    def judged(self) -> None:
        self.spans_scored += 1

    def flagged(self, category: str) -> None:
        self.spans_flagged += 1
        self.filtered.add(category)

    def keep(self, scores: Mapping[str, float]) -> None:
        """Remember the highest score of each category among the spans that were let through."""
        for category, score in scores.items():
            if score > self.scores.get(category, -1.0):
                self.scores[category] = score

    def tried(self, strategy: str) -> None:
        if strategy not in self.strategies:
            self.strategies.append(strategy)


@dataclass(frozen=True, slots=True)
class PromptFinding:
    """What the scorer says of a prompt: its highest score of each category. `flagged` is None without a verdict."""

    flagged: bool | None = None
    scores: Mapping[str, float] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Its part of the report's JSON object."""
        return {"flagged": self.flagged, "scores": _rounded(self.scores)}


@dataclass(frozen=True, slots=True)
class Report:
    """The report of one choice; `filtered` are the categories for which text was flagged."""

    policy: str
    mode: str
    action: str
    withheld: bool = False
    """Whether the text ends where the guard ended it: the finish reason must say so."""
    rewinds: int = 0
    spans_scored: int = 0
    spans_flagged: int = 0
    tokens_generated: int = 0
    tokens_discarded: int = 0
    scores: Mapping[str, float] = field(default_factory=dict)
    scorer: str = ""
    strategies: tuple[str, ...] = ()
    scorer_failure: str | None = None
    filtered: frozenset[str] = frozenset()
    prompt: PromptFinding | None = None
    """None where the policy ignores prompts."""
    approximate: bool = False
    """Whether an attempt was drawn with less regard to the kept tokens than the request asked for."""

    def as_dict(self) -> dict[str, Any]:
        """The JSON object of the answer."""
        body: dict[str, Any] = {
            "policy": self.policy,
            "mode": self.mode,
            "action": self.action,
            "rewinds": self.rewinds,
            "spans_scored": self.spans_scored,
            "spans_flagged": self.spans_flagged,
            "tokens_generated": self.tokens_generated,
            "tokens_discarded": self.tokens_discarded,
            "max_score": round(max(self.scores.values(), default=0.0), 4),
            "scores": _rounded(self.scores),
            "scorer": self.scorer,
            "strategies": list(self.strategies),
        }
        if self.scorer_failure:
            body["scorer_failure"] = self.scorer_failure
        if self.prompt is not None:
            body["prompt"] = self.prompt.as_dict()
        if self.approximate:
            body["approximate"] = True
        return body


def _rounded(scores: Mapping[str, float]) -> dict[str, float]:
    return {category: round(score, 4) for category, score in scores.items()}


def report(
    policy: str, mode: str, scorer: str, state: GuardState, tally: Tally, *, approximate: bool = False
) -> Report:
    """The report of a choice whose guard stands at `state`."""
    return Report(
        policy=policy,
        mode=mode,
        action=state.action,
        withheld=state.fallback is not None,
        rewinds=state.rewinds,
        spans_scored=tally.spans_scored,
        spans_flagged=tally.spans_flagged,
        tokens_generated=state.drafted + state.discarded - state.written,
        tokens_discarded=state.drafted + state.discarded - state.released,
        scores=tally.scores,
        scorer=scorer,
        strategies=tuple(tally.strategies),
        scorer_failure=tally.failure,
        filtered=frozenset(tally.filtered),
        approximate=approximate,
    )
