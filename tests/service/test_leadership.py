"""Who of several replicas leads: on a PostgreSQL of their own, with waits of a twentieth of a second."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import psycopg
import pytest

from scheduler.errors import DatabaseAway
from scheduler.service.leadership import Leadership
from scheduler.service.meters import Meters
from scheduler.service.real_clock import RealClock
from scheduler.store.database import Database, open_database
from scheduler.store.lock import chair
from tests.serving.house import until

SOON = timedelta(seconds=0.05)
LONG = timedelta(seconds=30)


@pytest.fixture
async def shared(empty_postgres: str) -> AsyncIterator[Database]:
    opened = open_database(empty_postgres)
    yield opened
    await opened.close()


@asynccontextmanager
async def a_replica(
    database: Database, may_lead: Callable[[], bool] = lambda: True, belief: timedelta = LONG
) -> AsyncIterator[Leadership]:
    """Asked once, and at work."""
    clock = RealClock(Meters())
    one = Leadership(database, clock, is_alone=False, pause=SOON, belief=belief, may_lead=may_lead)
    task = asyncio.create_task(one.run())
    await one.asked()
    yield one
    task.cancel()
    await asyncio.wait([task])


async def test_one_of_two_leads(shared: Database) -> None:
    async with a_replica(shared) as first, a_replica(shared) as second:
        assert (first.is_leading, second.is_leading) == (True, False)


async def test_who_stops_leaves_the_lead_to_the_other(shared: Database) -> None:
    """However often it was asked: locks of a session pile up where they are taken twice."""
    async with a_replica(shared) as first:
        async with a_replica(shared) as second:
            await until(lambda: second._was_asked.is_set())
        async with a_replica(shared) as third:
            assert (first.is_leading, third.is_leading) == (True, False)
    async with a_replica(shared) as next_one:
        await until(lambda: next_one.is_leading)
    assert not first.is_leading


async def test_the_other_takes_over_when_the_first_loses_its_connection(
    shared: Database, postgres: str, empty_postgres: str
) -> None:
    """Its session ends at once; it must not go on believing until it asks again for some other reason."""
    name = empty_postgres.rpartition("?")[0].rpartition("/")[2]
    may_lead = True
    async with a_replica(shared, lambda: may_lead) as first, a_replica(shared) as second:
        may_lead = False  # it does not try again
        with psycopg.connect(postgres, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_database d ON d.oid = database"
                " WHERE locktype = 'advisory' AND granted AND datname = %s",
                (name,),
            )
        await until(lambda: second.is_leading)
        await until(lambda: not first.is_leading)


async def test_who_is_frozen_loses_the_lead(shared: Database) -> None:
    """It keeps its connection and its lock, but says nothing any more: the server ends that session."""
    has_begun = False
    async with a_replica(shared, lambda: has_begun) as second:
        with pytest.raises(DatabaseAway, match="idle"):  # noqa: PT012 - said at the end of the chair
            async with chair(shared, timedelta(seconds=0.2)) as frozen:
                has_begun = await frozen.ask()
                await until(lambda: second.is_leading)
                await frozen.ask()


async def test_who_wakes_after_a_pause_does_not_believe_to_lead(shared: Database) -> None:
    """It believes it for less time than the server waits for a sign of life."""
    async with a_replica(shared) as leader:
        now = leader.steady()
        leader.steady = lambda: now + leader.patience.total_seconds()
        leader.belief = Leadership.belief

        assert not leader.is_leading


async def test_who_may_not_lead_any_more_leaves_it(shared: Database) -> None:
    """Its tz database is older than that of what is in force, say: another replica must plan."""
    may_lead = True
    async with a_replica(shared, lambda: may_lead) as first, a_replica(shared) as second:
        may_lead = False

        await until(lambda: second.is_leading)
        assert not first.is_leading


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_nobody_waits_for_the_lead_on_a_file(database: Database) -> None:
    alone = Leadership(database, RealClock(Meters()), is_alone=True)

    await alone.asked()

    assert alone.is_leading
