"""Writes rows of answers off the path of requests.

1. A request leaves its rows in a bounded queue and waits for nothing.
2. What does not fit, because the database is slow or down, is dropped and counted. So is what it refuses.
3. Rows that wait for a database that is down are written when it is back.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from itertools import islice
from typing import Literal, Protocol, get_args

from sqlalchemy import insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from server.errors import Unavailable
from server.feedback.database import Database
from server.feedback.records import Row
from server.feedback.tables import AnswerRow
from server.telemetry import logs

Fate = Literal["written", "dropped", "refused"]
FATES: tuple[Fate, ...] = get_args(Fate)

MOST_ROWS = 1_000
MOST_CHARACTERS = 32_000_000
"""Of all texts in the queue."""
BATCH = 100
PAUSE_SECONDS = 1.0
"""Before a database that is down is tried again."""
LATEST_SECONDS = 60.0
"""After which the verdicts on an answer that has ended are waited for no longer."""
LAST_SECONDS = 3.0
"""For what waits when the server ends."""

Make = Callable[[], Sequence[Row]]
Wait = Callable[[], Awaitable[None]]

log = logs.logger("feedback")


class RecordObserver(Protocol):
    """Is told of what becomes of rows."""

    def answers_recorded(self, fate: Fate, count: int) -> None:
        """Count rows that are in the database, did not fit into the queue, or were refused by the database."""


class Recorder:
    """The queue of a server, and what empties it once it has begun."""

    def __init__(self, database: Database, observer: RecordObserver, *, most_rows: int = MOST_ROWS) -> None:
        self._database = database
        self._observer = observer
        self._most_rows = most_rows
        self._rows: deque[Row] = deque()
        self._characters = 0
        self._filled = asyncio.Event()
        self._emptied = asyncio.Event()
        self._emptied.set()
        self._task: asyncio.Task[None] | None = None
        self._coming: set[asyncio.Task[None]] = set()

    def begin(self) -> None:
        """Begin to write, on the event loop that runs."""
        self._task = asyncio.create_task(self._write())

    def add(self, make: Make, waits: Sequence[Wait] = ()) -> None:
        """Have rows written that are made once all `waits` are over, or drop them. Never waits, and never raises."""
        if waits:
            task = asyncio.create_task(self._add_after(make, waits))
            task.add_done_callback(self._coming.discard)
            self._coming.add(task)
            return
        try:
            rows = make()
        except Exception as error:  # no answer depends on its record
            log.exception("an answer cannot be recorded", exc_info=error)
            self._observer.answers_recorded("refused", 1)
        else:
            self._queue(rows)

    async def _add_after(self, make: Make, waits: Sequence[Wait]) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(LATEST_SECONDS):
                for wait in waits:
                    await wait()
        self.add(make)

    def _queue(self, rows: Sequence[Row]) -> None:
        size = sum(map(_size, rows))
        if len(self._rows) + len(rows) > self._most_rows or self._characters + size > MOST_CHARACTERS:
            self._observer.answers_recorded("dropped", len(rows))
            return
        self._rows.extend(rows)
        self._characters += size
        if rows:
            self._emptied.clear()
            self._filled.set()

    async def settled(self, seconds: float) -> None:
        """Wait until all is written, no longer than so many seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                if self._coming:
                    await asyncio.wait(self._coming)
                await self._emptied.wait()

    async def aclose(self) -> None:
        """Write what waits, if the database takes it soon, and stop."""
        if self._task is None:
            return
        await self.settled(LAST_SECONDS)
        tasks = (self._task, *self._coming)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._rows:
            self._observer.answers_recorded("dropped", len(self._rows))

    async def _write(self) -> None:
        while True:
            await self._filled.wait()
            batch = list(islice(self._rows, BATCH))
            try:
                await self._database.run(partial(_insert, batch))
            except Unavailable:
                await asyncio.sleep(PAUSE_SECONDS)
                continue
            except DBAPIError as error:
                log.error("the database refuses answers", extra={"why": type(error).__name__, "rows": len(batch)})
                self._done(batch, "refused")
            else:
                self._done(batch, "written")

    def _done(self, batch: Sequence[Row], fate: Fate) -> None:
        self._observer.answers_recorded(fate, len(batch))
        for row in batch:
            self._rows.popleft()
            self._characters -= _size(row)
        if not self._rows:
            self._filled.clear()
            self._emptied.set()


def _insert(rows: Sequence[Row], session: Session) -> None:
    session.execute(insert(AnswerRow), rows)


def _size(row: Row) -> int:
    texts = (row["text"], row["prompt"], *(row["rejected"] or ()))
    return sum(len(text) for text in texts if text is not None)
