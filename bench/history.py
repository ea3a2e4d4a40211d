"""A long memory costs nothing: a tick, a claim and the counts with a million sent mails in the outbox.

The reference is the same with none of them, in the same run. The rows are made by one INSERT ... SELECT, as
the engine makes its own; a thousand more wait.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bench.furnished import for_everybody, made_up
from bench.ticking import Desk
from scheduler.service.apply import put_in_force
from scheduler.service.engine import Engine
from scheduler.service.in_force import Memory
from scheduler.store import claims, counts, held, losses
from scheduler.store.database import Database, open_database
from scheduler.store.migrate import migrate
from scheduler.store.tables import contacts, outbox

SENT, WAITING = 1_000_000, 1_000
MOST_MILLISECONDS = 200.0
NOW = datetime(2027, 1, 20, 9, tzinfo=UTC)
#: Series, sessions of each, members.
SIZE = (20, 12, 425)
CLAIMED, RUNS = 250, 9

Timed = Callable[[], Awaitable[float]]

_ROWS = """
WITH RECURSIVE numbered (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbered WHERE n + 1 < :number)
INSERT INTO outbox (notice_key, message_id, contact_id, occurrence, rule, kind, uid, sequence, status, place,
    due_at, useful_by, inserted_at, next_at, state, urgency, reason, attempts, sent_at)
SELECT :state || ' old-' || (n / 850) || '.talks|week-before|' || n,
    '<' || :state || '.old-' || (n / 850) || '.talks.week-before.' || n || '@learning-cities.example>',
    n % :contacts + 1, 'old-' || (n / 850) || '.talks', 'week-before', 'reminder',
    'old-' || (n / 850) || '.talks@learning-cities.example', 0, 'confirmed', '',
    :at, :at, :at, :at, :state, 0, '', 0, CASE WHEN :state = 'sent' THEN :at END
FROM numbered
"""


def measure() -> int:
    """Prints each; gives 1 where one takes too long."""
    few, many = (asyncio.run(_measured(number)) for number in (0, SENT))
    print(f"with so many sent rows            {0:>12,}  {SENT:>12,}")
    for name, seconds in many.items():
        print(f"  {name:<30} {few[name] * 1000:9.1f} ms  {seconds * 1000:9.1f} ms")
    slow = [name for name, seconds in many.items() if seconds * 1000 > MOST_MILLISECONDS]
    if slow:
        print(f"over the limit of {MOST_MILLISECONDS:g} ms: {', '.join(slow)}")
    return int(bool(slow))


async def _measured(sent: int) -> dict[str, float]:
    """Name -> seconds, the median of some runs."""
    with TemporaryDirectory() as folder:
        database = open_database(f"sqlite:///{folder}/bench.sqlite")
        try:
            return await _on(database, Path(folder), sent)
        finally:
            await database.close()


async def _on(database: Database, folder: Path, sent: int) -> dict[str, float]:
    await migrate(database)
    await put_in_force(database, for_everybody(made_up(*SIZE)), now=NOW, by="bench", replaces=None)
    clock = Desk(NOW + timedelta(days=1))
    engine = Engine(database, clock, clock.bell(), Memory())  # type: ignore[arg-type]
    await engine.look()  # what became due by the day that was let pass, and is none of our thousand
    async with database.write() as connection:
        await connection.execute(update(outbox).values(state="withdrawn"))
    began = time.perf_counter()
    await fill(database, "sent", sent, NOW - timedelta(days=200))
    await fill(database, "queued", WAITING, NOW)
    if sent:
        size = sum(map(os.path.getsize, _files(folder))) / 1e6
        print(f"{sent:,} rows were made in {time.perf_counter() - began:.0f} s, {size:,.0f} MB")
    bench = Bench(database, engine, clock)
    return {name: await _median(timed) for name, timed in bench.parts.items()}


def _files(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def fill(database: Database, state: str, number: int, at: datetime) -> None:
    if not number:
        return
    async with database.write() as connection:
        people = len((await connection.execute(select(contacts.c.id))).all())
        # as the column for instants writes them
        instant = at.replace(tzinfo=None).isoformat(" ", "microseconds")
        values = {"number": number, "state": state, "at": instant, "contacts": people}
        await connection.execute(text(_ROWS), values)


@dataclass
class Bench:
    database: Database
    engine: Engine
    clock: Desk

    @property
    def parts(self) -> dict[str, Timed]:
        now, day = NOW + timedelta(days=2), timedelta(days=1)
        counting = {
            "count: what is unsent": lambda c: counts.unsent(c, now),
            "count: what is stuck": lambda c: counts.stuck(c, now),
            "count: what failed, and why": counts.failures,
            "count: what is held": held.kinds_held,
            "count: what was lost in a day": lambda c: losses.losses(c, now - day),
            "count: the next look": claims.wanted_at,
        }
        counted = {name: self._reading(count) for name, count in counting.items()}
        return {"tick": self._tick, f"claim of {CLAIMED}": self._claim, **counted}

    async def _tick(self) -> float:
        began = time.perf_counter()
        await self.engine.look()
        return time.perf_counter() - began

    async def _claim(self) -> float:
        """Rolled back, so that each finds the same."""
        async with self.database.write() as connection:
            began = time.perf_counter()
            await claims.claim(connection, "bench", CLAIMED, self.clock.now())
            rows = await claims.claimed(connection, "bench")
            took = time.perf_counter() - began
            await connection.rollback()
        if len(rows) != CLAIMED:
            raise SystemExit(f"{len(rows)} rows were claimed: bench/history.py makes too few")
        return took

    def _reading(self, count: Callable[[AsyncConnection], Awaitable[object]]) -> Timed:
        async def timed() -> float:
            async with self.database.read() as connection:
                began = time.perf_counter()
                await count(connection)
                return time.perf_counter() - began

        return timed


async def _median(timed: Timed) -> float:
    await timed()  # statements are compiled once
    return statistics.median([await timed() for _ in range(RUNS)])


if __name__ == "__main__":
    raise SystemExit(measure())
