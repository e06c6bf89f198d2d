"""The driver: carries out the guard's commands for one choice and feeds it what happens.

1. Everything runs on one event loop. Drafts come in one task an attempt, verdicts in one task a window; both hand their
   event to `_feed`, which is synchronous, so no two events are ever under way at once.
2. The reader only drains a channel. Cancelling or closing it ends every task and aborts the request in the engine.
3. What goes wrong inside a task closes the channel with the error: nothing more is released.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, assert_never

from filters.judge import Judge
from filters.passage import Passage
from filters.scorer import ScorerUnavailable
from filters.thresholds import Thresholds
from filters.verdict import Flagged as FlaggedText
from filters.verdict import Verdict
from server.generation.candidates import Candidates
from server.generation.channel import Channel, Closed
from server.generation.clockwork import Clockwork
from server.generation.draft import Attempt, Draft, Engine
from server.generation.observer import Observer, Outcome
from server.generation.report import Report, Tally, report
from server.generation.transcript import Transcript
from server.guard.advance import advance
from server.guard.commands import Command, Finish, Insert, Release, Rewind, Score
from server.guard.events import Cleared, Drafted, Ended, Event, Flagged, Inserted, ScorerFailed
from server.guard.state import GuardState
from server.policy.policy import Policy

EVERYTHING = 1 << 40
"""A hold-back in tokens that no answer reaches."""

log = logging.getLogger("unsay.guard")


class ScorerDown(Exception):
    """The scorer gave no verdict and nothing of the answer has been released: the request may be tried again later."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Released tokens with their text; the last piece of a choice carries the finish reason."""

    tokens: list[int]
    logprobs: list[Any]
    text: str
    finish_reason: str | None = None
    stop_reason: int | str | None = None


@dataclass(frozen=True, slots=True)
class Setting:
    """What all choices of a server share, and how a mask is written in the model's tokens."""

    judge: Judge
    observer: Observer
    model: str
    encode: Callable[[str], list[int]]


