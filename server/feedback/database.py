"""The database: SQLite in a file by default, Postgres by URL. Work in it is done in threads of its own.

1. A transaction that writes is durable when `run` returns: what was acknowledged is not lost.
2. Nothing waits for ever: for a lock, a connection or an answer it is seconds. What does not come is `Unavailable`, and
   the next call tries again. The server starts and serves without its database.
3. The tables are brought to this version before the first work.
4. The file holds what people wrote: only its owner may read it, and what is deleted is overwritten.
"""

import asyncio
import os
import stat
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, DisconnectionError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from server.errors import StartError, Unavailable
from server.feedback import schema
from server.telemetry import logs

T = TypeVar("T")

EXPECTED = "expected a file, sqlite:///FILE or postgresql://USER@HOST/NAME"
WAIT_SECONDS = 5
RETRY_AFTER_SECONDS = 5.0
MOST_WAITING = 32
"""Calls at a time: of one more, and of a database that hangs, nobody knows when its turn would come."""
_THREADS = 4
_OWNER_ONLY = 0o600
_OTHERS = 0o077
_DOWN = (OperationalError, InterfaceError, DisconnectionError, PoolTimeout)
"""What says of the database that it is not there, or busy."""

log = logs.logger("feedback")


def address(url: str) -> URL:
    """Return where the database is. StartError, without the URL, if that cannot be."""
    try:
        parsed = make_url(url) if "://" in url else URL.create("sqlite", database=url)
    except ArgumentError:
        raise StartError(f"feedback_db: {EXPECTED}") from None
    if parsed.drivername == "sqlite" and parsed.database not in (None, "", ":memory:"):
        return parsed
    if parsed.drivername in ("postgresql", "postgres"):
        return parsed.set(drivername="postgresql+psycopg")
    raise StartError(f"feedback_db: {EXPECTED}")


def check(url: str | None) -> None:
    """Check, before anything is started, that a database can be there. StartError if it cannot."""
    if url is not None:
        Database(url).close()


class Database:
    """The database at `url`. StartError if there can be none."""

    def __init__(self, url: str) -> None:
        self._engine = _engine(address(url))
        self._threads = ThreadPoolExecutor(_THREADS, "feedback")
        self._upgrading = threading.Lock()
        self._waiting = 0
        self._ready = False
        self._down = False

    @property
    def engine(self) -> Engine:
        """For migrations."""
        return self._engine

    async def run(self, work: Callable[[Session], T]) -> T:
        """Return what work comes to in one transaction, which is committed then. Unavailable if the database is not."""
        if self._waiting >= MOST_WAITING:
            raise self._lost("too much waits for it")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, self.now, work)
        finally:
            self._waiting -= 1

    def now(self, work: Callable[[Session], T], *, reading: bool = False) -> T:
        """Do the same in this thread. `reading`: it writes nothing, and nobody waits for it."""
        try:
            self._make_ready()
            with Session(self._engine.execution_options(reading=reading), expire_on_commit=False) as session:
                with session.begin():
                    found = work(session)
        except _DOWN as error:
            raise self._lost(type(error).__name__) from None
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
            raise self._lost(type(error).__name__) from None
        self._found()
        return found

    def _make_ready(self) -> None:
        with self._upgrading:
            if self._ready:
                return
            try:
                schema.upgrade(self._engine)
            except schema.UnknownSchema:
                raise self._lost("it was made by a newer version") from None
            self._ready = True

    def _lost(self, reason: str) -> Unavailable:
        if not self._down:
            self._down = True
            log.error(
                "the database does not answer: feedback is refused, and answers are served", extra={"why": reason}
            )
        return Unavailable("feedback cannot be kept just now, as its database does not answer", RETRY_AFTER_SECONDS)

    def _found(self) -> None:
        if self._down:
            self._down = False
            log.info("the database answers again")

    def close(self) -> None:
        """Wait for what is under way, and leave."""
        self._threads.shutdown()
        self._engine.dispose()


def _engine(url: URL) -> Engine:
    if url.drivername == "sqlite":
        return _sqlite(url, Path(str(url.database)))
    try:
        return create_engine(
            url,
            pool_pre_ping=True,
            pool_size=_THREADS,
            pool_timeout=WAIT_SECONDS,
            connect_args={
                "connect_timeout": WAIT_SECONDS,
                "options": f"-c statement_timeout={WAIT_SECONDS}s -c lock_timeout={WAIT_SECONDS}s",
            },
        )
    except ImportError:
        raise StartError("feedback_db: Postgres needs its client; `pip install 'unsay[postgres]'`") from None


def _sqlite(url: URL, path: Path) -> Engine:
    _make_private(path)
    engine = create_engine(url, connect_args={"timeout": WAIT_SECONDS}, pool_timeout=WAIT_SECONDS)
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _make_private(path: Path) -> None:
    """Create the file if it is missing. StartError if it cannot be written, or others may read it."""
    try:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NONBLOCK, _OWNER_ONLY)
    except OSError as error:
        raise StartError(f"feedback_db: {path}: {error.strerror}; name a file that can be written") from None
    try:
        status = os.fstat(file)
    finally:
        os.close(file)
    if not stat.S_ISREG(status.st_mode):
        raise StartError(f"feedback_db: {path} is no regular file; name one that is, or one that is not there yet")
    if status.st_mode & _OTHERS:
        raise StartError(f"feedback_db: others may read {path}; `chmod 600` it, or name one that is not there yet")


def _prepare(connection: Any, _record: object) -> None:
    """Set what SQLite asks for with every connection; transactions are begun by `_begin`."""
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    """Take the lock for writing at once: a transaction that has read may not get it any more."""
    reading = connection.get_execution_options().get("reading", False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")
