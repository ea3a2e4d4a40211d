"""Who works on a database: many services on PostgreSQL, one on an SQLite file, none while it is restored."""

from __future__ import annotations

import asyncio
import fcntl
import os
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from scheduler.errors import DatabaseInUse, DatabaseUnusable, SchedulerError
from scheduler.store.database import Database, read_url

#: The names of our advisory locks: any numbers that no other program uses.
_KEY = 0x4C436974696573  # "LCities"
_LEAD_KEY = _KEY + 1

#: Seconds between two looks whether its connection still stands, and for its end.
_PAUSE, _PATIENCE = 1.0, 2.0


def sqlite_file(url: str) -> Path | None:
    """The file of an SQLite database; None for PostgreSQL. Raises DatabaseUnusable for what is no address."""
    parsed = read_url(url)
    return Path(parsed.database) if parsed.get_backend_name() == "sqlite" and parsed.database else None


def refuse_if_gone(url: str, key_file: Path) -> None:
    """For who would make an empty database where none is. Raises DatabaseUnusable where a service has worked
    with one before: begun anew, it would remember nothing and send everything again.

    key_file: where a service makes its key, which it does after its database.
    """
    file = sqlite_file(url)
    if file is None or not _is_empty(file):
        return
    # beside a file that is there, what its log says was looked at
    logs = () if file.exists() else (file.with_name(f"{file.name}-wal"),)
    traces = [trace for trace in (_lock_file(file), key_file, *logs) if _says(trace)]
    if traces:
        raise DatabaseUnusable(
            f"the database {file} is gone, or empty, though a service has worked with it: {traces[0]} is"
            " still there. Put a backup in its place: scheduler db restore FILE. To begin anew instead, with"
            " nothing remembered of what was sent: scheduler db upgrade"
        )


def remember_made(url: str) -> None:
    """Leaves a trace beside an SQLite file that has its tables: should it vanish, no other is made for it."""
    if file := sqlite_file(url):
        _lock_file(file).write_text("A service has worked with the database beside this file.\n")


def _is_empty(file: Path) -> bool:
    """Nothing is there, or a file without any table. What is no database is for others to say."""
    if not file.exists():
        return True
    try:
        with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            return connection.execute("SELECT 1 FROM sqlite_master").fetchone() is None
    except sqlite3.Error:
        return False


def _says(trace: Path) -> bool:
    return trace.is_file() and trace.stat().st_size > 0


def _lock_file(file: Path) -> Path:
    return file.with_name(f"{file.name}.lock")


@asynccontextmanager
async def serving(database: Database, url: str) -> AsyncIterator[None]:
    """Held as long as a service runs. Raises DatabaseInUse where another one may not run beside it."""
    file = sqlite_file(url)
    if file:
        with _locked(file):
            yield
        return
    taken = asyncio.get_running_loop().create_future()
    keeper = asyncio.create_task(_keep(database, taken), name="lock")
    try:
        await taken
        yield
    finally:
        keeper.cancel()
        await asyncio.wait([keeper], timeout=_PATIENCE)


@asynccontextmanager
async def alone(database: Database, url: str) -> AsyncIterator[None]:
    """Held while a database is replaced. Raises DatabaseInUse while any service runs."""
    file = sqlite_file(url)
    if file:
        with _locked(file):
            yield
        return
    async with _advisory(database, "pg_try_advisory_lock"):
        yield


@dataclass
class Chair:
    """The place of the one service of many that leads, as seen from one connection.

    A lock of the session: it goes with its connection, so that whoever dies leaves it at once. Who is frozen
    keeps the connection; the server ends a session that says nothing for `patience`, and so must say
    something more often than that.
    """

    connection: AsyncConnection
    is_mine: bool = False

    async def ask(self) -> bool:
        """Whether it is ours, or is now. What it raises, `chair` makes DatabaseAway: then it is not ours, and
        the connection is of no more use."""
        if self.is_mine:
            await self.connection.scalar(select(1))
        else:  # once only: session locks stack
            self.is_mine = bool(await self.connection.scalar(_TAKE_THE_LEAD))
        return self.is_mine


_TAKE_THE_LEAD = select(func.pg_try_advisory_lock(_LEAD_KEY))
#: PostgreSQL before 14 does not have it: there whoever is frozen leads until its machine answers no more.
_END_THE_SILENT = text(
    "SELECT set_config(name, :milliseconds, false) FROM pg_settings WHERE name = 'idle_session_timeout'"
)


@asynccontextmanager
async def chair(database: Database, patience: timedelta) -> AsyncIterator[Chair]:
    """On PostgreSQL only. Whoever leaves gives it up. Raises DatabaseAway."""
    async with database.aside() as connection:
        milliseconds = str(patience // timedelta(milliseconds=1))
        await connection.execute(_END_THE_SILENT, {"milliseconds": milliseconds})
        yield Chair(connection)


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    """The kernel lets go of it when the process ends, however that happens."""
    file.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(_lock_file(file), os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DatabaseInUse(f"{DatabaseInUse.__doc__} It works on {file}.") from None
        yield
    finally:
        os.close(handle)


async def _keep(database: Database, taken: asyncio.Future[None]) -> None:
    """The lock goes with its connection; it is taken again when that breaks, so that nobody restores over
    a service that runs. Tells `taken` how the first try ended; for ever."""
    while True:
        try:
            async with _advisory(database, "pg_try_advisory_lock_shared") as connection:
                if not taken.done():
                    taken.set_result(None)
                while True:
                    await asyncio.sleep(_PAUSE)
                    await connection.scalar(select(1))
        except SchedulerError as error:
            if not taken.done():
                taken.set_exception(error)
                return
        await asyncio.sleep(_PAUSE)


@asynccontextmanager
async def _advisory(database: Database, function: str) -> AsyncIterator[AsyncConnection]:
    """On a connection of its own: the lock goes with it."""
    async with database.aside() as connection:
        if not await connection.scalar(select(text(f"{function}({_KEY})"))):
            raise DatabaseInUse(DatabaseInUse.__doc__)
        yield connection
