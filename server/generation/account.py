"""What happened to one choice: every fact is told to the observer once, timed, and kept for the report.

What its operator traces (`tracing.py`) and what a client asked to be told (`trace.py`) is told from here, too.

Tokens: released + discarded = drafted + inserted by policy. Those of a candidate that is put back were both.
Rewinds: one outcome each, when it is known. A choice that is cut short leaves its last rewind without one.
"""

import time
from collections import deque
from collections.abc import Callable

from filters.languages import UNKNOWN
from filters.passage import Passage
from filters.verdict import Flagged, Verdict
from server.generation.observer import NO_CATEGORY, Observer, Outcome, Result
from server.generation.tally import FlaggedSpan, Tally
from server.generation.trace import ChoiceTrace, untraced
from server.generation.tracing import UNTRACED_CHOICE, ChoiceSpans
from server.guard.commands import Rewind, Score, Substitute, Way
from server.policy.policy import Policy


class Clockwork:
    """The times that one choice reports: how long text was held, how long a rewind took, when the first text left.

    `now` gives seconds on a clock that never goes back.
    """

    def __init__(self, observer: Observer, now: Callable[[], float] = time.monotonic) -> None:
        self._observer = observer
        self._now = now
        self._began = now()
        self._drafted: deque[tuple[int, float]] = deque()
        self._drafting_since: float | None = None
        self._rewinding_since: float | None = None
        self._trouble_since: float | None = None
        self._trouble_seconds = 0.0
        self._left = 0

    def drafted(self, upto: int) -> None:
        """Note that the tokens before `upto` are drafted."""
        at = self._now()
        self._drafted.append((upto, at))
        if self._drafting_since is None:
            self._drafting_since = at
        if self._rewinding_since is not None:
            self._observer.rewind_took(at - self._rewinding_since)
            self._rewinding_since = None

    def released(self, upto: int) -> float | None:
        """Note that the tokens before `upto` leave; return how long the oldest of them waited, if any had to."""
        at = self._now()
        oldest: float | None = None
        while self._drafted and self._drafted[0][0] <= upto:
            _, since = self._drafted.popleft()
            oldest = since if oldest is None else oldest
        held = None if oldest is None else at - oldest
        if held is not None:
            self._observer.held(held)
        if not self._left:
            self._observer.first_release(at - self._began)
            if self._drafting_since is not None:
                self._observer.first_text_held(at - self._drafting_since)
        self._left = upto
        return held

    def rewound(self, to: int) -> None:
        """Note that a verdict sent the choice back to token `to`."""
        self._rewinding_since = self._now()
        self.cut(to)

    def cut(self, to: int) -> None:
        """Drop the tokens from `to` on; those before it keep their age."""
        since: float | None = None
        while self._drafted and self._drafted[-1][0] > to:
            _, since = self._drafted.pop()
        if since is not None and to > (self._drafted[-1][0] if self._drafted else self._left):
            self._drafted.append((to, since))

    def flagged(self) -> float:
        """Note a flagged window; return the seconds spent on flagged spans so far, up to now."""
        at = self._now()
        if self._trouble_since is None:
            self._trouble_since = at
        return self._trouble_seconds + at - self._trouble_since

    def calm(self) -> None:
        """Note that the flagged span is over."""
        if self._trouble_since is not None:
            self._trouble_seconds += self._now() - self._trouble_since
            self._trouble_since = None


