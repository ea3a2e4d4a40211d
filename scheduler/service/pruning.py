"""Once a day, what is over for long is forgotten, in steps so short that nobody waits for them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from scheduler import logs
from scheduler.errors import DatabaseAway
from scheduler.model.moments import POSTPONED_USEFUL
from scheduler.service.clock import Clock
from scheduler.service.in_force import InForce, read_in_force
from scheduler.store import configurations, ledger, pruning
from scheduler.store.database import Connection, Database
from scheduler.store.pruning import Bounds

#: How often, and how soon after a start.
_EVERY, _FIRST = timedelta(days=1), timedelta(minutes=10)
#: Seconds between two steps, for those who write meanwhile.
_PAUSE = 0.02
#: A city may ask for as long as it reports: nobody can prove later what was not kept.
REPORTS_KEPT = timedelta(days=3653)
#: Nobody repeats a request after so long. It is no history: the log of its case says what came of it.
REQUESTS_KEPT = timedelta(days=30)
#: A session that was postponed without a date is corrected for so long (model/moments.py).
LEAST_KEPT = POSTPONED_USEFUL

_log = logs.get("pruning")


@dataclass(frozen=True)
class Pruned:
    """How many rows are gone."""

    mails: int = 0
    #: what contacts were told of sessions, and answered
    told: int = 0
    bounces: int = 0

    @property
    def is_any(self) -> bool:
        return bool(self.mails or self.told or self.bounces)

    def __str__(self) -> str:
        notes = f"{self.told:,} notes of what was told and answered"
        return f"{self.mails:,} mails, {notes}, {self.bounces:,} bounces"


@dataclass
class Pruning:
    """The task of the service; of several replicas the one that leads does it."""

    database: Database
    clock: Clock
    keep: timedelta
    leads: Callable[[], bool] = lambda: True

    async def run(self) -> None:
        """For ever."""
        bell, at = self.clock.bell(), self.clock.now() + _FIRST
        while True:
            while self.clock.now() < at:
                await self.clock.sleep_until(at, bell)
            try:
                if self.leads():
                    await prune(self.database, self.keep, self.clock.now())
                at = self.clock.now() + _EVERY
            except DatabaseAway as error:
                _log.warning("what is old is forgotten later", action="prune", why=str(error))
                at = self.clock.now() + _FIRST


async def prune(database: Database, keep: timedelta, now: datetime, by: str = "the service") -> Pruned:
    """Forgets what is over for longer than `keep`; nothing before the first configuration.

    Two at once are harmless.
    """
    async with database.read() as connection:
        if not await configurations.latest_id(connection):
            return Pruned()
        bounds = _bounds(await read_in_force(connection), keep, now)
    mails = await _prune_mails(database, bounds)
    done = Pruned(mails, await _forget(database, bounds), await _prune_bounces(database, bounds))
    await _forget_requests(database, now)
    if done.is_any:
        async with database.write() as connection:
            await ledger.note(connection, now, by, "prune", f"before {bounds.before:%Y-%m-%d}", str(done))
        _log.info("what is over for long was forgotten", action="prune", **vars(done))
    return done


def _bounds(in_force: InForce, keep: timedelta, now: datetime) -> Bounds:
    before = now - max(keep, LEAST_KEPT)
    sessions = (o.id for o in in_force.occurrences.values() if not o.is_over(before))
    return Bounds(before, now - max(keep, REPORTS_KEPT), frozenset((*sessions, *in_force.series)))


async def _prune_mails(database: Database, bounds: Bounds) -> int:
    deleted, next_id = 0, 0
    while True:
        async with database.write() as connection:
            batch = await pruning.prune_mails(connection, bounds, next_id)
        deleted += batch.deleted
        if batch.next_id is None:
            return deleted
        next_id = batch.next_id
        await asyncio.sleep(_PAUSE)


async def _forget(database: Database, bounds: Bounds) -> int:
    async with database.read() as connection:
        occurrences = await pruning.forgettable(connection, bounds)
    deleted = 0
    for occurrence in occurrences:
        while some := await _forget_some(database, occurrence):
            deleted += some
            await asyncio.sleep(_PAUSE)
    return deleted


async def _forget_some(database: Database, occurrence: str) -> int:
    async with database.write() as connection:
        return await pruning.forget(connection, occurrence)


async def _prune_bounces(database: Database, bounds: Bounds) -> int:
    return await _to_the_end(database, lambda connection: pruning.prune_bounces(connection, bounds.before))


async def _forget_requests(database: Database, now: datetime) -> None:
    before = now - REQUESTS_KEPT
    await _to_the_end(database, lambda connection: pruning.prune_requests(connection, before))


async def _to_the_end(database: Database, prune_some: Callable[[Connection], Awaitable[int]]) -> int:
    """Batch by batch; gives how many rows are gone."""
    deleted = 0
    while True:
        async with database.write() as connection:
            some = await prune_some(connection)
        deleted += some
        if some < pruning.BATCH:
            return deleted
        await asyncio.sleep(_PAUSE)
