"""What is over for long is forgotten, and what still matters stays.

The talks of the cast: 14 June 2027. So long after them that all is old, and no sooner than a year.
"""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from scheduler.service.pruning import Pruned, prune
from scheduler.store import outbox, tables
from tests.cast import MANTES, MELTON, a_configuration, a_series, at
from tests.engines import opened
from tests.service.stage import Stage

APRIL = at("2027-04-26T08:00:00+00:00")
JULY = at("2027-07-15T08:00:00+00:00")
SOON = at("2028-06-10T08:00:00+00:00")
LATER = at("2028-08-01T08:00:00+00:00")
KEEP = timedelta(days=400)


async def play(stage: Stage) -> None:
    """Two cities were told of everything: eight mails; one of them answered."""
    await stage.apply(a_configuration(a_series(), members=(MANTES, MELTON)), APRIL)
    await stage.play(APRIL, JULY)
    answer = {"contact_id": 1, "occurrence": "first.talks", "answer": "accepted", "through": "page"}
    async with stage.database.write() as connection:
        await connection.execute(tables.answers.insert().values(**answer, given_at=APRIL))


@pytest.fixture(scope="module")
def by_july(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("july")
    file = Path(shutil.copy(migrated_sqlite, folder / "july.sqlite"))

    async def lived() -> None:
        async with opened(file) as database:
            await play(Stage(database, folder))

    asyncio.run(lived())
    return file


@pytest.fixture
async def played(by_july: Path, tmp_path: Path) -> AsyncIterator[Stage]:
    async with opened(Path(shutil.copy(by_july, tmp_path / "july.sqlite"))) as database:
        yield Stage(database, tmp_path)


async def rows(stage: Stage) -> dict[str, int]:
    tables_of = {"outbox": tables.outbox, "told": tables.told, "answers": tables.answers}
    async with stage.database.read() as connection:
        query = {name: select(func.count()).select_from(table) for name, table in tables_of.items()}
        return {name: await connection.scalar(asked) or 0 for name, asked in query.items()}


async def test_what_is_over_for_long_is_forgotten(stage: Stage) -> None:
    """The series stays in the files: that it was announced is kept, or it would be announced again."""
    await play(stage)

    done = await prune(stage.database, KEEP, LATER)

    assert done == Pruned(mails=6, told=3)
    assert await rows(stage) == {"outbox": 2, "told": 2, "answers": 0}
    assert await prune(stage.database, KEEP, LATER) == Pruned()


async def test_nothing_is_forgotten_within_a_year(played: Stage) -> None:
    """Not even where somebody asks for it: a postponed session is corrected for so long."""
    assert await prune(played.database, timedelta(days=1), SOON) == Pruned()


async def test_a_forgotten_session_that_comes_back_has_a_higher_sequence(played: Stage) -> None:
    async with played.database.write() as connection:
        session = tables.told.c.occurrence == "first.talks"
        await connection.execute(update(tables.told).where(session).values(sequence=7))

    await prune(played.database, KEEP, LATER)

    async with played.database.read() as connection:
        name = tables.revisions.c.occurrence == "first.talks"
        assert await connection.scalar(select(tables.revisions.c.sequence).where(name)) == 7


async def test_what_waits_stays_however_old_it_is(played: Stage) -> None:
    states = (outbox.QUEUED, outbox.DEFERRED, outbox.SENDING, outbox.HELD)
    async with played.database.write() as connection:
        for number, state in enumerate(states, 3):
            await connection.execute(
                update(tables.outbox).where(tables.outbox.c.id == number).values(state=state)
            )

    done = await prune(played.database, KEEP, LATER)

    async with played.database.read() as connection:
        kept = Counter(await connection.scalars(select(tables.outbox.c.state)))
    assert done.told == 0  # its mails are not all gone
    assert kept.keys() >= set(states)


async def test_mails_about_reports_are_kept_for_ten_years(played: Stage) -> None:
    """A city may say that it was never told."""
    async with played.database.write() as connection:
        await connection.execute(
            update(tables.outbox).values(kind="report-opened", occurrence="reports-2027")
        )

    early = await prune(played.database, KEEP, at("2036-01-01T08:00:00+00:00"))
    late = await prune(played.database, KEEP, at("2039-01-01T08:00:00+00:00"))

    assert (early.mails, late.mails) == (0, 8)


async def test_the_journal_says_what_was_forgotten(played: Stage) -> None:
    await prune(played.database, KEEP, LATER, "Anna")

    journal = tables.journal.c
    async with played.database.read() as connection:
        query = select(journal.actor, journal.subject, journal.detail).where(journal.action == "prune")
        assert (await connection.execute(query)).all() == [
            ("Anna", "before 2027-06-28", "6 mails, 3 notes of what was told and answered, 0 bounces")
        ]
