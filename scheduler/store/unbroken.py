"""SQLite's driver, whose calls end before a cancellation is heard.

aiosqlite 0.22 works in a thread. A task that is cancelled in the middle of a call leaves that thread at work
with nobody to hear of it; SQLAlchemy then closes the connection and stops it at once, and the second stop is
never answered, so the task hangs for ever (omnilib/aiosqlite#369 and its kin). A call takes milliseconds, a
lock that is waited for a few seconds at most: here it ends first.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from weakref import WeakSet

import aiosqlite

T = TypeVar("T")
#: What aiosqlite itself takes.
_CHUNK = 64


class _Whole(sqlite3.Connection):
    """Closed while a cursor lives, SQLite keeps a connection, and its locks, until that is collected: here
    its cursors are closed with it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._cursors: WeakSet[sqlite3.Cursor] = WeakSet()

    def cursor(self, *args: Any, **kwargs: Any) -> Any:
        cursor = super().cursor(*args, **kwargs)
        self._cursors.add(cursor)
        return cursor

    def close(self) -> None:
        for cursor in self._cursors:
            cursor.close()
        super().close()


class _Cursor(aiosqlite.Cursor):
    """Goes to the thread once for a statement and its rows, where aiosqlite goes four times: to make a
    cursor, to execute, to fetch, to close. Each way there and back costs as much as a small statement."""

    _conn: Unbroken

    def __init__(self, connection: Unbroken) -> None:
        # the cursor itself is made in the thread, with its statement
        super().__init__(connection, None)  # type: ignore[arg-type]
        #: what was fetched with the statement; the rest, where there is more, is fetched when it is asked for
        self._ahead: list[Any] = []
        self._has_more = False

    async def __aenter__(self) -> _Cursor:
        return self

    async def execute(self, sql: str, parameters: Iterable[Any] | None = None) -> _Cursor:
        await self._conn._execute(self._run, "execute", sql, parameters or ())
        return self

    async def executemany(self, sql: str, parameters: Iterable[Iterable[Any]]) -> _Cursor:
        await self._conn._execute(self._run, "executemany", sql, parameters)
        return self

    def _run(self, how: str, sql: str, parameters: Any) -> None:
        """In the thread. A cursor that has given all its rows is closed: it would hold a read lock."""
        self._cursor = self._conn._conn.cursor()
        getattr(self._cursor, how)(sql, parameters)
        self._ahead = self._cursor.fetchmany(_CHUNK)
        self._has_more = len(self._ahead) == _CHUNK
        if not self._has_more:
            self._cursor.close()

    async def fetchone(self) -> Any:
        return next(iter(await self.fetchmany(1)), None)

    async def fetchmany(self, size: int | None = None) -> list[Any]:
        wanted = size or 1
        if self._has_more and len(self._ahead) < wanted:
            self._ahead += await self._conn._execute(self._cursor.fetchmany, wanted)
        rows, self._ahead = self._ahead[:wanted], self._ahead[wanted:]
        return rows

    async def fetchall(self) -> list[Any]:
        more = await self._conn._execute(self._cursor.fetchall) if self._has_more else []
        rows, self._ahead = [*self._ahead, *more], []
        return rows

    async def close(self) -> None:
        self._ahead = []
        if self._has_more:
            self._has_more = False
            await self._conn._execute(self._cursor.close)

    @property
    def description(self) -> Any:
        return self._cursor and self._cursor.description

    @property
    def rowcount(self) -> int:
        return self._cursor.rowcount if self._cursor else -1


class Unbroken(aiosqlite.Connection):
    """One connection in its own thread, which stops once."""

    _stopped: asyncio.Future[Any] | None = None

    def cursor(self) -> _Cursor:  # type: ignore[override]
        return _Cursor(self)

    async def _connect(self) -> aiosqlite.Connection:
        try:
            return await _to_the_end(super()._connect())
        except asyncio.CancelledError:
            # nobody will ever hold it
            await self.close()
            raise
        except sqlite3.Error:
            # its thread is told to stop: it ends before anybody closes the loop that it answers to
            if self._stopped:
                await asyncio.wait([self._stopped])
            raise

    async def _execute(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        try:
            return await super()._execute(fn, *args, **kwargs)  # type: ignore[no-untyped-call]
        except asyncio.CancelledError:
            # the thread may still be at it: what waits behind is answered when that is done
            with suppress(ValueError):  # closed meanwhile
                await _to_the_end(super()._execute(_nothing))  # type: ignore[no-untyped-call]
            raise

    async def close(self) -> None:
        await _to_the_end(super().close())

    def stop(self) -> asyncio.Future[Any] | None:
        if self._stopped is None:
            self._stopped = super().stop()
        return self._stopped


def connect(database: str, **kwargs: Any) -> Unbroken:
    """As `aiosqlite.connect`; its thread does not keep a process alive. The file must be there: one that was
    deleted while a service runs is not made anew, empty."""
    place = f"{Path(database).resolve().as_uri()}?mode=rw"
    connection = Unbroken(partial(sqlite3.connect, place, uri=True, factory=_Whole, **kwargs), _CHUNK)
    connection._thread.daemon = True
    return connection


def _nothing() -> None: ...


async def _to_the_end(work: Coroutine[Any, Any, T]) -> T:
    """What it gives; a cancellation is heard once it is done."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is None:
        return task.result()
    if not task.cancelled():
        task.exception()  # it was looked at
    raise cancelled
