"""Looks at the database once a second: is it there, what time is it there, did a command decide something?

Where several replicas share it, any of them may have written what is due here, and rings no bell of ours: so
it rings ours.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic

from scheduler import logs
from scheduler.errors import DatabaseAway
from scheduler.model.notices import Kind
from scheduler.service.bounces import WITHIN
from scheduler.service.clock import Bell
from scheduler.service.common_time import Measurement
from scheduler.service.meters import Meters
from scheduler.service.real_clock import RealClock
from scheduler.store import (
    claims,
    clocks,
    configurations,
    counts,
    holds,
    installation,
    ledger,
    passing_on,
)
from scheduler.store.clocks import Found
from scheduler.store.database import Database, ask_server
from scheduler.store.held import kinds_held
from scheduler.store.holds import Hold
from scheduler.store.identity import Identity
from scheduler.store.losses import Loss, losses
from scheduler.store.migrate import has_our_tables

#: Seconds between two looks, and how long one may take.
_PAUSE, _PATIENCE = 1.0, 5.0
#: So long what was missed or failed is a warning.
_LATELY = timedelta(days=1)

#: What may be wrong with the database, in words that anybody may read.
_UNKNOWN, _AWAY = "the database was not asked yet", "the database does not answer"
_READ_ONLY = "the database is read-only"
_GONE = "the file of the database is gone"
_NOT_OURS = "the database has the tables of another version of this program"

_log = logs.get("lookout")


@dataclass
class Lookout:
    """What it saw last; health is answered from here, so that no request waits for a database."""

    database: Database
    clock: RealClock
    meters: Meters
    #: the deliverer's, rung for rows that other replicas wrote
    post: Bell
    #: the installation that it looks for; None: whichever the database belongs to
    here: Identity | None = None
    #: why the database cannot be worked with, in words; empty while it can
    trouble: str = _UNKNOWN
    #: a configuration is in force
    is_in_force: bool = False
    #: why this service sends nothing, for its staff: a copy until somebody claims it; empty where it sends
    why_held: str = ""
    #: what people hold back
    holds: tuple[Hold, ...] = ()
    #: subject of a hold -> which mails wait because of it
    held: Mapping[str, Counter[Kind]] = field(default_factory=dict)
    #: what a new tz database moved, while nobody has decided on it
    clocks: Found | None = None
    #: mails that should have gone long ago, by what the mail server said last
    stuck: Counter[str] = field(default_factory=Counter)
    #: what did not go out as it should have, within a day
    losses: tuple[Loss, ...] = ()
    #: round -> slugs of the cities that its mails do not reach
    unreached: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    _generation: int = -1
    _counted_at: float = float("-inf")
    _has_our_tables: bool = True
    #: a look that the database did not answer in time, and may yet answer
    _looking: asyncio.Task[int] | None = None

    @property
    def may_send(self) -> bool:
        return not self.why_held

    @property
    def is_elsewhere(self) -> bool:
        """It is the database of another installation."""
        return self.why_held not in ("", installation.HELD)

    @property
    def is_database_there(self) -> bool:
        """It answered the last look, and can be written to."""
        return not self.trouble

    async def run(self) -> None:
        """For ever."""
        while True:
            await self.look()
            await asyncio.sleep(_PAUSE)

    async def look(self) -> None:
        """Rings everybody where a command has decided something."""
        was_there = self.is_database_there
        try:
            generation = await self._ask_in_time()
        except (DatabaseAway, TimeoutError) as error:
            self._is_troubled(_AWAY, str(error) or "it did not answer in time")
            return
        if self.trouble:
            return
        if not was_there or generation != self._generation:
            self.clock.ring_all()
        self._generation = generation

    async def _ask_in_time(self) -> int:
        """Gives up waiting, but not asking: to cancel a call that a frozen server leaves open takes longer
        than the server may need. Raises DatabaseAway and TimeoutError."""
        looking = self._looking or asyncio.create_task(self._ask(), name="look")
        self._looking = looking
        try:
            done, _ = await asyncio.wait([looking], timeout=_PATIENCE)
        except asyncio.CancelledError:
            looking.cancel()
            raise
        if not done:
            raise TimeoutError
        self._looking = None
        return looking.result()

    async def _ask(self) -> int:
        async with self.database.read() as connection:
            self.is_in_force = await configurations.latest_id(connection) > 0
            self._is_held(await installation.why_held(connection, self.here))
            self.holds = await holds.read(connection)
            self.clocks = await clocks.waiting(connection)
            generation = await ledger.generation(connection)
            asked = monotonic()
            server = await ask_server(connection)
            answered = monotonic()
            wanted = await claims.wanted_at(connection) if server else None
        if server:
            self.clock.hear(Measurement(server.now, asked, answered))
        if wanted and wanted <= self.clock.now():
            self.post.ring()
        if monotonic() - self._counted_at >= self.clock.tick.total_seconds():
            await self._count()
        is_gone = self.database.file is not None and not self.database.file.exists()
        is_read_only = server is not None and server.is_read_only
        troubles = {_READ_ONLY: is_read_only, _NOT_OURS: not self._has_our_tables, _GONE: is_gone}
        self._is_troubled(next((trouble for trouble, is_so in troubles.items() if is_so), ""))
        return generation

    def _is_held(self, why: str) -> None:
        """Says it once."""
        if why and why != self.why_held and self.is_in_force:
            _log.warning("nothing is sent", action="held", why=why)
        elif self.why_held and not why:
            _log.info("mails are sent again", action="claimed")
        self.why_held = why

    def _is_troubled(self, trouble: str, why: str = "") -> None:
        """Says it once, however often it is seen, and when it is over."""
        if trouble and trouble != self.trouble:
            _log.error("the database is away", action="away", why=why or trouble)
        elif self.trouble not in ("", _UNKNOWN) and not trouble:
            _log.info("the database is back", action="back")
        self.trouble = trouble
        self.meters.database_up.set(int(not trouble))

    async def _count(self) -> None:
        now = self.clock.now()
        async with self.database.read() as connection:
            rows = await counts.unsent(connection, now)
            self.stuck = await counts.stuck(connection, now)
            self.held = await kinds_held(connection)
            self.losses = tuple(await losses(connection, now - _LATELY))
            self.unreached = await passing_on.unreached(connection, now)
            returned = await counts.returned(connection, now - WITHIN)
            suppressed = await counts.suppressed(connection)
            self._has_our_tables = await has_our_tables(connection)
        self.meters.counted(rows, now)
        self.meters.lost(self.losses)
        self.meters.came_back(returned, suppressed)
        self.meters.holds.set(len(self.holds))
        self._counted_at = monotonic()
