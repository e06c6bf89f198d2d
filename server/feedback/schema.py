"""The tables of a database, brought to the version that this server knows, and back.

A step runs in one transaction with the note that it was taken. Of several servers that start at once one takes it.
"""

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, text

from server.errors import UnsayError

LOCK = 7_821_646_121
"""Postgres' advisory lock of our migrations: `unsay` in no particular spelling."""


class UnknownSchema(UnsayError):
    """The tables are of a version that this server does not know: a newer one has been here."""


def upgrade(engine: Engine, to: str = "head") -> None:
    """Take every step up to the newest. UnknownSchema if the tables are newer than that."""
    with engine.begin() as connection:
        _lock(connection)
        try:
            command.upgrade(_config(connection), to)
        except CommandError as error:
            raise UnknownSchema(str(error)) from None


def downgrade(engine: Engine, to: str) -> None:
    """Take steps back to a version, or `base` for none: what only later ones can hold is lost."""
    with engine.begin() as connection:
        _lock(connection)
        try:
            command.downgrade(_config(connection), to)
        except CommandError as error:
            raise UnknownSchema(str(error)) from None


def current(engine: Engine) -> str | None:
    """Return the version of the tables; None if there are none."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def newest() -> str:
    """Return the version that this server works with."""
    found = ScriptDirectory.from_config(_config(None)).get_current_head()
    assert found is not None
    return found


def _lock(connection: Connection) -> None:
    """Wait for whoever else migrates. SQLite has locked the file by then."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})


def _config(connection: Connection | None) -> Config:
    config = Config()
    config.set_main_option("script_location", "server.feedback:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
