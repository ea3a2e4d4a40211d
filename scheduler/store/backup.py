"""Copies of a database, and the way back. A copy is born held: it is made without the row that lets it send.

SQLite: one file (`sqlite_copies.py`). PostgreSQL: a dump (`dumps.py`). Both are made under another name and
put into their place whole.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from scheduler.errors import DatabaseTooNew, DatabaseUnusable, SchedulerError
from scheduler.store import installation, ledger
from scheduler.store.database import Database, open_database
from scheduler.store.dumps import POSTGRES, contents, dump, load, version_in
from scheduler.store.lock import alone, sqlite_file
from scheduler.store.migrate import is_known, migrate, scripts
from scheduler.store.sqlite_copies import copy_back, copy_held, swap
from scheduler.store.tables import OURS
from scheduler.store.whole_files import SIDES, SQLITE, beside, first_octets, in_words, put, side


@dataclass(frozen=True)
class Restored:
    #: of the tables, after bringing them up to this program
    version: str
    #: where the replaced database lies now; None: there was none
    kept: Path | None


async def back_up(url: str, file: Path, *, overwrite: bool = False) -> int:
    """Writes a checked, held copy to `file`, for its owner's eyes only; gives its size in octets.

    Safe while a service runs. Raises SchedulerError where it cannot be done: what was at `file` stays.
    """
    source = existing_file(url)
    _refuse_place(file, source, overwrite)
    if source is None:
        await _refuse_foreign(url)
    with in_words(f"the backup {file} cannot be written"), beside(file) as partial:
        if source:
            await asyncio.to_thread(copy_held, source, partial)
        else:
            await asyncio.to_thread(dump, url, partial)
        size = partial.stat().st_size
        put(partial, file)
    return size


async def restore(url: str, file: Path, *, keep_in: Path, now: datetime, by: str) -> Restored:
    """Puts a backup in the place of the database: held, whatever the file said, and with the tables of
    this program. What was there is kept: an SQLite file beside the new one, a dump of PostgreSQL in
    `keep_in`.

    Raises DatabaseInUse while a service runs, SchedulerError where it cannot be done; what was there stays.
    """
    target = sqlite_target(url)
    _refuse_other_kind(file, target)
    if target:
        target = _apart(target, file)
    with in_words("the backup cannot be put in place"):
        database = open_database(url)
        try:
            if target is None:
                await _tables_of(database)  # a server that is away is said in a sentence here
            async with alone(database, url):
                if target:
                    return await _restore_file(url, target, file, now, by)
                return await _restore_dump(url, database, file, keep_in, now, by)
        finally:
            await database.close()


def existing_file(url: str) -> Path | None:
    """The file of an SQLite database, which is there; None for PostgreSQL. Raises DatabaseUnusable."""
    file = sqlite_target(url)
    if file and not file.is_file():
        raise DatabaseUnusable(f"there is no database {file}; see SCHEDULER_DATABASE_URL and SCHEDULER_DATA")
    return file


def sqlite_target(url: str) -> Path | None:
    """The file of an SQLite database, there or not; None for PostgreSQL. Raises DatabaseUnusable."""
    try:
        backend = make_url(url).get_backend_name()
    except ArgumentError:
        backend = ""  # the address may hold a password
    if backend not in ("sqlite", "postgresql") or (backend == "sqlite" and not sqlite_file(url)):
        raise DatabaseUnusable(
            "SCHEDULER_DATABASE_URL is no address of a database; write "
            "sqlite:///path/to/file or postgresql://user:password@host/name"
        )
    return sqlite_file(url)


def _refuse_place(file: Path, source: Path | None, overwrite: bool) -> None:
    if file.is_dir():
        raise SchedulerError(f"{file} is a folder; name a file in it, such as {file / 'scheduler.backup'}")
    if not file.parent.is_dir():
        raise SchedulerError(f"there is no folder {file.parent}; make it first")
    if not file.exists():
        return
    if source and file.samefile(source):
        raise SchedulerError(f"{file} is the database itself; name another file")
    if not overwrite:
        raise SchedulerError(f"{file} is there already; name another file, or write --overwrite")
    if any(side(file, end).exists() for end in SIDES):
        raise SchedulerError(
            f"{file} is a database at work, for {file.name}-wal lies beside it; name another"
        )


def _refuse_other_kind(file: Path, target: Path | None) -> None:
    try:
        first = first_octets(file)
    except OSError as error:
        raise SchedulerError(f"the backup {file} cannot be read ({error.strerror})") from None
    names = {True: "an SQLite", False: "a PostgreSQL"}
    is_sqlite = first == SQLITE
    if not is_sqlite and not first.startswith(POSTGRES):
        raise DatabaseUnusable(f"{file} is no backup of this program; nothing was changed")
    if is_sqlite is not bool(target):
        raise DatabaseUnusable(
            f"{file} is a backup of {names[is_sqlite]} database, but SCHEDULER_DATABASE_URL names "
            f"{names[bool(target)]} one; nothing was changed"
        )


def _apart(target: Path, file: Path) -> Path:
    """The target itself, behind all links: what is put in its place must not replace a link."""
    if target.exists() and target.samefile(file):
        raise SchedulerError(f"{file} is the database itself; nothing was changed")
    return target.resolve()


async def _restore_file(url: str, target: Path, file: Path, now: datetime, by: str) -> Restored:
    """The copy is held and has all tables before it gets the name that a service opens."""
    with beside(target) as staged:
        await asyncio.to_thread(copy_back, file, staged)
        opened = open_database(make_url(url).set(database=str(staged)).render_as_string(hide_password=False))
        try:
            version = await _bring_up(opened, file, now, by)
        finally:
            await opened.close()
        return Restored(version, await asyncio.to_thread(swap, staged, target, now))


async def _bring_up(opened: Database, file: Path, now: datetime, by: str) -> str:
    """All tables of this program, and held; gives their version."""
    try:
        version = await migrate(opened)
    except DatabaseTooNew:
        said = f"{file} was written by a newer program than this one; install that version or newer"
        raise DatabaseTooNew(f"{said}; nothing was changed") from None
    async with opened.write() as connection:
        await installation.hold(connection)
        await ledger.note(connection, now, by, "restore", file.name[:200])
        await ledger.raise_generation(connection)
    return version


async def _refuse_foreign(url: str) -> None:
    database = open_database(url)
    try:
        tables, _ = await _tables_of(database)
    finally:
        await database.close()
    if not tables >= OURS:
        raise DatabaseUnusable("the database has none of our tables yet; there is nothing to back up")


async def _tables_of(database: Database) -> tuple[frozenset[str], str | None]:
    """Their names, and the version of ours. Raises DatabaseAway."""

    def look(connection: Connection) -> tuple[frozenset[str], str | None]:
        tables = frozenset(inspect(connection).get_table_names())
        return tables, MigrationContext.configure(connection).get_current_revision()

    async with database.read() as connection:
        return await connection.run_sync(look)


async def _restore_dump(
    url: str, database: Database, file: Path, keep_in: Path, now: datetime, by: str
) -> Restored:
    inside, version = await asyncio.to_thread(contents, file), await asyncio.to_thread(version_in, file)
    if not inside >= OURS:
        raise DatabaseUnusable(f"{file} is no backup of this program; nothing was changed")
    if not is_known(scripts(), version):
        said = f"{file} was written by a newer program than this one; install that version or newer"
        raise DatabaseTooNew(f"{said}; nothing was changed")
    there, version_there = await _tables_of(database)
    more = sorted(there - inside)
    if more and version_there != version:
        # pg_restore replaces what it knows; these would stay in the way of the next migration
        raise DatabaseUnusable(
            f"the database has tables that {file} does not have ({', '.join(more)}); make an empty database, "
            "name it in SCHEDULER_DATABASE_URL and restore into that. Nothing was changed"
        )
    kept = None
    if there >= OURS:
        kept = keep_in / f"before-restore-{now:%Y%m%dT%H%M%SZ}.dump"
        await asyncio.to_thread(keep_in.mkdir, parents=True, exist_ok=True)
        await back_up(url, kept)
    await asyncio.to_thread(load, url, file)
    return Restored(await _bring_up(database, file, now, by), kept)
