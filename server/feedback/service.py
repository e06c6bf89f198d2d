"""Feedback of one server: its database, what writes into it, and what may be asked of it."""

import asyncio
import time
from collections.abc import Callable, Collection
from contextlib import AsyncExitStack
from typing import Any, Protocol, TypeVar

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from server.configuration import Settings
from server.errors import NotFound, Unavailable
from server.feedback import judgement, retention, review, verdicts
from server.feedback.audit import Audit, LoggedAudit
from server.feedback.database import Database
from server.feedback.recorder import Recorder, RecordObserver
from server.feedback.records import Selection
from server.telemetry import logs

T = TypeVar("T")

ROUND_SECONDS = 3600.0
"""Between two looks for what is too old."""
SETTLING_SECONDS = 2.0
"""That an answer is waited for which is on its way into the database."""

log = logs.logger("feedback")


def begun(
    settings: Settings, observer: "FeedbackObserver", closing: AsyncExitStack, audit: Audit | None = None
) -> "Feedback | None":
    """Begin to keep feedback, on the event loop that runs, until `closing` closes; None if nobody wants it kept.

    `audit` is told what is done with it (None: the log).

    StartError if there can be no such database. One that does not answer is no reason not to serve.
    """
    if settings.feedback_db is None:
        return None
    selection = Selection(settings.review_sample, settings.review_twice)
    database, days = Database(settings.feedback_db), settings.feedback_days
    feedback = Feedback(database, observer, days=days, selection=selection, audit=audit)
    feedback.begin()
    closing.push_async_callback(feedback.aclose)
    return feedback


class FeedbackObserver(RecordObserver, Protocol):
    """Is told of what is said, too."""

    def feedback_given(self, verdict: verdicts.Verdict) -> None:
        """Count a verdict that is in the database, and was not before."""

    def feedback_failed(self) -> None:
        """Count a time that the database did not answer."""


class Feedback:
    """What is kept of answers in a database, for so many days (0: for good), and what people say of them.

    `audit` is told who does what with it (None: the log). `now` gives seconds since 1970. Begin it on the event loop.
    """

    def __init__(
        self,
        database: Database,
        observer: FeedbackObserver,
        *,
        days: float,
        selection: Selection,
        audit: Audit | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._observer = observer
        self._days = days
        self._audit = audit or LoggedAudit()
        self._now = now
        self._task: asyncio.Task[None] | None = None
        self.selection = selection
        self.recorder = Recorder(database, observer)

    def begin(self) -> None:
        """Begin to write, and to delete what is too old."""
        self.recorder.begin()
        self._task = asyncio.create_task(self._rounds())

    async def aclose(self) -> None:
        """Write what waits, and leave the database."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self.recorder.aclose()
        await asyncio.to_thread(self._database.close)

    async def say(self, said: verdicts.Said, key: str, idempotency: str | None) -> verdicts.Noted:
        """Note a verdict, which is in the database then. RequestError if that cannot be."""

        def work(session: Session) -> verdicts.Noted:
            return verdicts.add(session, said, key, idempotency, self._now())

        try:
            noted = await self._twice(work)
        except NotFound:  # it may not be written yet
            await self.recorder.settled(SETTLING_SECONDS)
            noted = await self._twice(work)
        if noted.fresh:
            self._observer.feedback_given(said.verdict)
            self._audit.note("feedback", key=key, id=noted.id, response=said.response_id, verdict=said.verdict)
        return noted

    async def take(self, reviewer: review.Reviewer, skipping: Collection[int]) -> dict[str, Any] | None:
        """Return what a reviewer should see next."""
        item = await self._twice(lambda session: review.take(session, reviewer, self._now(), skipping))
        if item is not None:
            self._audit.note("review_shown", key=reviewer.name, item=item["item"], flagged=bool(item["taken_back"]))
        return item

    async def judge(self, judged: judgement.Judged, reviewer: review.Reviewer) -> None:
        """Note what a reviewer says, which is in the database then. RequestError if that cannot be."""
        first = await self._twice(lambda session: review.add(session, judged, reviewer, self._now()))
        self._audit.note("review", key=reviewer.name, item=judged.item, toxic=judged.toxic, first=first)

    async def status(self, reviewer: review.Reviewer) -> dict[str, Any]:
        """Return how reviewing goes."""
        return await self._twice(lambda session: review.status(session, reviewer))

    async def _twice(self, work: Callable[[Session], T]) -> T:
        """Do work again if somebody else has written the same meanwhile: the second time it is found."""
        try:
            try:
                return await self._database.run(work)
            except IntegrityError:
                return await self._database.run(work)
        except Unavailable:
            self._observer.feedback_failed()
            raise

    async def _rounds(self) -> None:
        while True:
            await self._purge()
            await asyncio.sleep(ROUND_SECONDS)

    async def _purge(self) -> None:
        """Delete what is too old, and make the tables by the way, so that a database that is not there is told of."""
        days = self._days
        try:
            deleted = await self._database.run(
                lambda session: 0 if not days else retention.purge(session, days, self._now())
            )
        except Unavailable:
            self._observer.feedback_failed()
            return
        if deleted:
            self._audit.note("retention", answers=deleted, days=days)
