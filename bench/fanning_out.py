"""The rows of one slot of 100,000 contacts, and claims from an outbox of 1,000,000 rows that wait."""

from __future__ import annotations

import asyncio
import time
from statistics import median

import uvloop
from sqlalchemy import literal, select

from bench.blast import DATABASES, NOW, Pile, a_blast, invitations
from scheduler.store import claims, histories
from scheduler.store.database import Database
from scheduler.store.tables import outbox

ROWS, MOST_SECONDS = 100_000, 3.0
#: Each so often: 1,000,000 rows.
AGAIN = 9
CLAIMS, BATCH, MOST_MILLISECONDS = 50, 256, 50.0


def measure() -> int:
    """Prints seconds and milliseconds; gives 1 where SQLite takes too long."""
    waiting = f"{ROWS * (AGAIN + 1):,}"
    claim = f"ms a claim of {BATCH} among {waiting}: median, most"
    print(f"{f'fan-out of {ROWS:,} rows':<30}  seconds  rows/s  {claim}")
    return max([_of(name) for name in DATABASES])


def _of(name: str) -> int:
    with DATABASES[name]() as url, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        seconds, found = runner.run(_play(url))
    middle, most = median(found), max(found)
    print(f"  {name:<28}  {seconds:7.2f}  {ROWS / seconds:6,.0f}  {middle:36.1f}, {most:.1f}", flush=True)
    is_slow = seconds > MOST_SECONDS or middle > MOST_MILLISECONDS
    if is_slow and name == "SQLite":
        print(f"  over {MOST_SECONDS:g} s or {MOST_MILLISECONDS:g} ms")
        return 1
    return 0


async def _play(url: str) -> tuple[float, list[float]]:
    """Seconds of the fan-out, and milliseconds of each claim."""
    async with a_blast(url, invitations(ROWS), Pile(), 1) as blast:
        spent = await blast.fan_out()
        await _multiply(blast.database)
        return spent.seconds, [await _claim(blast.database, f"claim-{n}") for n in range(CLAIMS)]


async def _multiply(database: Database) -> None:
    """The same rows for other sessions."""
    names = [column.name for column in outbox.columns if column.name != "id"]
    for number in range(AGAIN):
        mark = literal(f"-{number}")
        changed = {name: outbox.c[name] + mark for name in ("notice_key", "message_id", "occurrence")}
        rows = select(*(changed.get(name, outbox.c[name]) for name in names)).where(outbox.c.id <= ROWS)
        async with database.write() as connection:
            await connection.execute(outbox.insert().from_select(names, rows))


async def _claim(database: Database, token: str) -> float:
    """Milliseconds until it is written, with what passed between us and the contacts."""
    begin = time.perf_counter()
    async with database.write() as connection:
        await claims.claim(connection, token, BATCH, NOW)
    async with database.read() as connection:
        rows = await claims.claimed(connection, token)
        await histories.read(connection, [row.id for row in rows])
    if len(rows) != BATCH:
        raise SystemExit("not all of a claim was there")
    return (time.perf_counter() - begin) * 1000


if __name__ == "__main__":
    raise SystemExit(measure())
