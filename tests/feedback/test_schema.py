"""The tables' way up and down, in each kind of database, and that migrations and tables say the same."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text

from server.errors import Unavailable
from server.feedback import schema
from server.feedback.database import Database
from server.feedback.tables import Base
from tests.feedback.rows import kept, row


def names(database: Database) -> set[str]:
    return set(inspect(database.engine).get_table_names()) - {"alembic_version"}


def test_the_tables_come_and_go_and_come_again(database: Database) -> None:
    assert schema.current(database.engine) is None
    schema.upgrade(database.engine)
    assert schema.current(database.engine) == schema.newest() and names(database) == set(Base.metadata.tables)
    schema.downgrade(database.engine, "base")
    assert schema.current(database.engine) is None and names(database) == set()
    assert kept(database, row()) == [1]


def test_migrations_make_the_tables_that_the_code_works_with(database: Database) -> None:
    schema.upgrade(database.engine)
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_the_first_work_makes_the_tables_and_an_upgrade_again_loses_nothing(database: Database) -> None:
    assert kept(database, row()) == [1]
    schema.upgrade(database.engine)
    assert kept(database, row()) == [1, 2]


def test_of_several_servers_that_start_at_once_one_makes_them(url: str) -> None:
    servers = [Database(url) for _ in range(4)]
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda server: kept(server, row()), servers))
    assert len(kept(servers[0], row())) == 5
    for server in servers:
        server.close()


def test_tables_of_a_newer_version_are_left_alone(database: Database) -> None:
    schema.upgrade(database.engine)
    with database.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(schema.UnknownSchema, match="9999"):
        schema.upgrade(database.engine)
    fresh = Database(str(database.engine.url.render_as_string(hide_password=False)).replace("+psycopg", ""))
    with pytest.raises(Unavailable):
        kept(fresh, row())
    fresh.close()
    with pytest.raises(schema.UnknownSchema):
        schema.downgrade(database.engine, "nosuch")
