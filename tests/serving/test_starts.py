"""A start on a database that is not what it was (D10): one sentence, and nothing is made over data."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import text

from scheduler.cli.serve import _open_database
from scheduler.errors import DatabaseAway, DatabaseTooNew, DatabaseUnusable
from scheduler.settings import Settings
from scheduler.store.database import open_database
from scheduler.store.migrate import _config, migrate


@pytest.fixture
def settings(tmp_path: Path, migrated_sqlite: Path) -> Settings:
    """A database with all tables, where a service looks for it."""
    (tmp_path / "scheduler.sqlite").write_bytes(migrated_sqlite.read_bytes())
    return Settings(data=tmp_path)


async def served(settings: Settings) -> None:
    async with _open_database(settings):
        pass


def vanish(settings: Settings) -> Path:
    for file in settings.data.glob("scheduler.sqlite*"):
        if file.suffix != ".lock":
            file.unlink()
    return settings.data / "scheduler.sqlite"


async def test_a_database_that_was_deleted_is_not_begun_anew(settings: Settings) -> None:
    """It would remember nothing, and invite everybody again."""
    await served(settings)
    file = vanish(settings)

    with pytest.raises(DatabaseUnusable, match=r"gone.* scheduler db restore FILE\. To begin anew"):
        await served(settings)

    assert not file.exists()


async def test_a_key_without_its_database_is_a_trace_as_well(settings: Settings) -> None:
    vanish(settings)
    (settings.data / "secret-key").write_text("a key of before")

    with pytest.raises(DatabaseUnusable, match="secret-key is still there"):
        await served(settings)


@pytest.mark.parametrize("left", [b"", None])
async def test_an_empty_file_is_no_database_either(settings: Settings, left: bytes | None) -> None:
    """Nothing in it at all, or the head that SQLite writes before the first table."""
    await served(settings)
    file = vanish(settings)
    if left is None:
        with closing(sqlite3.connect(file)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
    else:
        file.write_bytes(left)

    with pytest.raises(DatabaseUnusable, match="gone, or empty"):
        await served(settings)


async def test_who_begins_anew_says_so(settings: Settings) -> None:
    """`scheduler db upgrade` makes the tables, and the next start finds them."""
    await served(settings)
    vanish(settings)
    database = open_database(settings.database_url.get_secret_value())
    await migrate(database)
    await database.close()

    await served(settings)


async def test_a_start_that_was_killed_before_it_had_tables_is_none(settings: Settings) -> None:
    """C02: it had made an empty file and taken its lock."""
    vanish(settings).touch()
    (settings.data / "scheduler.sqlite.lock").touch()

    await served(settings)


async def test_a_database_that_is_deleted_under_a_service_is_not_made_anew(settings: Settings) -> None:
    async with _open_database(settings) as database:
        await database.reader.dispose()
        file = vanish(settings)

        with pytest.raises(DatabaseAway, match="unable to open"):
            async with database.read() as connection:
                await connection.execute(text("SELECT 1 FROM state"))
        assert not file.exists()


async def test_garbage_is_refused_and_left_as_it_is(settings: Settings) -> None:
    garbage = b"somebody's letter\n" * 100
    vanish(settings).write_bytes(garbage)

    with pytest.raises(DatabaseUnusable, match=r"file is not a database.*nothing was changed"):
        await served(settings)

    assert (settings.data / "scheduler.sqlite").read_bytes() == garbage


async def test_older_tables_are_brought_to_those_of_this_program(settings: Settings) -> None:
    vanish(settings)
    database = open_database(settings.database_url.get_secret_value())
    config = _config()
    async with database.write() as connection:
        config.attributes["connection"] = connection.sync_connection
        await connection.run_sync(lambda _: command.upgrade(config, "0001"))
    await database.close()

    await served(settings)


async def test_newer_tables_are_refused(settings: Settings) -> None:
    with closing(sqlite3.connect(settings.data / "scheduler.sqlite")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()

    with pytest.raises(DatabaseTooNew, match="newer program"):
        await served(settings)