class Guarded:
    """One choice of one request under guard.

    `whole`: the answer is sent in one piece, so nothing of it is out, and all of it can be taken back, until its end.
    `retriable` tells whether the request may still be answered by "try again later".
    """

    def __init__(
        self,
        engine: Engine,
        transcript: Transcript,
        policy: Policy,
        setting: Setting,
        *,
        restart_only: bool,
        whole: bool,
        retriable: Callable[[], bool],
    ) -> None:
        self._engine, self._transcript, self._setting = engine, transcript, setting
        self._policy = policy.model_copy(update={"hold_back": EVERYTHING}) if whole else policy
        self._thresholds = Thresholds(policy.thresholds)
        self._retriable = retriable
        self._state = GuardState(restart_only=restart_only)
        self._tally = Tally()
        self._channel: Channel[Piece] = Channel()
        self._clock = Clockwork(setting.observer)
        self._candidates = Candidates()
        self._tasks: set[asyncio.Task[None]] = set()
        self._drafting: asyncio.Task[None] | None = None
        self._sent_tokens = self._sent_characters = 0
        self._pending_rewind: str | None = None

    @property
    def report(self) -> Report:
        return report(
            self._policy.name, self._policy.mode, self._setting.judge.scorer_name, self._state, self._tally
        )

    async def pieces(self) -> AsyncGenerator[Piece, None]:
        """Released pieces in order. Raises ScorerDown, or what the engine raised."""
        self._draft(Attempt(0, (), frozenset()))
        try:
            while True:
                yield await self._channel.get()
        except Closed:
            pass
        finally:
            await self._stop()

    async def _stop(self) -> None:
        """End every task; in monitor mode the last windows are still scored and counted, behind the answer."""
        if self._policy.mode == "monitor" and self._state.finished:
            return
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(self._watched(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _watched(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception as error:  # the edge of the driver: whatever it is, the reader must hear of it
            self._channel.close(error)

    # -- events

    def _draft(self, attempt: Attempt) -> None:
        if self._drafting is not None:
            self._drafting.cancel()
        self._drafting = self._spawn(self._follow(attempt))

    async def _follow(self, attempt: Attempt) -> None:
        """Feed the drafts of one attempt, as long as it is the current one and the reader keeps up."""
        async with aclosing(self._engine.draft(attempt)) as drafts:
            async for draft in drafts:
                if attempt.number != self._state.attempt or self._state.finished:
                    return
                self._take(attempt.number, draft)
                if self._transcript.ending is not None:
                    return
                await self._channel.room()

    def _take(self, attempt: int, draft: Draft) -> None:
        self._transcript.append(draft)
        drafted = len(self._transcript.tokens)
        if draft.tokens:
            self._clock.drafted(drafted)
            self._feed(Drafted(attempt, drafted, self._transcript.judgeable()))
        if self._transcript.ending is not None:
            self._feed(Ended(attempt, self._transcript.ending[0]))

    async def _judge(self, score: Score, passage: Passage, start: int) -> None:
        """Ask for a verdict on a window, whose text begins at character `start`, and feed it."""
        try:
            verdict = await self._setting.judge.judge(passage, self._thresholds)
        except ScorerUnavailable as error:
            self._scorer_failed(score, error.reason)
            return
        self._tell(verdict)
        if isinstance(verdict, FlaggedText):
            self._flagged(score, verdict, start)
        elif score.attempt == self._state.attempt:
            self._settle_rewind("cleared")
            self._tally.keep(verdict.scores)
            self._feed(Cleared(score.attempt, score.window))
            if not self._state.span_rewinds:
                self._clock.calm()

    def _tell(self, verdict: Verdict) -> None:
        """Count a verdict, whatever becomes of it."""
        observer, policy, model = self._setting.observer, self._policy.name, self._setting.model
        observer.scores_seen(verdict.scores)
        self._tally.judged()
        if isinstance(verdict, FlaggedText):
            observer.span_judged("flagged", verdict.category, policy, model)
            self._tally.flagged(verdict.category)
        else:
            observer.span_judged("cleared", "none", policy, model)

    def _flagged(self, score: Score, verdict: FlaggedText, start: int) -> None:
        if score.attempt != self._state.attempt:
            return
        onset = self._transcript.token_at(start + verdict.span.start)
        spent = self._clock.flagged() > self._policy.max_rewind_seconds
        if self._policy.mode == "monitor":
            self._tally.keep(verdict.scores)
        else:
            self._candidates.offer(self._transcript, self._state.released, score.window.end, verdict.scores)
        self._feed(Flagged(score.attempt, score.window, onset, spent))

    def _scorer_failed(self, score: Score, reason: str) -> None:
        self._setting.observer.span_judged("failed", "none", self._policy.name, self._setting.model)
        if score.attempt != self._state.attempt:
            return
        self._tally.failure = reason
        closed = self._policy.on_scorer_failure == "closed" and self._policy.mode == "enforce"
        log.warning("scorer gave no verdict: reason=%s %s", reason, "text held back" if closed else "text released unscored")
        if closed and self._retriable():
            self._channel.close(ScorerDown(reason))
        self._feed(ScorerFailed(score.attempt))

    def _settle_rewind(self, outcome: Outcome) -> None:
        """Count what became of the last rewind, once that is known."""
        if self._pending_rewind is not None:
            self._setting.observer.rewound(self._pending_rewind, outcome)
            self._pending_rewind = None

    # -- commands

    def _feed(self, event: Event) -> None:
        self._state, commands = advance(self._state, event, self._policy)
        for command in commands:
            self._carry_out(command)

    def _carry_out(self, command: Command) -> None:
        match command:
            case Score():
                passage, start = self._transcript.passage(command.window, self._state.released)
                self._spawn(self._judge(command, passage, start))
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
        """Send what may be sent; text that a stop string may still take back stays until the end."""
        self._clock.released(upto)
        self._candidates.forget()
        if not self._state.finished:
            self._send(upto, closing=False)

    def _send(self, upto: int, *, closing: bool, finish_reason: str | None = None, stop_reason: int | str | None = None) -> None:
        end = max(self._sent_characters, self._transcript.released_text(upto, closing=closing))
        tokens, logprobs = self._transcript.tail(self._sent_tokens)
        count = upto - self._sent_tokens
        text = self._transcript.text[self._sent_characters : end]
        self._sent_tokens, self._sent_characters = upto, end
        self._setting.observer.tokens("released", count)
        self._channel.put(Piece(list(tokens[:count]), list(logprobs[:count]), text, finish_reason, stop_reason))

    def _rewind(self, command: Rewind) -> None:
        transcript = self._transcript
        self._settle_rewind("flagged")
        self._setting.observer.tokens("discarded", len(transcript.tokens) - command.to)
        self._tally.tried(command.strategy)
        self._pending_rewind = command.strategy
        self._clock.rewound(command.to)
        transcript.ban(command.to)
        transcript.cut(command.to)
        self._draft(self._attempt(command.attempt, command.retry))

    def _attempt(self, number: int, retry: int = 0) -> Attempt:
        kept = tuple(self._transcript.tokens)
        return Attempt(number, kept, self._transcript.banned(len(kept)), retry)

    def _insert(self, command: Insert) -> None:
        """Put the mask or the least toxic candidate in place of what was flagged, then go on from there."""
        self._settle_rewind("exhausted")
        self._setting.observer.tokens("discarded", len(self._transcript.tokens) - command.to)
        self._transcript.cut(command.to)
        if command.what == "mask":
            self._transcript.append(Draft(self._setting.encode(self._policy.mask_text)))
        else:
            self._tally.keep(self._candidates.put_best(self._transcript))
        self._tally.tried(command.what)
        ending = self._transcript.ending
        self._feed(Inserted(command.attempt, len(self._transcript.tokens), ending[0] if ending else None))
        if not self._state.finished:
            self._draft(self._attempt(command.attempt))

    def _finish(self, reason: str) -> None:
        """Close the choice: the rest of the released text, the reason, and nothing after it."""
        self._settle_rewind("exhausted")
        upto = self._state.released
        stop_reason = self._transcript.ending[1] if self._transcript.ending and not self._state.fallback else None
        self._setting.observer.tokens("discarded", len(self._transcript.tokens) - upto)
        self._send(upto, closing=True, finish_reason=reason, stop_reason=stop_reason)
        if self._drafting is not None and self._drafting is not asyncio.current_task():
            self._drafting.cancel()
        self._channel.close()
