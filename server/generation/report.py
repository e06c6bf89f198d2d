"""What the guard did to one choice, for the answer, the metrics and the log. Never holds text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from filters.highest import highest
from server.generation.tally import FlaggedSpan, Tally
from server.guard.state import ACTIONS, Action, GuardState
from server.policy.policy import Policy


@dataclass(frozen=True, slots=True)
class PromptFinding:
    """What the scorer says of a prompt: its highest score of each category. `flagged` is None without a verdict."""

    flagged: bool | None = None
    scores: Mapping[str, float] = field(default_factory=dict)
    language: str | None = None
    """As of a report; None until it was looked for."""
    unread: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return its part of the report's JSON object."""
        body: dict[str, Any] = {"flagged": self.flagged, "scores": _rounded(self.scores)}
        return body | _heard(self.language, unread=self.unread)


@dataclass(frozen=True, slots=True)
class Report:
    """The report of one choice.

    `scores` are the highest of what was released, and of what the answer was withheld for, if it was: `filtered` names
    those categories. `detected` are all for which something was flagged.
    """

    policy: str
    mode: str
    action: Action
    withheld: bool = False
    """Whether the text ends where the guard ended it: the finish reason must say so."""
    rewinds: int = 0
    spans_scored: int = 0
    spans_flagged: int = 0
    spans_failed: int = 0
    tokens_generated: int = 0
    tokens_discarded: int = 0
    scores: Mapping[str, float] = field(default_factory=dict)
    scorer: str = ""
    strategies: tuple[str, ...] = ()
    scorer_failure: str | None = None
    language: str | None = None
    """That of the answer: an ISO 639-1 code or `unknown`. None where nothing was judged."""
    unread: bool = False
    """Whether any of it is in a language that the scorer does not read."""
    detected: frozenset[str] = frozenset()
    filtered: frozenset[str] = frozenset()
    flagged: Sequence[FlaggedSpan] = field(default=(), repr=False)
    """Where those spans were, in order: for the audit log alone."""
    prompt: PromptFinding | None = None
    """None where the policy ignores prompts."""
    cut_short: Literal["shutdown"] | None = None
    """What ended the answer early, where it was neither the text nor its scores."""
    approximate: bool = False
    """Whether an attempt was drawn without all that the request wants taken into account of the kept tokens."""

    def refused(self, cause: Mapping[str, float], failure: str | None = None) -> "Report":
        """Return the same of an answer that ends here: for the scores of `cause`, or since the scorer failed."""
        return replace(
            self,
            action="refused",
            withheld=True,
            scores=highest([self.scores, cause]),
            detected=self.detected | frozenset(cause),
            filtered=frozenset(cause),
            scorer_failure=failure or self.scorer_failure,
        )

    def shut_down(self) -> "Report":
        """Return the same of an answer that ends here because the server does; what was held is dropped."""
        action = min(self.action, "truncated", key=ACTIONS.index)  # nothing becomes less grave by it
        return replace(self, action=action, withheld=True, cut_short="shutdown")

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON object of the answer."""
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
        body |= _heard(self.language, unread=self.unread)
        if self.scorer_failure:
            body["scorer_failure"] = self.scorer_failure
        if self.cut_short:
            body["cut_short"] = self.cut_short
        if self.prompt is not None:
            body["prompt"] = self.prompt.as_dict()
        if self.approximate:
            body["approximate"] = True
        return body


def _heard(language: str | None, *, unread: bool) -> dict[str, Any]:
    """Return what is told of a language: nothing if nobody looked, and `unread` only if it is so."""
    said = {} if language is None else {"language": language}
    return said | ({"unread": True} if unread else {})


def _rounded(scores: Mapping[str, float]) -> dict[str, float]:
    return {category: round(score, 4) for category, score in scores.items()}


def report(policy: Policy, scorer: str, state: GuardState, tally: Tally, *, approximate: bool = False) -> Report:
    """Return the report of a choice whose guard stands at `state`."""
    cause = tally.cause if state.fallback is not None else {}
    return Report(
        policy=policy.name,
        mode=policy.mode,
        action=state.action,
        withheld=state.fallback is not None,
        rewinds=state.rewinds,
        spans_scored=tally.spans_scored,
        spans_flagged=tally.spans_flagged,
        spans_failed=tally.spans_failed,
        flagged=tuple(tally.flagged_spans),
        tokens_generated=state.drafted + state.discarded - state.written,
        tokens_discarded=state.drafted + state.discarded - state.released,
        scores=highest([tally.scores, cause]),
        scorer=scorer,
        strategies=tuple(tally.strategies),
        scorer_failure=tally.failure,
        language=tally.language,
        unread=tally.unread,
        detected=frozenset(tally.detected),
        filtered=frozenset(cause),
        approximate=approximate,
    )
