"""What is in force, read in passing: nothing is made, nothing is waited for, nothing is said."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from scheduler.configuration import normal
from scheduler.model.cases import Case, Move, State
from scheduler.model.cycles import Duty
from scheduler.store import book, cases, configurations
from scheduler.store.database import Database, open_database
from scheduler.store.peek import decided, latest_content
from tests import cast


async def _apply(url: str) -> str:
    text = normal.to_text(cast.real())
    database = open_database(url)
    await _put(database, text)
    await database.close()
    return text


async def _put(database: Database, text: str) -> None:
    async with database.write() as connection:
        await configurations.put(
            connection,
            content=text,
            hash=normal.hash_of(text),
            replaces=None,
            applied_at=datetime(2026, 11, 22, tzinfo=UTC),
            applied_by="Anna",
            tzdata="2026f",
        )


def test_the_latest_configuration_is_read(database_url: str) -> None:
    text = asyncio.run(_apply(database_url))

    assert latest_content(database_url) == text


def test_what_people_decided_of_cases_is_read(database_url: str) -> None:
    """Of all cases only those that bear on the configuration, and not a word of a city's code."""
    deadline = datetime(2021, 12, 31, 22, 59, 59, tzinfo=UTC)
    due = Case("report-2021", cast.KASHAN, State.DUE, deadline, deadline, deadline, decision=Duty.DUE)
    ended = replace(due, member=cast.MELTON, state=State.INCOMPLETE, decision=None, ends_on=date(2022, 6, 30))

    async def put() -> None:
        database = open_database(database_url)
        async with database.write() as connection:
            members = [cast.member(slug) for slug in (cast.KASHAN, cast.MELTON, cast.MEDELLIN)]
            await book.write_members(connection, members)
            other = replace(due, member=cast.MEDELLIN, decision=None)
            moves = [Move(None, case, deadline, "a letter") for case in (due, ended, other)]
            await cases.write(connection, moves, await book.member_ids(connection), "Anna")
        await database.close()

    asyncio.run(put())

    assert decided(database_url) == [due, ended]


def test_a_file_at_rest_stays_alone(migrated_sqlite: Path, tmp_path: Path) -> None:
    """Also where the folder may not be written to."""
    file = tmp_path / "copy.sqlite"
    file.write_bytes(migrated_sqlite.read_bytes())

    latest_content(f"sqlite:///{file}")

    assert list(tmp_path.iterdir()) == [file]


async def test_what_a_service_at_work_has_written_is_seen(migrated_sqlite: Path, tmp_path: Path) -> None:
    file = shutil.copy(migrated_sqlite, tmp_path / "copy.sqlite")
    database = open_database(f"sqlite:///{file}")
    await _put(database, "{}")

    found = await asyncio.to_thread(latest_content, f"sqlite:///{file}")

    await database.close()
    assert found == "{}"


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:///none.sqlite",
        "postgresql://127.0.0.1:1/none",
        "nonsense",
        "mysql://somewhere/else",
    ],
)
def test_where_nobody_can_tell_there_is_nothing(url: str) -> None:
    assert latest_content(url) is None


def test_a_file_that_is_no_database_tells_nothing(tmp_path: Path) -> None:
    (tmp_path / "notes.sqlite").write_text("notes, and nothing but notes\n" * 100)

    assert latest_content(f"sqlite:///{tmp_path}/notes.sqlite") is None
