"""An older SQLite database that was put back by hand is held; a good one never is."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from scheduler.cli.serve import _open_database
from scheduler.errors import DatabaseUnusable
from scheduler.service.fences import Fences
from scheduler.service.marking import Marking
from scheduler.service.virtual_clock import VirtualClock
from scheduler.settings import Settings
from scheduler.store import installation, ledger, progress
from scheduler.store.database import Database, open_database
from tests.cast import at

NOW = at("2027-04-26T08:00:00+00:00")
LATER = NOW + timedelta(hours=1)


@pytest.fixture
def settings(tmp_path: Path, migrated_sqlite: Path) -> Settings:
    (tmp_path / "scheduler.sqlite").write_bytes(migrated_sqlite.read_bytes())
    return Settings(data=tmp_path)


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Database]:
    database = open_database(settings.database_url.get_secret_value(), durable=False)
    yield database
    await database.close()


async def work(settings: Settings) -> Path:
    """A service has sent until NOW; gives a copy of that database. Then it has sent until LATER."""
    file, copy = settings.data / "scheduler.sqlite", settings.data / "copy"
    async with opened(settings) as database:
        async with database.write() as connection:
            await installation.claim(connection, "Anna", NOW)
            await ledger.settle(connection, NOW)
            await ledger.tick(connection, NOW)
        assert await progress.keep(database)
    shutil.copy(file, copy)
    async with opened(settings) as database:
        async with database.write() as connection:
            await ledger.tick(connection, LATER)
        assert await progress.keep(database)
    return copy


async def may_send(settings: Settings) -> bool:
    """After a start."""
    async with _open_database(settings) as database, database.read() as connection:
        return await installation.may_send(connection)


async def test_an_older_database_put_back_by_hand_is_held(settings: Settings) -> None:
    copy = await work(settings)
    before = await may_send(settings)

    copy.replace(settings.data / "scheduler.sqlite")

    assert (before, await may_send(settings)) == (True, False)


@pytest.mark.parametrize("mark", [None, b"", b'{"generation": 1}', b"\xff"])
async def test_without_a_mark_that_can_be_read_it_sends(settings: Settings, mark: bytes | None) -> None:
    await work(settings)
    file = settings.data / "scheduler.sqlite.mark"
    file.unlink() if mark is None else file.write_bytes(mark)

    assert await may_send(settings)


async def test_a_database_that_is_ahead_of_its_mark_sends(settings: Settings) -> None:
    """A crash between a commit and the mark."""
    await work(settings)
    async with opened(settings) as database, database.write() as connection:
        await ledger.raise_generation(connection)

    assert await may_send(settings)


async def test_an_empty_one_in_its_place_is_refused_until_a_person_begins_anew(
    settings: Settings, migrated_sqlite: Path
) -> None:
    await work(settings)
    shutil.copy(migrated_sqlite, settings.data / "scheduler.sqlite")

    with pytest.raises(DatabaseUnusable, match=r"remembers nothing.* scheduler db upgrade"):
        await may_send(settings)
    async with opened(settings) as database:
        await progress.forget_if_new(database)

    assert not (settings.data / "scheduler.sqlite.mark").exists()


async def test_the_mark_is_for_its_owner_and_a_full_disk_stops_nothing(settings: Settings) -> None:
    await work(settings)
    mark = settings.data / "scheduler.sqlite.mark"
    mode = mark.stat().st_mode & 0o777
    mark.unlink()
    mark.mkdir()  # nothing can be put in its place

    async with opened(settings) as database:
        await Marking(database, VirtualClock(LATER, LATER), Fences(), timedelta(seconds=30)).leave()

    assert mode == 0o600
