"""The driver: carries out the guard's commands for one choice and feeds it what happens.

1. Everything runs on one event loop. Drafts come in one task an attempt, verdicts in one task a window; both hand their
   event to `_feed`, which is synchronous, so no two events are ever under way at once.
2. The reader only drains the outlet. Cancelling or closing it ends every task and aborts the request in the engine.
3. What goes wrong inside a task fails the outlet with the error: nothing more is released.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import assert_never

from filters.passage import Passage
from filters.scorer import ScorerUnavailable
from filters.thresholds import Thresholds
from filters.verdict import Flagged as FlaggedText
from server.generation.candidates import Candidates
from server.generation.channel import Closed
from server.generation.clockwork import Clockwork
from server.generation.draft import Draft, Engine
from server.generation.failure import ScorerDown, holds_unscored
from server.generation.ledger import Ledger
from server.generation.outlet import Outlet, Piece
from server.generation.pairs import Pair, Rejections
from server.generation.race import Race
from server.generation.report import Report, report
from server.generation.retrying import Retrying
from server.generation.setting import Setting
from server.generation.tasks import Tasks
from server.generation.transcript import Transcript
from server.guard.advance import advance
from server.guard.commands import Command, Finish, Insert, Release, Rewind, Score
from server.guard.events import Cleared, Drafted, Ended, Event, Flagged, Inserted, ScorerFailed
from server.guard.hold_back import EVERYTHING
from server.guard.state import GuardState
from server.guard.windows import leaves_waiting
from server.policy.policy import Policy

__all__ = ["EVERYTHING", "Guarded", "Piece", "ScorerDown", "Setting"]


class Guarded:
    """One choice of one request under guard, which begins at `start`.

    `whole`: the answer is sent in one piece, so all of it can be taken back until its end. `greedy`: tokens are not
    drawn by chance. `retriable` tells whether the request may still be answered by "try again later".
    """

    def __init__(
        self,
        engine: Engine,
        transcript: Transcript,
        policy: Policy,
        setting: Setting,
        *,
        start: GuardState,
        greedy: bool,
        whole: bool,
        retriable: Callable[[], bool],
    ) -> None:
        self._engine, self._transcript, self._setting = engine, transcript, setting
        self._policy = policy.model_copy(update={"hold_back": EVERYTHING}) if whole else policy
        self._thresholds, self._retriable = Thresholds(policy.thresholds), retriable
        self._state, self._outlet = start, Outlet(transcript)
        observer, self._candidates = setting.observer, Candidates(policy, setting.encode)
        self._ledger, self._clock = Ledger(observer, policy, setting.model), Clockwork(observer, setting.now)
        self._rejections = Rejections(transcript, kept=setting.pairs is not None)
        self._retrying = Retrying(engine, transcript, self._policy, setting.judge, greedy=greedy)
        self._tasks = Tasks(self._outlet.fail)
        self._drafting: asyncio.Task[None] | None = None

    @property
    def report(self) -> Report:
        """What has become of the choice so far; complete once its last piece is out."""
        scorer, tally = self._setting.judge.scorer_name, self._ledger.tally
        return report(self._policy, scorer, self._state, tally, approximate=self._engine.approximate)

    @property
    def pairs(self) -> list[Pair]:
        """What was rejected and what is said instead, if the text was cleared to its end; without the prompt."""
        return self._rejections.pairs() if self._state.complete and self._state.action == "rewound" else []

    async def pieces(self) -> AsyncGenerator[Piece, None]:
        """Released pieces in order. Raises ScorerDown, or what the engine raised. For one reader, once."""
        self._draft()
        try:
            while True:
                yield await self._outlet.get()
        except Closed:
            pass
        finally:
            await self._stop()

    async def _stop(self) -> None:
        """End every task; in monitor mode the last windows are still scored and counted, behind the answer."""
        self._catch_up()
        self._ledger.discarded(len(self._transcript.tokens) - self._outlet.tokens)
        async with aclosing(self._engine):
            if self._policy.mode != "monitor" or not self._state.finished:
                await self._tasks.stop()

    def _draft(self, rewind: Rewind | None = None) -> None:
        """Begin the current attempt behind the tokens that stand; the one before it is over."""
        self._end_drafting()
        number, race = self._state.attempt, self._retrying.drafts(self._state, rewind)
        self._drafting = self._tasks.spawn(lambda: self._follow(number, race))

    def _end_drafting(self) -> None:
        """A drafting task that is itself at work here ends by its own: it looks at the attempt after each draft."""
        if self._drafting is not None and self._drafting is not asyncio.current_task():
            self._drafting.cancel()

    async def _follow(self, attempt: int, race: Race) -> None:
        """Feed the drafts of an attempt, as long as it is the current one and the reader keeps up."""
        lost = 0
        async with aclosing(race.drafts()) as drafts:
            async for draft in drafts:
                self._take(attempt, draft, race.lost - lost)
                lost = race.lost
                if self._over(attempt):
                    return
                await self._outlet.room()
        raise RuntimeError("the engine's draft ended without a finish reason")

    def _over(self, attempt: int) -> bool:
        return attempt != self._state.attempt or self._state.finished or self._transcript.ending is not None

    def _take(self, attempt: int, draft: Draft, lost: int) -> None:
        for at, part in enumerate(draft.singly() if self._state.fixed_windows else [draft]):
            if not self._over(attempt):
                self._append(attempt, part, 0 if at else lost)

    def _append(self, attempt: int, draft: Draft, lost: int) -> None:
        self._transcript.append(draft)
        self._ledger.discarded(lost)
        drafted = len(self._transcript.tokens)
        if draft.tokens:
            self._clock.drafted(drafted)
            if lost or not leaves_waiting(self._state, drafted, self._policy):
                self._advance(Drafted(attempt, drafted, self._transcript.judgeable(), lost))
        if self._transcript.finish_reason is not None:
            self._feed(Ended(attempt, self._transcript.finish_reason))

    async def _judge(self, score: Score, passage: Passage, start: int) -> None:
        """Ask for a verdict on a window, whose text begins at character `start`, and feed it."""
        try:
            verdict = await self._setting.judge.judge(passage, self._thresholds)
        except ScorerUnavailable as error:
            return self._scorer_failed(score, error.reason)
        self._ledger.judged(verdict)
        if isinstance(verdict, FlaggedText):
            return self._flagged(score, verdict, start)
        self._ledger.let_through(verdict.scores)
        self._feed(Cleared(score.attempt, score.window))

    def _flagged(self, score: Score, verdict: FlaggedText, start: int) -> None:
        if score.attempt != self._state.attempt:
            return  # of a text that is gone
        onset = self._transcript.token_at(turn := start + verdict.span.start)
        self._retrying.turned_at(onset)
        spent = self._clock.flagged() > self._policy.max_rewind_seconds
        concessions = self._state.concessions
        self._candidates.offer(self._transcript, self._state.released, score.window.end, verdict.scores)
        self._rejections.flagged(score.window.end)
        self._feed(Flagged(score.attempt, score.window, onset, self._transcript.places_around(turn), spent))
        if self._state.concessions > concessions and self._state.attempt == score.attempt:
            self._ledger.let_through(verdict.scores)

    def _scorer_failed(self, score: Score, reason: str) -> None:
        self._ledger.unjudged(reason)
        if holds_unscored(self._policy, reason) and self._retriable():
            self._outlet.fail(ScorerDown(reason))
        self._feed(ScorerFailed(score.attempt, score.window))

    def _catch_up(self) -> None:
        """The guard hears of the tokens that it was not told of one by one, as nothing could come of them yet."""
        if len(self._transcript.tokens) > self._state.drafted:
            self._advance(Drafted(self._state.attempt, len(self._transcript.tokens), 0))

    def _feed(self, event: Event) -> None:
        self._catch_up()
        self._advance(event)

    def _advance(self, event: Event) -> None:
        before = self._state
        self._state, commands = advance(before, event, self._policy)
        if before.span_rewinds and not self._state.span_rewinds:
            self._ledger.settled("cleared" if isinstance(event, Cleared) else "exhausted")
            self._rejections.cleared(self._state.cleared)
            self._candidates.forget()
            self._retrying.calm()
            self._clock.calm()
        for command in commands:
            self._carry_out(command)

    def _carry_out(self, command: Command) -> None:
        match command:
            case Score():
                passage, start = self._transcript.passage(command.window, self._state.released)
                self._tasks.spawn(lambda: self._judge(command, passage, start))
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
        self._clock.released(upto)
        self._candidates.forget()
        if not self._state.finished:  # else it leaves with the finish reason
            self._ledger.released(self._outlet.send(upto))

    def _rewind(self, command: Rewind) -> None:
        self._ledger.rewound(command.strategy)
        self._clock.rewound(command.to)
        self._retrying.ban(command)
        self._rejections.rewound(command.to)
        self._cut(command.to)
        self._draft(command)

    def _insert(self, command: Insert) -> None:
        """Put the mask or the least toxic candidate in place of what was flagged, then go on from there."""
        self._ledger.inserted(command.what)
        self._clock.cut(command.to)
        self._cut(command.to)
        self._ledger.let_through(self._candidates.put(command.what, self._transcript))
        count, back = len(self._transcript.tokens), command.what == "candidate"
        self._advance(Inserted(command.attempt, count, put_back=back, ended=self._transcript.finish_reason))
        if not self._state.finished:
            self._draft()

    def _cut(self, to: int) -> None:
        self._ledger.discarded(len(self._transcript.tokens) - to)
        self._transcript.cut(to)

    def _finish(self, reason: str) -> None:
        """Close the choice: the rest of the released text, the reason, and nothing after it."""
        withheld = self._state.fallback is not None
        if withheld or self._state.complete:
            self._ledger.settled("exhausted" if withheld else "cleared")
        stop = None if withheld else self._transcript.stop_reason
        self._ledger.released(self._outlet.finish(self._state.released, reason, stop))
        self._end_drafting()
        self._tasks.spawn(self._engine.aclose)
