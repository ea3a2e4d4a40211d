"""Who works on a database: many services on PostgreSQL, one on an SQLite file, none while it is restored."""

from __future__ import annotations

import psycopg
import pytest

from scheduler.errors import DatabaseAway, DatabaseInUse
from scheduler.store.database import Database, open_database
from scheduler.store.lock import alone, serving
from tests.serving.house import until


async def test_nobody_restores_while_a_service_runs(database: Database, database_url: str) -> None:
    async with serving(database, database_url):
        with pytest.raises(DatabaseInUse, match="stop it first"):
            async with alone(database, database_url):
                pass


async def test_after_the_service_everything_is_free(database: Database, database_url: str) -> None:
    async with serving(database, database_url):
        pass

    async with alone(database, database_url):
        pass


async def test_two_services_share_a_postgresql(empty_postgres: str) -> None:
    database = open_database(empty_postgres)

    async with serving(database, empty_postgres), serving(database, empty_postgres):
        pass
    await database.close()


async def test_no_service_starts_while_a_database_is_restored(database: Database, database_url: str) -> None:
    async with alone(database, database_url):
        with pytest.raises(DatabaseInUse):
            async with serving(database, database_url):
                pass


async def test_the_lock_is_taken_again_when_its_connection_broke(postgres: str, empty_postgres: str) -> None:
    database = open_database(empty_postgres)
    name = empty_postgres.rpartition("?")[0].rpartition("/")[2]
    with psycopg.connect(postgres, autocommit=True) as connection:

        def holders() -> list[int]:
            found = connection.execute(
                "SELECT pid FROM pg_locks JOIN pg_database ON pg_database.oid = database"
                " WHERE locktype = 'advisory' AND granted AND datname = %s",
                (name,),
            )
            return [pid for (pid,) in found]

        async with serving(database, empty_postgres):
            (first,) = holders()
            connection.execute("SELECT pg_terminate_backend(%s)", (first,))
            await until(lambda: bool(holders()) and first not in holders())
    await database.close()


async def test_a_server_that_is_away_is_said() -> None:
    url = "postgresql://u:secret@127.0.0.1:1/x"
    database = open_database(url)

    with pytest.raises(DatabaseAway, match="does not answer"):
        async with serving(database, url):
            pass
    await database.close()
