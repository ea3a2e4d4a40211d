"""SQLite's driver, whose calls end before a cancellation is heard.

aiosqlite 0.22 works in a thread. A task that is cancelled in the middle of a call leaves that thread at work
with nobody to hear of it; SQLAlchemy then closes the connection and stops it at once, and the second stop is
never answered, so the task hangs for ever (omnilib/aiosqlite#369 and its kin). A call takes milliseconds, a
lock that is waited for a few seconds at most: here it ends first.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
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


class Unbroken(aiosqlite.Connection):
    """One connection in its own thread, which stops once."""

    _stopped: asyncio.Future[Any] | None = None

    async def _connect(self) -> aiosqlite.Connection:
        try:
            return await _to_the_end(super()._connect())
        except asyncio.CancelledError:
            # nobody will ever hold it
            await self.close()
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
    """As `aiosqlite.connect`; its thread does not keep a process alive."""
    connection = Unbroken(partial(sqlite3.connect, database, factory=_Whole, **kwargs), _CHUNK)
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
