"""The driver: events in, commands out. It carries out the guard's commands for one choice and feeds it what happens.

1. Everything runs on one event loop. Drafts come in one task an attempt, verdicts in one task a window (`inlet.py`);
   both hand over their events synchronously, so no two are ever under way at once.
2. The reader only drains the outlet. Cancelling or closing it ends every task and aborts the request in the engine.
3. What goes wrong inside a task fails the outlet with the error: nothing more is released.
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import assert_never

from filters.scorer import Scores
from server.generation.account import Account
from server.generation.draft import Engine
from server.generation.inlet import Following, Judging
from server.generation.observer import NO_CATEGORY
from server.generation.outlet import Outlet, Piece
from server.generation.pairs import Pair, Rejections
from server.generation.report import Report, report
from server.generation.retrying import Retrying
from server.generation.services import Services
from server.generation.standin import StandIn
from server.generation.tasks import Tasks
from server.generation.telling import ChoiceRecord, record
from server.generation.trace import ChoiceTrace
from server.generation.tracing import UNTRACED_CHOICE, ChoiceSpans
from server.generation.transcript import Transcript
from server.guard.advance import advance
from server.guard.commands import Command, Finish, Insert, Release, Rewind, Score
from server.guard.events import Cleared, Event, Flagged, Inserted
from server.guard.state import GuardState
from server.policy.policy import Policy


class Guarded:
    """One choice under guard, from `start` on. `whole`: in one piece; `greedy`: no chance; `retriable`: 503 is open."""

    def __init__(
        self,
        engine: Engine,
        transcript: Transcript,
        policy: Policy,
        services: Services,
        *,
        start: GuardState,
        greedy: bool,
        retriable: Callable[[], bool],
        spans: ChoiceSpans = UNTRACED_CHOICE,
        trace: ChoiceTrace | None = None,
    ) -> None:
        self._engine = engine
        self._transcript = transcript
        self._policy = policy
        self._state = start
        self._outlet = Outlet(transcript)
        self._account = Account(services.observer, policy, services.model, services.now, spans, trace)
        self._stand_in = StandIn(policy, services.encode)
        self._rejections = Rejections(transcript, policy, kept=services.pairs is not None)
        self.tasks = Tasks(self._outlet.fail)
        self._retrying = Retrying(engine, transcript, policy, services.judge, greedy=greedy)
        self._following = Following(
            transcript,
            policy,
            self._account,
            self._retrying,
            self.tasks,
            room=self._outlet.room,
            state=lambda: self._state,
            advance=self._advance,
            alarms=lambda: self._judging.alarms(),
        )
        self._judging = Judging(
            services,
            transcript,
            policy,
            self._account,
            self.tasks,
            state=lambda: self._state,
            retriable=retriable,
            feed=self._following.feed,
            flagged=self._flagged,
        )

    @property
    def report(self) -> Report:
        """What has become of the choice so far; complete once its last piece is out."""
        scorer, gate, approximate = self._judging.scorer_name, self._judging.gate, self._engine.approximate
        return report(self._policy, scorer, self._state, self._account.tally, gate=gate, approximate=approximate)

    @property
    def pairs(self) -> list[Pair]:
        """What was rejected and what is said instead, if the text was cleared to its end; without the prompt."""
        return self._rejections.pairs() if self._state.complete and self._state.action == "rewound" else []

    def record(self) -> ChoiceRecord:
        """Return what the choice has come to so far, for those who look at it later."""
        return record(self.report, self._outlet.said(), self._rejections.spans())

    async def pieces(self) -> AsyncGenerator[Piece, None]:
        """Yield released pieces in order. Raises ScorerDown, or what the engine raised. For one reader, once."""
        self._following.begin()
        try:
            while (piece := await self._outlet.get()) is not None:
                yield piece
        finally:
            await self._stop()

    async def _stop(self) -> None:
        """End every task; in monitor mode the last windows are still scored and counted after the answer."""
        self._following.catch_up()
        self._account.spans.over()
        self._account.discarded(len(self._transcript.tokens) - self._outlet.tokens)
        self.tasks.when_idle(self._account.over)
        async with aclosing(self._engine):
            if self._policy.mode != "monitor" or not self._state.finished:
                await self.tasks.stop()

    def _flagged(self, event: Flagged, scores: Scores) -> None:
        self._retrying.turned_at(event.onset)
        self._stand_in.offer(self._transcript, self._state.released, event.window.end, scores, unread=event.unread)
        self._rejections.flagged(event, self._state.cleared, next(iter(self._account.tally.cause), NO_CATEGORY))
        concessions = self._state.concessions
        self._following.feed(event)
        if self._state.concessions > concessions and self._state.attempt == event.attempt:
            self._account.tally.keep(scores)

    def _advance(self, event: Event) -> None:
        before = self._state
        state, commands = advance(before, event, self._policy)
        self._state = state
        self._account.cleared(state.cleared)
        if before.span_rewinds and not state.span_rewinds:
            self._account.calm("cleared" if isinstance(event, Cleared) else "exhausted")
            self._rejections.cleared(state.cleared)
            self._stand_in.forget()
            self._retrying.calm()
        for command in commands:
            self._carry_out(command)

    def _carry_out(self, command: Command) -> None:
        match command:
            case Score():
                self._judging.begin(command)
            case Release(upto=upto):
                self._release(upto)
            case Rewind():
                self._rewind(command)
            case Insert():
                self._insert(command)
            case Finish(reason=reason):
                self._finish(reason)
            case _:
                assert_never(command)

    def _release(self, upto: int) -> None:
        self._account.released(upto)
        self._stand_in.forget()
        if not self._state.finished:  # else it leaves with the finish reason
            self._account.sent(self._outlet.send(upto))

    def _rewind(self, command: Rewind) -> None:
        self._account.rewound(command, len(self._transcript.tokens) - command.to)
        self._rejections.rewound(command.to)
        self._retrying.rewound(command)
        self._following.begin(command)

    def _insert(self, command: Insert) -> None:
        """Put the mask or the least toxic candidate in place of what was flagged, then go on from there."""
        self._following.cut(command.to)
        self._account.tally.keep(self._stand_in.put(command.what, self._transcript))
        self._rejections.inserted(command.what)
        count, back = len(self._transcript.tokens), command.what == "candidate"
        self._account.inserted(command.what, command.to, count)
        self._advance(Inserted(command.attempt, count, put_back=back, ended=self._transcript.finish_reason))
        if not self._state.finished:
            self._following.begin()

    def _finish(self, reason: str) -> None:
        """Close the choice: the rest of the released text, the reason, and nothing after it."""
        self._judging.over()
        ending = self._transcript.ending if self._state.fallback is None else None
        self._account.sent(self._outlet.finish(self._state.released, reason, ending[1] if ending else None))
        self._following.end()
        self.tasks.spawn(self._engine.aclose)
