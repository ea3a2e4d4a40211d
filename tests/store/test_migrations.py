from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text

from scheduler.errors import DatabaseTooNew, DatabaseUnusable
from scheduler.store.database import Database, open_database
from scheduler.store.migrate import has_our_tables, migrate
from scheduler.store.tables import metadata


async def test_the_migrations_make_exactly_the_tables(database: Database) -> None:
    def differences(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))

    async with database.read() as connection:
        found = await connection.run_sync(differences)

    assert found == []


async def test_migrating_twice_changes_nothing(database: Database) -> None:
    assert await migrate(database) == await migrate(database)


async def test_replicas_that_start_at_once_come_one_after_the_other(empty_postgres: str) -> None:
    """On an empty database: one migrates, the others wait for it, nobody fails."""
    replicas = [open_database(empty_postgres) for _ in range(3)]

    versions = await asyncio.gather(*(migrate(replica) for replica in replicas))
    for replica in replicas:
        await replica.close()

    assert len(set(versions)) == 1


async def test_a_service_sees_that_a_newer_program_migrated_its_database(database: Database) -> None:
    async with database.write() as connection:
        before = await has_our_tables(connection)
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

        assert (before, await has_our_tables(connection)) == (True, False)


async def test_a_newer_database_is_refused(database: Database) -> None:
    async with database.write() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(DatabaseTooNew, match="newer program"):
        await migrate(database)


async def test_the_file_of_another_program_stays_as_it_is(tmp_path: Path) -> None:
    """D10; to the last octet."""
    file = tmp_path / "theirs.sqlite"
    with closing(sqlite3.connect(file)) as theirs:
        theirs.execute("CREATE TABLE books (title TEXT)")
    before = file.read_bytes()
    database = open_database(f"sqlite:///{file}")

    with pytest.raises(DatabaseUnusable, match=r"another program \(books\)"):
        await migrate(database)

    await database.close()
    assert file.read_bytes() == before


async def test_sqlite_survives_the_loss_of_power(tmp_path: Path) -> None:
    """A kill test cannot see synchronous=NORMAL, so the settings themselves are looked at."""
    database = open_database(f"sqlite:///{tmp_path / 'new' / 'test.sqlite'}")

    async with database.write() as connection:
        mode = await connection.scalar(text("PRAGMA journal_mode"))
        synchronous = await connection.scalar(text("PRAGMA synchronous"))
        foreign_keys = await connection.scalar(text("PRAGMA foreign_keys"))
    await database.close()

    assert (mode, synchronous, foreign_keys) == ("wal", 2, 1)
