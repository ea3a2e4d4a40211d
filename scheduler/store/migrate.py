"""Brings a database to the tables of this program; a newer one is refused, never touched."""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from scheduler.errors import DatabaseAway, DatabaseTooNew, DatabaseUnusable
from scheduler.shipped import shipped
from scheduler.store.database import Database


async def migrate(database: Database) -> str:
    """Runs what is missing, in one transaction; gives the version reached.

    Raises DatabaseTooNew when the database was written by a newer program, DatabaseUnusable when it
    cannot be reached or is none.
    """
    try:
        async with database.write() as connection:
            return await connection.run_sync(_upgrade)
    except DatabaseAway as error:
        raise DatabaseUnusable(f"{error}; nothing was changed") from error
    except DBAPIError as error:
        raise DatabaseUnusable(f"the database cannot be used ({error.orig}); nothing was changed") from error


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
    command.upgrade(config, "head")
    return str(known.get_current_head())


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
