"""What is over for long is forgotten, and what still matters stays.

The talks of the cast: 14 June 2027. So long after them that all is old, and no sooner than a year.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from scheduler.service.pruning import Pruned, prune
from scheduler.store import outbox, tables
from tests.cast import MANTES, MELTON, a_configuration, a_series, at
from tests.service.stage import Stage

APRIL = at("2027-04-26T08:00:00+00:00")
JULY = at("2027-07-15T08:00:00+00:00")
SOON = at("2028-06-10T08:00:00+00:00")
LATER = at("2028-08-01T08:00:00+00:00")
KEEP = timedelta(days=400)

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


async def played(stage: Stage) -> None:
    """Two cities were told of everything: eight mails; one of them answered."""
    await stage.apply(a_configuration(a_series(), members=(MANTES, MELTON)), APRIL)
    await stage.play(APRIL, JULY)
    answer = {"contact_id": 1, "occurrence": "first.talks", "answer": "accepted", "through": "page"}
    async with stage.database.write() as connection:
        await connection.execute(tables.answers.insert().values(**answer, given_at=APRIL))


async def rows(stage: Stage) -> dict[str, int]:
    tables_of = {"outbox": tables.outbox, "told": tables.told, "answers": tables.answers}
    async with stage.database.read() as connection:
        query = {name: select(func.count()).select_from(table) for name, table in tables_of.items()}
        return {name: await connection.scalar(asked) or 0 for name, asked in query.items()}


async def test_what_is_over_for_long_is_forgotten(stage: Stage) -> None:
    """The series stays in the files: that it was announced is kept, or it would be announced again."""
    await played(stage)

    done = await prune(stage.database, KEEP, LATER)

    assert done == Pruned(mails=6, told=3)
    assert await rows(stage) == {"outbox": 2, "told": 2, "answers": 0}
    assert await prune(stage.database, KEEP, LATER) == Pruned()


@ON_SQLITE
async def test_nothing_is_forgotten_within_a_year(stage: Stage) -> None:
    """Not even where somebody asks for it: a postponed session is corrected for so long."""
    await played(stage)

    assert await prune(stage.database, timedelta(days=1), SOON) == Pruned()


@ON_SQLITE
async def test_a_forgotten_session_that_comes_back_has_a_higher_sequence(stage: Stage) -> None:
    await played(stage)
    async with stage.database.write() as connection:
        session = tables.told.c.occurrence == "first.talks"
        await connection.execute(update(tables.told).where(session).values(sequence=7))

    await prune(stage.database, KEEP, LATER)

    async with stage.database.read() as connection:
        name = tables.revisions.c.occurrence == "first.talks"
        assert await connection.scalar(select(tables.revisions.c.sequence).where(name)) == 7


@ON_SQLITE
async def test_what_waits_stays_however_old_it_is(stage: Stage) -> None:
    await played(stage)
    states = (outbox.QUEUED, outbox.DEFERRED, outbox.SENDING, outbox.HELD)
    async with stage.database.write() as connection:
        for number, state in enumerate(states, 3):
            await connection.execute(
                update(tables.outbox).where(tables.outbox.c.id == number).values(state=state)
            )

    done = await prune(stage.database, KEEP, LATER)

    async with stage.database.read() as connection:
        kept = Counter(await connection.scalars(select(tables.outbox.c.state)))
    assert done.told == 0  # its mails are not all gone
    assert kept.keys() >= set(states)


@ON_SQLITE
async def test_mails_about_reports_are_kept_for_ten_years(stage: Stage) -> None:
    """A city may say that it was never told."""
    await played(stage)
    async with stage.database.write() as connection:
        await connection.execute(
            update(tables.outbox).values(kind="report-opened", occurrence="reports-2027")
        )

    early = await prune(stage.database, KEEP, at("2036-01-01T08:00:00+00:00"))
    late = await prune(stage.database, KEEP, at("2039-01-01T08:00:00+00:00"))

    assert (early.mails, late.mails) == (0, 8)


@ON_SQLITE
async def test_the_journal_says_what_was_forgotten(stage: Stage) -> None:
    await played(stage)

    await prune(stage.database, KEEP, LATER, "Anna")

    journal = tables.journal.c
    async with stage.database.read() as connection:
        query = select(journal.actor, journal.subject, journal.detail).where(journal.action == "prune")
        assert (await connection.execute(query)).all() == [
            ("Anna", "before 2027-06-28", "6 mails, 3 notes of what was told and answered, 0 bounces")
        ]
