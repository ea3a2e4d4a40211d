"""What drivers say of a database that cannot be worked with, and how long one replica can stop the others."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from scheduler.errors import DatabaseAway
from scheduler.store.database import Database, open_database

INSERT = text("INSERT INTO erasures VALUES ('digest', '2026-11-22 12:00:00', 'a test')")


async def test_who_is_frozen_in_a_transaction_lets_go_of_its_rows(empty_postgres: str) -> None:
    """C06, D03: no test can wait for it, so the settings themselves are looked at."""
    database = open_database(empty_postgres)
    names = ("idle_in_transaction_session_timeout", "lock_timeout", "statement_timeout")

    async with database.read() as connection:
        found = [await connection.scalar(text(f"SHOW {name}")) for name in names]
    await database.close()

    assert found == ["3s", "15s", "2min"]


async def test_a_database_that_takes_nothing_is_away(empty_postgres: str) -> None:
    """D07, as a standby says it: SQLSTATE 25006."""
    database = open_database(empty_postgres)

    with pytest.raises(DatabaseAway, match="read-only"):  # noqa: PT012
        async with database.write() as connection:
            await connection.execute(text("SET TRANSACTION READ ONLY"))
            await connection.execute(text("CREATE TABLE a (b int)"))
    await database.close()


async def test_a_connection_that_died_at_rest_is_replaced(
    empty_postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server was started anew at night; nobody hears of it."""
    monkeypatch.setattr("scheduler.store.database._RESTED_SECONDS", 0.0)
    database, another = open_database(empty_postgres), open_database(empty_postgres)
    async with database.read() as connection:
        mine = await connection.scalar(text("SELECT pg_backend_pid()"))
    async with another.write() as connection:
        await connection.execute(text("SELECT pg_terminate_backend(:mine, 5000)"), {"mine": mine})

    async with database.read() as connection:
        assert await connection.scalar(text("SELECT pg_backend_pid()")) != mine
    await another.close()
    await database.close()


async def test_a_connection_that_was_used_just_now_is_not_asked(
    empty_postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = open_database(empty_postgres)
    asked: list[object] = []
    monkeypatch.setattr(database.writer.dialect, "do_ping", asked.append)

    for _ in range(3):
        async with database.read() as connection:
            await connection.scalar(text("SELECT 1"))
    await database.close()

    assert asked == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_full_disk_is_a_database_that_is_away(database: Database) -> None:
    with pytest.raises(DatabaseAway, match="full"):  # noqa: PT012
        async with database.write() as connection:
            await connection.execute(text("PRAGMA max_page_count = 1"))
            await connection.execute(text("CREATE TABLE a (b int)"))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_database_that_only_may_be_read_is_away(database: Database) -> None:
    with pytest.raises(DatabaseAway, match="readonly"):  # noqa: PT012
        async with database.write() as connection:
            await connection.execute(text("PRAGMA query_only = ON"))
            await connection.execute(INSERT)


async def test_a_file_that_became_garbage_is_away(tmp_path: Path) -> None:
    (tmp_path / "test.sqlite").write_bytes(b"no database" * 1000)
    database = open_database(f"sqlite:///{tmp_path / 'test.sqlite'}")

    with pytest.raises(DatabaseAway, match="not a database"):
        async with database.read() as connection:
            await connection.execute(text("SELECT 1 FROM state"))
    await database.close()


async def test_a_mistake_of_ours_is_none_of_the_database(database: Database) -> None:
    with pytest.raises(IntegrityError):  # noqa: PT012
        async with database.write() as connection:
            await connection.execute(INSERT)
            await connection.execute(INSERT)
