"""Scores the texts of all callers in shared forward passes, off the event loop.

The rules:
1. One pass at a time. It takes what waits when it starts, as `turns.py` says: the guard's windows before all else,
   clients by turns. It has at most `max_batch` texts and `max_characters`, so none holds the scorer for longer than
   that takes; a longer text is scored in pieces. Nothing waits when idle.
2. While answers are being written, a pass without windows is followed by a rest of twice its length (`pace.py`), unless
   windows come: on a CPU the engine computes on the same cores.
3. At most `max_queue` texts of a kind wait, or those of a single call. A call that would go over is refused at once:
   `overloaded`. A kind that is full takes nothing from the others.
4. A call has `deadline_seconds` from being made; one that is not about windows has them anew with each pass that had
   texts of its own. After that it fails (`deadline`) and its result is thrown away; with a hanging thread every call
   ends that way, and none ends later.
5. A call that is cancelled or late takes its waiting texts with it and disturbs no other.
6. It is not ready after a pass without scores, after windows that came too late, and after any other call for which the
   thread did not come back at all: those that wait for their turns only say that others do.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Protocol

from filters.call import ANYBODY, Call, Caller, Urgency
from filters.pace import Pace, Rest
from filters.scorer import EXACT, Reason, Scorer, ScorerUnavailable, Scores, ThresholdValues
from filters.scoring_thread import Outcome, ScoringThread
from filters.turns import Turns

_HARMLESS = "The weather is nice today."
_STOP_SECONDS = 1.0  # how long to wait at the end for a pass that is under way


class BatchObserver(Protocol):
    """Is told what the batcher does, on the event loop."""

    def batch_scored(self, size: int, seconds: float) -> None:
        """Count a pass over `size` texts that gave at least one caller its scores."""

    def queue_depth(self, urgency: Urgency, depth: int) -> None:
        """Set the number of texts of this kind that wait now."""

    def dropped(self, urgency: Urgency, texts: int) -> None:
        """Count texts that were never scored because their call had ended: cancelled, late or failed."""

    def scorer_failed(self, reason: Reason) -> None:
        """Count a call that ended without scores."""


class NullObserver:
    """Ignores everything."""

    def batch_scored(self, size: int, seconds: float) -> None:
        """Do nothing."""

    def queue_depth(self, urgency: Urgency, depth: int) -> None:
        """Do nothing."""

    def dropped(self, urgency: Urgency, texts: int) -> None:
        """Do nothing."""

    def scorer_failed(self, reason: Reason) -> None:
        """Do nothing."""


class Batcher:
    """The one door to a scorer. Belongs to the event loop that it was started in."""

    def __init__(
        self,
        scorer: Scorer,
        *,
        max_batch: int = 16,
        max_characters: int = 8000,
        max_queue: int = 2048,
        deadline_seconds: float = 5.0,
        observer: BatchObserver | None = None,
    ) -> None:
        self.scorer = scorer
        self._max_queue = max_queue
        self._deadline_seconds = deadline_seconds
        self._observer = observer or NullObserver()
        self._turns = Turns(max_batch, max_characters)
        self._in_pass: list[Call] = []
        self._passes = 0
        self._pace = Pace()
        self._rest = Rest(self._dispatch)
        self._failing = False
        self._thread: ScoringThread | None = None
        self._stopped = asyncio.Event()

    @property
    def ready(self) -> bool:
        """Whether it is open, its scorer is ready, and neither the last pass nor a window has failed since."""
        return self._thread is not None and not self._failing and self.scorer.ready()

    @property
    def backlog_seconds(self) -> float:
        """How much work windows have waiting, with the pass that is under way, at the pace of the passes so far."""
        return self._pace.backlog(asyncio.get_running_loop().time(), self._turns.waiting("windows"))

    async def start(self) -> None:
        """Start the thread; call once, before `score`."""
        loop = asyncio.get_running_loop()

        def deliver(outcome: Outcome | None) -> None:
            with suppress(RuntimeError):  # the loop is gone, and with it everyone to tell
                loop.call_soon_threadsafe(self._delivered, outcome)

        self._thread = ScoringThread(self.scorer, deliver)
        self._thread.start()

    async def aclose(self) -> None:
        """Fail every call (`closed`) and end the thread; one that hangs is abandoned, never waited for long."""
        if self._thread is None:
            return
        thread = self._thread
        self._thread = None
        self._rest.end()
        for call in [*self._turns.calls(), *self._in_pass]:
            call.settle(ScorerUnavailable("closed"))
        thread.stop()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopped.wait(), min(_STOP_SECONDS, self._deadline_seconds))

    async def score(
        self, texts: Sequence[str], thresholds: ThresholdValues = EXACT, caller: Caller = ANYBODY
    ) -> list[Scores]:
        """Return one `Scores` for each text, same order. ScorerUnavailable with the reason if there is none in time.

        `thresholds` are what the scores will be compared with: below them, upper bounds will do.
        """
        if not texts:
            return []
        try:
            return await self._score(texts, thresholds, caller)
        except ScorerUnavailable as error:
            self._observer.scorer_failed(error.reason)
            raise

    async def probe(self) -> bool:
        """Score a harmless text; return whether it is ready: a recovered scorer is ready again without traffic."""
        try:
            await self.score([_HARMLESS])
        except ScorerUnavailable:
            return False
        return self.ready

    async def _score(self, texts: Sequence[str], thresholds: ThresholdValues, caller: Caller) -> list[Scores]:
        if self._thread is None:
            raise ScorerUnavailable("closed")
        urgency = caller.urgency
        call = Call(texts, caller, self._turns.longest(urgency), self._deadline_seconds, thresholds)
        waiting = self._turns.waiting(urgency)
        if waiting and waiting + call.waiting > self._max_queue:
            raise ScorerUnavailable("overloaded")
        passes = self._passes
        self._enqueue(call)
        try:
            return await call.scores()
        except TimeoutError:
            self._failing = self._failing or urgency == "windows" or passes == self._passes
            raise ScorerUnavailable("deadline") from None
        finally:
            self._forget(call)

    def _enqueue(self, call: Call) -> None:
        self._turns.join(call)
        self._note_depth(call.caller.urgency)
        loop = asyncio.get_running_loop()
        if call.caller.urgency == "windows":
            self._pace.written(loop.time())
        loop.call_soon(self._dispatch)  # not at once: callers of the same turn of the loop share the pass

    def _forget(self, call: Call) -> None:
        self._turns.leave(call)
        self._note_depth(call.caller.urgency)
        if call.waiting:
            self._observer.dropped(call.caller.urgency, call.waiting)

    def _note_depth(self, urgency: Urgency) -> None:
        self._observer.queue_depth(urgency, self._turns.waiting(urgency))

    def _dispatch(self) -> None:
        """Start a pass, unless one is under way, nothing waits, or what waits is to leave the cores to the engine."""
        rests = self._rest.under_way and not self._turns.waiting("windows")
        if self._thread is None or self._in_pass or rests:
            return
        boarded = self._turns.board()
        if not boarded:
            return
        self._in_pass = [call for call, _ in boarded]
        self._pace.begin(asyncio.get_running_loop().time(), sum(len(texts) for _, texts in boarded))
        for urgency in {call.caller.urgency for call in self._in_pass}:
            self._note_depth(urgency)
        self._thread.submit([texts for _, texts in boarded], [call.thresholds for call in self._in_pass])

    def _delivered(self, outcome: Outcome | None) -> None:
        """Take what the thread hands over: the outcome of the pass, or None as its last sign."""
        calls = self._in_pass
        self._in_pass = []
        if outcome is None:
            self._stopped.set()
            return
        self._passes += 1
        self._pace.end(outcome.seconds)
        for call, result in zip(calls, outcome.results, strict=True):
            call.settle(result)
        scored = any(not isinstance(result, ScorerUnavailable) for result in outcome.results)
        self._failing = not scored
        if scored:
            self._observer.batch_scored(self._pace.texts, outcome.seconds)
        if all(call.caller.urgency != "windows" for call in calls):
            self._rest.begin(self._pace.rest(asyncio.get_running_loop().time(), outcome.seconds))
        self._dispatch()
