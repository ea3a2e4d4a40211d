"""Brings a database to the tables of this program; a newer one is refused, never touched."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from functools import lru_cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from scheduler.errors import DatabaseAway, DatabaseTooNew, DatabaseUnusable
from scheduler.shipped import shipped
from scheduler.store.database import Database
from scheduler.store.tables import metadata

#: The name of the lock that a migration holds until it is done: replicas that start at once come one after
#: the other, and all but the first find nothing to do.
_KEY = 0x4C436974696573 + 2
_MOVE_TO_HEAD = (
    # it may take as long as it needs, and the others may wait for it as long
    "SET LOCAL lock_timeout = 0",
    "SET LOCAL statement_timeout = 0",
    f"SELECT pg_advisory_xact_lock({_KEY})",
)


async def migrate(database: Database) -> str:
    """Runs what is missing, in one transaction, alone; gives the version reached.

    Raises DatabaseTooNew when the database was written by a newer program, DatabaseUnusable when it
    cannot be reached or is none.
    """
    if database.file:
        await asyncio.to_thread(_look_before, database.file)
    try:
        async with database.write() as connection:
            await _be_alone(connection)
            return await connection.run_sync(_upgrade)
    except DatabaseAway as error:
        raise DatabaseUnusable(f"{error}; nothing was changed") from error
    except DBAPIError as error:
        raise DatabaseUnusable(f"the database cannot be used ({error.orig}); nothing was changed") from error


async def _be_alone(connection: AsyncConnection) -> None:
    """Until the transaction ends; on SQLite whoever writes is alone anyway."""
    if connection.dialect.name == "postgresql":
        for statement in _MOVE_TO_HEAD:
            await connection.execute(text(statement))


async def has_our_tables(connection: AsyncConnection) -> bool:
    """False where a newer program has migrated the database under a service that runs."""
    return bool(await connection.scalar(_VERSION) == _head())


_VERSION = text("SELECT version_num FROM alembic_version")


@lru_cache(maxsize=1)
def _head() -> str | None:
    return scripts().get_current_head()


async def check_version(database: Database) -> None:
    """For commands that only look. Raises DatabaseUnusable unless the tables are those of this program."""
    try:
        async with database.read() as connection:
            current = await connection.run_sync(
                lambda sync: MigrationContext.configure(sync).get_current_revision()
            )
    except (DatabaseAway, DBAPIError) as error:
        raise DatabaseUnusable(f"the database cannot be read ({error})") from error
    head = scripts().get_current_head()
    if current == head:
        return
    if current is not None and not is_known(scripts(), current):
        raise DatabaseTooNew(DatabaseTooNew.__doc__)
    raise DatabaseUnusable("the database has older tables than this program; run: scheduler db upgrade")


def _upgrade(connection: Connection) -> str:
    config = _config()
    config.attributes["connection"] = connection
    known = ScriptDirectory.from_config(config)
    current = MigrationContext.configure(connection).get_current_revision()
    if current is not None and not is_known(known, current):
        raise DatabaseTooNew(DatabaseTooNew.__doc__)
    if current is None:
        _refuse_anothers(connection)
    command.upgrade(config, "head")
    return str(known.get_current_head())


def _look_before(file: Path) -> None:
    """Without opening it for writing, which would change the file of another program."""
    if not file.is_file() or file.stat().st_size == 0:
        return
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    except sqlite3.Error:
        return  # whoever opens it says what is wrong
    names = {name for (name,) in rows if not name.startswith("sqlite_")}
    if "alembic_version" not in names:
        _refuse(names)


def _refuse_anothers(connection: Connection) -> None:
    """A file is ours alone; on PostgreSQL others may have tables beside ours, but none of the same name."""
    there = set(inspect(connection).get_table_names())
    _refuse(there if connection.dialect.name == "sqlite" else there & metadata.tables.keys())


def _refuse(anothers: set[str]) -> None:
    if anothers:
        names = ", ".join(sorted(anothers)[:3])
        raise DatabaseUnusable(
            f"the database has tables of another program ({names}); nothing was changed; name an empty one"
        )


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(shipped("store/migrations")).replace("%", "%%"))
    return config


def scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


def is_known(scripts: ScriptDirectory, revision: str) -> bool:
    try:
        return scripts.get_revision(revision) is not None
    except CommandError:
        return False
