"""The way in: what the engine drafts and what the scorer says of it becomes events for the guard of one choice.

1. Drafts go into the transcript. One task follows those of the current attempt; beginning the next one ends it.
2. The guard hears of tokens once something can come of them, and before anything else that it hears of.
3. One task waits for the verdict on a window. A verdict on a text that is gone is counted and otherwise ignored.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import aclosing

from filters.passage import Passage
from filters.scorer import ScorerUnavailable, Scores
from filters.verdict import Cleared as ClearedText
from filters.verdict import Flagged as FlaggedText
from server.errors import ScorerDown
from server.generation.account import Account
from server.generation.draft import Draft
from server.generation.glance import Glance
from server.generation.race import Race
from server.generation.retrying import Retrying
from server.generation.services import Services
from server.generation.tasks import Tasks
from server.generation.transcript import Transcript, places_around
from server.guard.commands import Rewind, Score
from server.guard.events import Cleared, Drafted, Ended, Event, Flagged, ScorerFailed
from server.guard.state import GuardState
from server.guard.windows import leaves_waiting
from server.policy.policy import Policy
from server.policy.standard import standard

log = logging.getLogger("unsay.guard")


class Following:
    """Follows what is drafted for one choice. `state` tells where its guard stands, `advance` hands it an event.

    `room` waits until the reader has caught up, `alarms` tells whether a flag is likely (glance.py).
    """

    def __init__(
        self,
        transcript: Transcript,
        policy: Policy,
        account: Account,
        retrying: Retrying,
        tasks: Tasks,
        *,
        room: Callable[[], Awaitable[None]],
        state: Callable[[], GuardState],
        advance: Callable[[Event], None],
        alarms: Callable[[], bool],
    ) -> None:
        self._transcript = transcript
        self._policy = policy
        self._account = account
        self._retrying = retrying
        self._tasks = tasks
        self._room = room
        self._state = state
        self._advance = advance
        self._alarms = alarms
        self._task: asyncio.Task[None] | None = None

    def begin(self, rewind: Rewind | None = None) -> None:
        """Draft the current attempt after the tokens that stand, or that `rewind` leaves standing, if one led to it."""
        self.end()
        if rewind is not None:
            self.cut(rewind.to)
        attempt, race = self._state().attempt, self._retrying.drafts(self._state(), rewind)
        self._account.spans.drafting(attempt, rewind.strategy if rewind else None)
        self._task = self._tasks.spawn(lambda: self._follow(attempt, race))

    def end(self) -> None:
        """Cancel the drafting task, unless we are inside it: that one checks whether all is over and ends."""
        if self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel()

    def cut(self, to: int) -> None:
        """Take back every token from `to` on, and the bans after it."""
        self._account.discarded(len(self._transcript.tokens) - to)
        self._transcript.cut(to)
        self._retrying.cut(to)

    def feed(self, event: Event) -> None:
        """Tell the guard of an event, and before it of all that was drafted."""
        self.catch_up()
        self._advance(event)

    def catch_up(self) -> None:
        """Tell the guard of the tokens held back so far because nothing could have come of them."""
        state, drafted = self._state(), len(self._transcript.tokens)
        if drafted > state.drafted:
            self._advance(Drafted(state.attempt, drafted, 0))

    async def _follow(self, attempt: int, race: Race) -> None:
        """Take the drafts of an attempt, as long as it is the current one and the reader keeps up."""
        lost = 0
        async with aclosing(race.drafts()) as drafts:
            async for draft in drafts:
                self._take(attempt, draft, race.lost - lost)
                lost = race.lost
                if self._over(attempt):
                    return
                await self._room()
        raise RuntimeError("the engine's draft ended without a finish reason")

    def _over(self, attempt: int) -> bool:
        state = self._state()
        return attempt != state.attempt or state.finished or self._transcript.ending is not None

    def _take(self, attempt: int, draft: Draft, lost: int) -> None:
        for at, part in enumerate(draft.split() if self._state().fixed_windows else [draft]):
            if not self._over(attempt):
                self._append(attempt, part, 0 if at else lost)

    def _append(self, attempt: int, draft: Draft, lost: int) -> None:
        self._transcript.append(draft)
        self._account.discarded(lost)
        drafted = len(self._transcript.tokens)
        if draft.tokens:
            self._account.drafted(drafted)
            alarm = self._alarms()
            if lost or alarm or not leaves_waiting(self._state(), drafted, self._policy):
                self._advance(Drafted(attempt, drafted, self._transcript.judgeable(), lost, alarm))
        if self._transcript.finish_reason is not None:
            self.feed(Ended(attempt, self._transcript.finish_reason))


class Judging:
    """Has the windows of one choice judged. `state` tells where its guard stands.

    `feed` hands it an event, `flagged` a flag with its scores. Where its policy holds back what gets no verdict,
    and the request is still `retriable`, the choice fails as if one of its `tasks` had.
    """

    def __init__(
        self,
        services: Services,
        transcript: Transcript,
        policy: Policy,
        account: Account,
        tasks: Tasks,
        *,
        state: Callable[[], GuardState],
        retriable: Callable[[], bool],
        feed: Callable[[Event], None],
        flagged: Callable[[Flagged, Scores], None],
    ) -> None:
        self._judge = services.judge
        self._now = services.now
        self._transcript = transcript
        self._policy = policy
        self._standard = standard(policy)
        self._account = account
        self._glance = Glance(services, transcript, policy)
        self._tasks = tasks
        self._state = state
        self._retriable = retriable
        self._feed = feed
        self._flagged = flagged

    @property
    def scorer_name(self) -> str:
        """The name of the scorer that judges."""
        return self._judge.scorer_name

    @property
    def gate(self) -> str:
        """What exactly judges now."""
        return self._judge.gate

    def begin(self, score: Score) -> None:
        """Give the text of a window to the judge, as it stands now."""
        passage, start = self._transcript.passage(score.window, self._state().released)
        clear = self._glance.verdict(score.window, passage, closes=self._state().ended is not None)
        self._tasks.spawn(lambda: self._follow(score, passage, start, clear))

    def alarms(self) -> bool:
        """Return whether the model's probe takes what is drafted for likely to be flagged."""
        return self._glance.alarms(self._state())

    def over(self) -> None:
        """Note how the last rewind ended, in which language the answer is written, and whether all of it is read."""
        state, found = self._state(), self._judge.language(self._transcript.answer)
        if state.fallback is not None or state.complete:
            self._account.settled("cleared" if state.fallback is None else "exhausted")
        self._account.heard(found.language, unread=state.unread or found.unread(self._judge.languages))

    async def _follow(self, score: Score, passage: Passage, start: int, clear: ClearedText | None) -> None:
        """Wait for the verdict on a window, whose text begins at character `start`, unless it is `clear` already."""
        scoring, since = self._account.spans.scoring(score), self._now()
        try:
            verdict = clear or await self._judge.judge(passage, self._standard)
        except ScorerUnavailable as error:
            scoring.over(None)
            return self._unjudged(score, error.reason, self._now() - since)
        scoring.over(verdict)
        self._account.judged(verdict, score, passage, start, self._now() - since)
        if isinstance(verdict, FlaggedText):
            return self._turned(score, verdict, start + verdict.span.start)
        self._account.tally.keep(verdict.scores)
        self._feed(Cleared(score.attempt, score.window, verdict.unread))

    def _turned(self, score: Score, verdict: FlaggedText, character: int) -> None:
        """Report that the text of a window turns at `character`."""
        if score.attempt != self._state().attempt:
            return  # of a text that is gone
        onset, places = self._transcript.token_at(character), places_around(self._transcript, character)
        spent = self._account.flagged(score, onset) > self._policy.max_rewind_seconds
        event = Flagged(score.attempt, score.window, onset, places, spent, verdict.unread)
        self._flagged(event, verdict.scores)

    def _unjudged(self, score: Score, reason: str, seconds: float) -> None:
        self._account.unjudged(reason, score, seconds)
        holds = self._policy.holds_unscored
        log.warning("no verdict: text %s", "held back" if holds else "released unscored", extra={"reason": reason})
        if holds and self._retriable():
            self._tasks.failed(ScorerDown(reason))
        self._feed(ScorerFailed(score.attempt, score.window))
