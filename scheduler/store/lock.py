"""Who works on a database: many services on PostgreSQL, one on an SQLite file, none while it is restored."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from scheduler.errors import DatabaseInUse, SchedulerError
from scheduler.store.database import Database, read_url

#: The name of our advisory lock: any number that no other program uses.
_KEY = 0x4C436974696573  # "LCities"

#: Seconds between two looks whether its connection still stands, and for its end.
_PAUSE, _PATIENCE = 1.0, 2.0


def sqlite_file(url: str) -> Path | None:
    """The file of an SQLite database; None for PostgreSQL. Raises DatabaseUnusable for what is no address."""
    parsed = read_url(url)
    return Path(parsed.database) if parsed.get_backend_name() == "sqlite" and parsed.database else None


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


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    """The kernel lets go of it when the process ends, however that happens."""
    file.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(f"{file}.lock", os.O_RDWR | os.O_CREAT, 0o644)
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
