"""Looks at the database once a second: did a command decide something, is it there at all?"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from time import monotonic

from scheduler import logs
from scheduler.errors import DatabaseAway
from scheduler.service.meters import Meters
from scheduler.service.real_clock import RealClock
from scheduler.store import clocks, configurations, holds, installation, ledger, outbox
from scheduler.store.clocks import Found
from scheduler.store.database import Database
from scheduler.store.holds import Hold

#: Seconds between two looks, and how long one may take.
_PAUSE, _PATIENCE = 1.0, 5.0

_log = logs.get("lookout")


@dataclass
class Lookout:
    """What it saw last; health is answered from here, so that no request waits for a database."""

    database: Database
    clock: RealClock
    meters: Meters
    #: the database answered the last look
    is_database_there: bool = False
    #: a configuration is in force
    is_in_force: bool = False
    #: a copy sends nothing until somebody claims it
    may_send: bool = True
    #: what people hold back
    holds: tuple[Hold, ...] = ()
    #: what a new tz database moved, while nobody has decided on it
    clocks: Found | None = None
    #: mails that should have gone long ago, by what the mail server said last
    stuck: Counter[str] = field(default_factory=Counter)
    _generation: int = -1
    _counted_at: float = float("-inf")

    async def run(self) -> None:
        """For ever."""
        while True:
            await self.look()
            await asyncio.sleep(_PAUSE)

    async def look(self) -> None:
        """Rings everybody where a command has decided something."""
        try:
            async with asyncio.timeout(_PATIENCE):
                generation = await self._ask()
                if monotonic() - self._counted_at >= self.clock.tick.total_seconds():
                    await self._count()
        except (DatabaseAway, TimeoutError) as error:
            if self.is_database_there:
                why = str(error) or "it did not answer in time"
                _log.error("the database is away", action="away", why=why)
            self.is_database_there = False
            return
        if not self.is_database_there or generation != self._generation:
            self.clock.ring_all()
        self.is_database_there, self._generation = True, generation

    async def _ask(self) -> int:
        async with self.database.read() as connection:
            self.is_in_force = await configurations.latest_id(connection) > 0
            self.may_send = await installation.may_send(connection)
            self.holds = await holds.read(connection)
            self.clocks = await clocks.waiting(connection)
            return await ledger.generation(connection)

    async def _count(self) -> None:
        now = self.clock.now()
        async with self.database.read() as connection:
            rows = await outbox.count_by_state(connection)
            oldest = await outbox.oldest_due(connection, now)
            self.stuck = await outbox.stuck(connection, now)
        self.meters.counted(rows, oldest, now)
        self.meters.holds.set(len(self.holds))
        self._counted_at = monotonic()
