"""Keeps the mark beside an SQLite database, while a service runs and when it stops (store/progress.py)."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from scheduler import logs
from scheduler.errors import DatabaseAway
from scheduler.service.clock import Clock
from scheduler.service.fences import Fences
from scheduler.store import progress
from scheduler.store.database import Database
from scheduler.store.holds import SERVICE

_log = logs.get("marking")


@dataclass
class Marking:
    database: Database
    clock: Clock
    fences: Fences
    #: how often the mark follows the database
    every: timedelta
    #: the mark could not be written; said once
    _is_stuck: bool = False

    async def run(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(self.every.total_seconds())

    async def look(self) -> None:
        try:
            if not await progress.keep(self.database):
                await hold_if_older(self.database, self.clock.now())
            self._is_stuck = False
        except OSError as error:
            if not self._is_stuck:
                why = error.strerror or str(error)
                _log.warning("the mark beside the database cannot be written", action="mark", why=why)
            self._is_stuck = True

    async def leave(self) -> None:
        """The service stops, after its last mail."""
        with suppress(DatabaseAway):
            await self.look()
            async with self.database.write() as connection:
                await self.fences.leave(connection, self.clock.now())
            await self.look()


async def hold_if_older(database: Database, now: datetime) -> None:
    """Before anything is sent, and whenever the mark shows it. Raises DatabaseUnusable."""
    if await progress.hold_if_older(database, SERVICE, now):
        _log.warning("nothing is sent", action="held", why=progress.OLDER)
