"""Tasks that are cancelled in the middle of a call to SQLite."""

from __future__ import annotations

import asyncio
from pathlib import Path

from sqlalchemy import text

from scheduler.store.database import Database, open_database


async def look_for_ever(database: Database, *, writing: bool) -> None:
    while True:
        async with database.write() if writing else database.read() as connection:
            await connection.execute(text("SELECT count(*) FROM sqlite_master"))


async def test_tasks_that_are_cancelled_in_a_call_end(tmp_path: Path) -> None:
    """Wherever they are: while they connect, begin, ask or give back; and whoever writes next can."""
    for tenths in range(0, 160, 20):
        database = open_database(f"sqlite:///{tmp_path}/test.sqlite", durable=False)
        tasks = [asyncio.create_task(look_for_ever(database, writing=one)) for one in (False, False, True)]
        await asyncio.sleep(tenths / 10_000)
        for task in tasks:
            task.cancel()

        _, hanging = await asyncio.wait(tasks, timeout=10)

        assert not hanging
        await database.close()
