"""Several services on one PostgreSQL, in the test's own process."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from scheduler.service.apply import put_in_force
from scheduler.service.bootstrap import build_daemon
from scheduler.service.clock import Bell
from scheduler.service.daemon import Daemon
from scheduler.service.engine import Engine
from scheduler.service.in_force import Memory
from scheduler.service.proposals import Standing
from scheduler.settings import Settings
from scheduler.store import tables
from scheduler.store.database import Database, open_database
from tests.cast import MANTES, MELTON, a_configuration, a_series, a_session
from tests.conftest import a_database
from tests.serving.house import House, until

SOON = timedelta(seconds=0.05)


@pytest.fixture
def url(postgres: str, migrated_postgres: str) -> str:
    return a_database(postgres, migrated_postgres)


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    opened = open_database(url, durable=False)
    yield opened
    await opened.close()


@pytest.fixture
def house(tmp_path: Path) -> House:
    """Files of two cities and one session."""
    house = House(tmp_path / "house").furnish(2)
    house.write_session(datetime.now(UTC) + timedelta(hours=5))
    return house


@asynccontextmanager
async def a_replica(url: str, house: House, **more: Any) -> AsyncIterator[Daemon]:
    """On connections of its own."""
    quick: dict[str, Any] = {
        "database_url": url,
        "tick_seconds": 1,
        "quiet_seconds": 0.1,
        "secret_key": "k" * 32,
    }
    database = open_database(url, durable=False)
    daemon = build_daemon(Settings(config=house.config, data=house.folder, **quick, **more), database)
    daemon.leadership.pause = SOON
    async with daemon.running():
        yield daemon
    await database.close()


def copied(house: House, folder: Path) -> House:
    """Another replica's folder, with the same files."""
    other = House(folder)
    for file in house.config.rglob("*"):
        if file.is_file():
            there = other.config / file.relative_to(house.config)
            there.parent.mkdir(parents=True, exist_ok=True)
            there.write_bytes(file.read_bytes())
    return other


async def applied(database: Database) -> int:
    """How often something came into force."""
    async with database.read() as connection:
        return await connection.scalar(select(func.count()).select_from(tables.configurations)) or 0


def stands(daemon: Daemon, standing: Standing) -> bool:
    return daemon.proposals.seen.standing is standing


async def test_replicas_with_other_files_never_apply_against_each_other(
    url: str, database: Database, house: House, tmp_path: Path
) -> None:
    """Newer files count once their replica leads; older ones do not come back when theirs leads again."""
    newer = copied(house, tmp_path / "newer")
    newer.edit("series/talks.yaml", "title: Talks", "title: Talks at noon")
    async with AsyncExitStack() as first, AsyncExitStack() as second:
        await first.enter_async_context(a_replica(url, house))
        follower = await second.enter_async_context(a_replica(url, newer))
        while_first_led = (follower.health().warnings, await applied(database))
        await first.aclose()
        await until(lambda: stands(follower, Standing.SAME))

        again = await first.enter_async_context(a_replica(url, house))
        await second.aclose()
        await until(lambda: again.proposals._looked_as[0])

        assert while_first_led == ((Standing.ELSEWHERE.value,), 1)
        assert again.health().warnings == (Standing.RETURNED.value,)
        assert await applied(database) == 2


async def test_what_the_leader_wrote_leaves_through_any_replica(url: str, house: House) -> None:
    """Here only the follower sends, whose engine rings no bell."""
    async with a_replica(url, house) as leader:
        leader.deliverer.drain()
        async with a_replica(url, house) as follower:
            assert (leader.leadership.is_leading, follower.leadership.is_leading) == (True, False)
            mailbox = house.folder / "mailbox" / "new"

            await until(lambda: len(list(mailbox.iterdir())) == 4)


async def test_replicas_that_start_at_once_apply_once(url: str) -> None:
    """With the lock left out, so that each reads the files."""
    configuration = a_configuration(a_series(a_session()), members=(MANTES, MELTON))
    replicas = [open_database(url) for _ in range(3)]

    def put(database: Database) -> Any:
        return put_in_force(database, configuration, now=NOW, by="files", replaces=None)

    done = await asyncio.gather(*map(put, replicas), return_exceptions=True)
    found = await applied(replicas[0])
    for replica in replicas:
        await replica.close()

    assert sorted(type(one).__name__ for one in done) == ["ConfigurationMoved"] * 2 + ["list"]
    assert found == 1


# correctness does not hang on the lock


NOW = datetime(2027, 6, 14, 8, tzinfo=UTC)


@dataclass
class Desk:
    """A clock that is put forward."""

    at: datetime = NOW

    def now(self) -> datetime:
        return self.at

    def bell(self) -> Bell:
        return Bell(self)  # type: ignore[arg-type]

    def rung(self, bell: Bell) -> None: ...


def an_engine(database: Database, desk: Desk) -> Engine:
    return Engine(database, desk, desk.bell(), Memory())  # type: ignore[arg-type]


async def planned(database: Database) -> Counter[tuple[str, str, int, str]]:
    """(occurrence, rule, contact, state) of every row."""
    table = tables.outbox.c
    async with database.read() as connection:
        query = select(table.occurrence, table.rule, table.contact_id, table.state)
        return Counter(tuple(row) for row in await connection.execute(query))


async def through_a_month(url: str, engines: int) -> Counter[tuple[str, str, int, str]]:
    """What so many engines write that all believe to lead: they look at once, their clocks a little apart."""
    databases = [open_database(url, durable=False) for _ in range(engines)]
    desks = [Desk() for _ in databases]
    session = a_session(on=NOW.date() + timedelta(days=28))
    found = a_configuration(a_series(session), members=(MANTES, MELTON))
    await put_in_force(databases[0], found, now=NOW, by="Anna", replaces=None)
    looking = [an_engine(*pair) for pair in zip(databases, desks, strict=True)]
    wanted = await looking[0].look()
    while desks[0].at < NOW + timedelta(days=32):
        wanted = [at for at in wanted if at > desks[0].at]
        at = min(wanted, default=desks[0].at + timedelta(hours=47))
        for number, desk in enumerate(desks):
            desk.at = at + timedelta(seconds=number * 5)
        looks = await asyncio.gather(*(engine.look() for engine in looking))
        wanted = sorted(set().union(*looks))
    rows = await planned(databases[0])
    for database in databases:
        await database.close()
    return rows


async def test_two_that_believe_to_lead_plan_nothing_twice(postgres: str, migrated_postgres: str) -> None:
    one, two = [await through_a_month(a_database(postgres, migrated_postgres), engines) for engines in (1, 2)]

    assert one == two
    assert len(one) > 6
    assert set(one.values()) == {1}


async def test_with_the_lock_left_out_each_mail_leaves_once(url: str, house: House) -> None:
    """Both plan, both read the files, both deliver."""
    async with (
        a_replica(url, house, one_leads=False) as first,
        a_replica(url, house, one_leads=False) as second,
    ):
        both = first.leadership.is_leading and second.leadership.is_leading
        mailbox = house.folder / "mailbox" / "new"
        await until(lambda: len(list(mailbox.iterdir())) >= 4)
        for daemon in (first, second):
            await daemon.engine.look()

    assert both
    assert len(list(mailbox.iterdir())) == 4
