"""Tasks that are cancelled in the middle of a call to SQLite."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
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


async def numbers(database: Database, limit: int, *, streamed: bool) -> list[int]:
    count = text(
        "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x FROM c LIMIT :limit"
    )
    async with database.read() as connection:
        if streamed:
            return [row.x async for row in await connection.stream(count, {"limit": limit})]
        return [row.x for row in await connection.execute(count, {"limit": limit})]


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("limit", [0, 1, 63, 64, 65, 1000])
async def test_every_row_comes_once_and_in_order(tmp_path: Path, limit: int, streamed: bool) -> None:
    """Around the number of those that come with the statement."""
    database = open_database(f"sqlite:///{tmp_path}/test.sqlite", durable=False)

    assert await numbers(database, limit, streamed=streamed) == list(range(1, limit + 1))
    await database.close()


async def test_a_reader_that_stops_half_way_holds_nobody_up(tmp_path: Path) -> None:
    """What it did not read is closed with it: a table can be dropped only when nobody reads."""
    database = open_database(f"sqlite:///{tmp_path}/test.sqlite", durable=False)
    async with database.write() as connection:
        await connection.execute(text("CREATE TABLE t AS SELECT 1 AS x"))
        for _ in range(8):
            await connection.execute(text("INSERT INTO t SELECT x FROM t"))

        rows = await connection.stream(text("SELECT x FROM t"))
        await anext(aiter(rows))
        await rows.close()
        await connection.execute(text("DROP TABLE t"))
    await database.close()


async def test_a_statement_says_how_many_rows_it_changed(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path}/test.sqlite", durable=False)
    async with database.write() as connection:
        await connection.execute(text("CREATE TABLE t (x INTEGER)"))
        many = await connection.execute(text("INSERT INTO t VALUES (:x)"), [{"x": 1}, {"x": 2}, {"x": 3}])
        changed = await connection.execute(text("UPDATE t SET x = 9 WHERE x > 1"))
        given = await connection.execute(text("DELETE FROM t RETURNING x"))

    assert (many.rowcount, changed.rowcount) == (3, 2)
    assert sorted(given.scalars()) == [1, 9, 9]
    await database.close()
