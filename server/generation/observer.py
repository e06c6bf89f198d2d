"""The port through which a generation tells what happened. `server.telemetry.metrics.Metrics` is the one in service."""

from collections.abc import Mapping
from typing import Literal, Protocol, get_args

from server.guard.commands import Way
from server.guard.state import Action

Judgement = Literal["cleared", "flagged", "failed"]
JUDGEMENTS: tuple[Judgement, ...] = get_args(Judgement)
Outcome = Literal["cleared", "flagged", "exhausted"]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
Fate = Literal["released", "discarded"]
FATES: tuple[Fate, ...] = get_args(Fate)
# Of the model's own probe: cleared by it, left to the scorer, or an alarm.
Glanced = Literal["cleared", "judged", "alarmed"]
GLANCED: tuple[Glanced, ...] = get_args(Glanced)
Phase = Literal["input", "output"]
PHASES: tuple[Phase, ...] = get_args(Phase)
# Of a prompt or a window that has been judged: it passed, it was held or taken back, it would have been but the policy
# only looks on, it passed without a verdict, or was held for want of one.
Result = Literal["allowed", "blocked", "would_block", "bypassed", "failed"]
RESULTS: tuple[Result, ...] = get_args(Result)
NO_CATEGORY = "none"
"""The category of what was not flagged."""


class Observer(Protocol):
    """Counts and times; every call costs about a microsecond.

    All seconds are wall-clock durations, all counts are whole numbers of at least 0.
    """

    def span_judged(self, verdict: Judgement, category: str, policy: str, model: str) -> None:
        """Count a span's verdict; `category` is the leading exceeded one, and `NO_CATEGORY` unless flagged."""

    def glanced(self, outcome: Glanced) -> None:
        """Count a window that the model's probe cleared, or left to the scorer, or an alarm that it gave."""

    def prompt_judged(self, verdict: Judgement, category: str, policy: str, model: str) -> None:
        """Count a prompt's verdict, or that it will have none; `category` as for a span."""

    def scores_seen(self, scores: Mapping[str, float]) -> None:
        """Observe the scores (0..1 per category) of a judged span, whatever its verdict."""

    def language_found(self, language: str, *, unread: bool) -> None:
        """Count the language of an answer (ISO 639-1, or unknown), `unread` if any of it is not read by the scorer."""

    def answered(self, verdict: Judgement, category: str, language: str, policy: str, model: str) -> None:
        """Count a choice that is over by what it would have come to without a guard.

        `flagged`: some span was flagged, first of all for `category`; until then it was what nobody had guarded.
        `failed`: none was, but some had no verdict. A choice of which nothing was judged is not counted. `language` as
        of `language_found`, unknown of one that was cut short.
        """

    def spans_heard(self, language: str, judged: int, flagged: int) -> None:
        """Count the spans of a choice that is over by its language: those with a verdict, and the flagged ones."""

    def verdict_took(self, phase: Phase, result: Result, seconds: float) -> None:
        """Observe the time until a prompt (input) or a window (output) had its verdict, or was known to have none."""

    def rewound(self, strategy: Way, outcome: Outcome) -> None:
        """Count a rewind that is over: its retry was cleared, flagged again, or the last that the budget allowed."""

    def request_finished(self, action: Action, route: str, policy: str) -> None:
        """Count a request that has ended; `action` is the gravest one in the reports of its choices.

        `unguarded` says that text was released unscored, by mode `off` or because the scorer failed under a policy that
        is open then: the alert for fail-open releases rests on it.
        """

    def tokens(self, fate: Fate, count: int) -> None:
        """Count drafted tokens that were released, or dropped."""

    def held(self, seconds: float) -> None:
        """Observe how long a released piece had waited since its oldest token was drafted."""

    def first_release(self, seconds: float) -> None:
        """Observe how long after the request came in the first text of a choice was released."""

    def first_text_held(self, seconds: float) -> None:
        """Observe how long the first text of a choice left after its first token was drafted."""

    def rewind_took(self, seconds: float) -> None:
        """Observe the time from a flagged verdict to the first token drafted in place of the dropped ones."""
