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


def _upgrade(connection: Connection) -> str:
    config = Config()
    config.set_main_option("script_location", str(shipped("store/migrations")).replace("%", "%%"))
    config.attributes["connection"] = connection
    scripts = ScriptDirectory.from_config(config)
    current = MigrationContext.configure(connection).get_current_revision()
    if current is not None and not _is_known(scripts, current):
        raise DatabaseTooNew(DatabaseTooNew.__doc__)
    command.upgrade(config, "head")
    return str(scripts.get_current_head())


def _is_known(scripts: ScriptDirectory, revision: str) -> bool:
    try:
        return scripts.get_revision(revision) is not None
    except CommandError:
        return False
