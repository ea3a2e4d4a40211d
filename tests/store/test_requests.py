"""Requests are remembered once, with what they were answered, on both kinds of database."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from scheduler.store import pruning, requests
from scheduler.store.database import Database, open_database
from scheduler.store.requests import Kept
from tests.cast import at

NOW = at("2021-12-10T14:00:00+00:00")
FIRST = Kept("d" * 64, "c" * 64, 200, '{"state":"submitted"}')


async def keep(database: Database, kept: Kept) -> bool:
    async with database.write() as connection:
        return await requests.keep(connection, kept, NOW)


async def read(database: Database, digest: str = FIRST.digest) -> Kept | None:
    async with database.read() as connection:
        return await requests.read(connection, digest)


async def test_the_first_one_stays(database: Database) -> None:
    assert await keep(database, FIRST)

    assert not await keep(database, replace(FIRST, status=409, answer="{}"))
    assert await read(database) == FIRST
    assert await read(database, "e" * 64) is None


async def test_of_several_at_once_one_is_first(database_url: str) -> None:
    services = [open_database(database_url, durable=False) for _ in range(4)]
    mine = [replace(FIRST, answer=str(number)) for number in range(4)]

    first = await asyncio.gather(*map(keep, services, mine))
    found = await read(services[0])
    for service in services:
        await service.close()

    assert sorted(first) == [False, False, False, True]
    assert found == mine[first.index(True)]


async def test_what_is_rolled_back_was_never_asked(database: Database) -> None:
    async def crash() -> None:
        async with database.write() as connection:
            await requests.keep(connection, FIRST, NOW)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await crash()

    assert await keep(database, FIRST)


async def test_old_ones_go_a_batch_at_a_time(database: Database) -> None:
    for number in range(pruning.BATCH + 1):
        await keep(database, replace(FIRST, digest=f"{number:064}"))

    async with database.write() as connection:
        gone = [await pruning.prune_requests(connection, before) for before in (NOW, at("2022-01-10T00:00Z"))]
        rest = await pruning.prune_requests(connection, at("2022-01-10T00:00Z"))

    assert (gone, rest) == ([0, pruning.BATCH], 1)
