"""Scores the texts of all callers in shared forward passes, off the event loop.

The rules:
1. One pass at a time. It takes whatever is waiting when it starts, up to `max_batch` texts; nothing waits when idle.
2. A caller whose texts do not fit into one pass goes to the end of the line with the rest: nobody is starved.
3. At most `max_queue` texts wait. A call that would go over is refused at once: `overloaded`.
4. A call has `deadline_seconds` from being made. After that it fails (`deadline`) and its result is thrown away; with
   a thread that hangs every call ends so, and none ends later.
5. A call that is cancelled or late takes its waiting texts with it and disturbs no other.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Protocol

from filters.scorer import EXACT, Reason, Scorer, ScorerUnavailable, Scores, ThresholdValues
from filters.scoring_thread import Outcome, ScoringThread

_HARMLESS = "The weather is nice today."
_STOP_SECONDS = 1.0  # how long a pass that is under way at the end is waited for


class BatchObserver(Protocol):
    """Is told what the batcher does, on the event loop."""

    def batch_scored(self, size: int, seconds: float) -> None:
        """A pass over `size` texts gave at least one caller its scores."""

    def queue_depth(self, depth: int) -> None:
        """So many texts are waiting now."""

    def scorer_failed(self, reason: Reason) -> None:
        """A call ended without scores."""


class NullObserver:
    """Listens to nothing."""

    def batch_scored(self, size: int, seconds: float) -> None:
        """Does nothing."""

    def queue_depth(self, depth: int) -> None:
        """Does nothing."""

    def scorer_failed(self, reason: Reason) -> None:
        """Does nothing."""


class _Call:
    """The texts of one caller, and where their scores go."""

    def __init__(self, texts: Sequence[str], thresholds: ThresholdValues) -> None:
        self.texts = list(texts)
        self.thresholds = thresholds
        self.sent = 0
        self.scores: list[Scores] = []
        self.future: asyncio.Future[list[Scores]] = asyncio.get_running_loop().create_future()
        # A caller cancelled in the very turn in which its call fails never looks at the error: that is no fault.
        self.future.add_done_callback(lambda done: done.cancelled() or done.exception())

    @property
    def waiting(self) -> int:
        return len(self.texts) - self.sent

    def take(self, most: int) -> list[str]:
        taken = self.texts[self.sent : self.sent + most]
        self.sent += len(taken)
        return taken

    def settle(self, result: list[Scores] | ScorerUnavailable) -> None:
        if self.future.done():
            return
        if isinstance(result, ScorerUnavailable):
            self.future.set_exception(result)
            return
        self.scores += result
        if len(self.scores) == len(self.texts):
            self.future.set_result(self.scores)


class Batcher:
    """The one door to a scorer. Belongs to the event loop that it was started in."""

    def __init__(
        self,
        scorer: Scorer,
        *,
        max_batch: int = 16,
        max_queue: int = 512,
        deadline_seconds: float = 5.0,
        observer: BatchObserver | None = None,
    ) -> None:
        self.scorer = scorer
        self._max_batch = max_batch
        self._max_queue = max_queue
        self._deadline_seconds = deadline_seconds
        self._observer = observer or NullObserver()
        self._line: deque[_Call] = deque()
        self._in_pass: list[_Call] = []
        self._pass_size = 0
        self._depth = 0
        self._failing = False
        self._thread: ScoringThread | None = None
        self._stopped = asyncio.Event()

    @property
    def ready(self) -> bool:
        """Whether it is open, its scorer is ready, and the last pass came back in time and with scores."""
        return self._thread is not None and not self._failing and self.scorer.ready()

    async def start(self) -> None:
        """Starts the thread; call once, before `score`."""
        loop = asyncio.get_running_loop()

        def deliver(outcome: Outcome | None) -> None:
            try:
                loop.call_soon_threadsafe(self._delivered, outcome)
            except RuntimeError:
                pass  # the loop is gone: nobody is left to tell

        self._thread = ScoringThread(self.scorer, deliver)
        self._thread.start()

    async def aclose(self) -> None:
        """Fails every call (`closed`) and ends the thread; one that hangs is left behind, never waited for long."""
        if self._thread is None:
            return
        thread = self._thread
        self._thread = None
        for call in [*self._line, *self._in_pass]:
            call.settle(ScorerUnavailable("closed"))
        self._line.clear()
        self._note_depth()
        thread.stop()
        try:
            await asyncio.wait_for(self._stopped.wait(), min(_STOP_SECONDS, self._deadline_seconds))
        except TimeoutError:
            pass

    async def score(self, texts: Sequence[str], thresholds: ThresholdValues = EXACT) -> list[Scores]:
        """One `Scores` for each text, same order. ScorerUnavailable with the reason if there is none in time.

        `thresholds` holds the thresholds that the scores will be held against: below them, upper bounds will do.
        """
        if not texts:
            return []
        try:
            return await self._score(texts, thresholds)
        except ScorerUnavailable as error:
            self._observer.scorer_failed(error.reason)
            raise

    async def probe(self) -> bool:
        """Whether it is ready after scoring a harmless text: makes a recovered scorer ready again without traffic."""
        try:
            await self.score([_HARMLESS])
        except ScorerUnavailable:
            return False
        return self.ready

    async def _score(self, texts: Sequence[str], thresholds: ThresholdValues) -> list[Scores]:
        if self._thread is None:
            raise ScorerUnavailable("closed")
        if self._depth + len(texts) > self._max_queue:
            raise ScorerUnavailable("overloaded")
        call = self._enqueue(texts, thresholds)
        try:
            async with asyncio.timeout(self._deadline_seconds):
                return await call.future
        except TimeoutError:
            self._failing = True
            raise ScorerUnavailable("deadline") from None
        finally:
            self._forget(call)

    def _enqueue(self, texts: Sequence[str], thresholds: ThresholdValues) -> _Call:
        call = _Call(texts, thresholds)
        self._line.append(call)
        self._note_depth()
        # Not at once: callers that come in the same turn of the loop share the pass.
        asyncio.get_running_loop().call_soon(self._dispatch)
        return call

    def _forget(self, call: _Call) -> None:
        if call in self._line:
            self._line.remove(call)
            self._note_depth()

    def _note_depth(self) -> None:
        self._depth = sum(call.waiting for call in self._line)
        self._observer.queue_depth(self._depth)

    def _dispatch(self) -> None:
        """Starts a pass, unless one is under way or nothing waits."""
        if self._thread is None or self._in_pass or not self._line:
            return
        groups: list[list[str]] = []
        for _ in range(len(self._line)):
            room = self._max_batch - sum(map(len, groups))
            if room <= 0:
                break
            self._board(self._line.popleft(), room, groups)
        thresholds = [call.thresholds for call in self._in_pass]
        self._line.extend(call for call in self._in_pass if call.waiting)
        self._pass_size = sum(map(len, groups))
        self._note_depth()
        if groups:
            self._thread.submit(groups, thresholds)

    def _board(self, call: _Call, room: int, groups: list[list[str]]) -> None:
        """Puts up to `room` texts of a call into the next pass, unless the call has already failed."""
        if not call.future.done():
            groups.append(call.take(room))
            self._in_pass.append(call)

    def _delivered(self, outcome: Outcome | None) -> None:
        """Takes what the thread hands over: the outcome of the pass, or None as its last sign."""
        calls = self._in_pass
        self._in_pass = []
        if outcome is None:
            self._stopped.set()
            return
        for call, result in zip(calls, outcome.results, strict=True):
            call.settle(result)
        scored = any(not isinstance(result, ScorerUnavailable) for result in outcome.results)
        self._failing = not scored
        if scored:
            self._observer.batch_scored(self._pass_size, outcome.seconds)
        self._dispatch()