class Account:
    """The facts of one choice of a request under `policy`, answered by `model`. `now`: see `Clockwork`.

    `spans` hears of what takes time, from here or directly; `trace` of what the client asked to be told.
    """

    def __init__(
        self,
        observer: Observer,
        policy: Policy,
        model: str,
        now: Callable[[], float] = time.monotonic,
        spans: ChoiceSpans = UNTRACED_CHOICE,
        trace: ChoiceTrace | None = None,
    ) -> None:
        self._observer = observer
        self.spans = spans
        self._policy = policy
        self._model = model
        self._clock = Clockwork(observer, now)
        self._unsettled: Way | None = None
        self._trace = trace or untraced()
        self.tally = Tally()

    def judged(self, verdict: Verdict, score: Score, passage: Passage, start: int, seconds: float) -> None:
        """Count a window's verdict, whatever becomes of it, and the time it took.

        Its passage begins at character `start` of the answer.
        """
        self._observer.scores_seen(verdict.scores)
        self.tally.judged()
        if isinstance(verdict, Flagged):
            held: Result = "blocked" if self._policy.mode == "enforce" else "would_block"
            self._observer.verdict_took("output", held, seconds)
            self._observer.span_judged("flagged", verdict.category, self._policy.name, self._model)
            span, scores = verdict.span, {category: verdict.scores[category] for category in verdict.exceeded}
            text = passage.text[span.start : span.end] if self._policy.audit_text != "none" else None
            self.tally.flagged(FlaggedSpan(score.attempt, start + span.start, start + span.end, scores, text))
            self._trace.scored(score, "flagged", verdict.scores, exceeded=list(verdict.exceeded))
        else:
            self._observer.verdict_took("output", "allowed", seconds)
            self._observer.span_judged("cleared", NO_CATEGORY, self._policy.name, self._model)
            self._trace.scored(score, "cleared", verdict.scores)

    def unjudged(self, reason: str, score: Score, seconds: float) -> None:
        """Count a window on which the scorer gave no verdict, and the time that was waited for it."""
        self._observer.verdict_took("output", "failed" if self._policy.holds_unscored else "bypassed", seconds)
        self._observer.span_judged("failed", NO_CATEGORY, self._policy.name, self._model)
        self._trace.scored(score, "failed", {}, reason=reason)
        self.tally.failed(reason)

    def heard(self, language: str, *, unread: bool) -> None:
        """Note in which language the answer is written, once it is over, and whether all of it is read."""
        self.tally.language = language
        self.tally.unread |= unread
        self._observer.language_found(language, unread=self.tally.unread)

    def drafted(self, upto: int) -> None:
        """Note that the tokens before `upto` are drafted."""
        self._clock.drafted(upto)
        self.spans.drafted()
        self._trace.drafted(upto)

    def cleared(self, upto: int) -> None:
        """Note that the tokens before `upto` are clean."""
        self._trace.cleared(upto)

    def released(self, upto: int) -> None:
        """Note that the tokens before `upto` may leave."""
        self._trace.released(upto, self._clock.released(upto))

    def sent(self, count: int) -> None:
        """Count tokens that have left."""
        if count:
            self._observer.tokens("released", count)

    def discarded(self, count: int) -> None:
        """Count drafted tokens that were dropped."""
        if count:
            self._observer.tokens("discarded", count)
            self._trace.wasted(count)

    def flagged(self, score: Score, onset: int) -> float:
        """Note that a window turns at `onset`; return the seconds spent on flagged spans so far, up to now."""
        self._trace.flagged(score, onset)
        return self._clock.flagged()

    def rewound(self, rewind: Rewind, dropped: int) -> None:
        """Note that a flagged window drops so many tokens; a rewind that was still open has failed."""
        self.settled("flagged")
        self.tally.tried(rewind.strategy)
        self._unsettled = rewind.strategy
        self._clock.rewound(rewind.to)
        self.spans.rewound(rewind, dropped)
        self._trace.rewound(rewind.strategy, rewind.to)

    def inserted(self, what: Substitute, to: int, upto: int) -> None:
        """Note a spent budget: the policy's mask or candidate stands in for the tokens from `to` on, up to `upto`."""
        self.settled("exhausted")
        self.tally.tried(what)
        self._clock.cut(to)
        self._trace.inserted(what, to, upto)

    def calm(self, outcome: Outcome) -> None:
        """Note that the flagged span is over, and its rewind with it."""
        self.settled(outcome)
        self._clock.calm()

    def settled(self, outcome: Outcome) -> None:
        """Settle what became of the last rewind, if one was open."""
        if self._unsettled is not None:
            self._observer.rewound(self._unsettled, outcome)
            self._unsettled = None

    def over(self) -> None:
        """Tell what the choice has come to, now that no verdict on it is still to come: once, however it ended."""
        tally, verdict = self.tally, self.tally.verdict
        if verdict is not None:
            language = tally.language or UNKNOWN
            self._observer.answered(verdict, tally.turned or NO_CATEGORY, language, self._policy.name, self._model)
            self._observer.spans_heard(language, tally.spans_scored, tally.spans_flagged)
