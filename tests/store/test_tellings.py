"""The plan decides on crowds, the outbox in SQL, row by row: both must decide alike."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from scheduler.model.notices import Kind
from scheduler.model.programme import Occurrence, occurrences_of
from scheduler.model.series import Status
from scheduler.model.told import Told, is_needed
from scheduler.store import book, tables
from scheduler.store.database import Database
from scheduler.store.duties import Duty, fire
from scheduler.store.tellings import read_tellings
from tests.cast import DOHA, MELTON, a_series, a_session, at, member

NOW = at("2027-05-20T08:00:00+00:00")
METHODS = {Kind.INVITATION: "REQUEST", Kind.CHANGED: "REQUEST", Kind.CANCELLED: "CANCEL"}


def occurrence(**changes: object) -> Occurrence:
    return occurrences_of(a_series(a_session(**changes)))[0]


AS_IT_IS = occurrence()
STATES = [
    occurrence(),
    occurrence(status=Status.CANCELLED),
    occurrence(status=Status.POSTPONED),
    occurrence(start=None, end=None),
]


def told(method: str, **changes: object) -> Told:
    """What stands in a calendar that knows the session as it is."""
    starts_at, ends_at = AS_IT_IS.starts_at, AS_IT_IS.ends_at
    return replace(Told(0, method, starts_at, ends_at, "confirmed", AS_IT_IS.place), **changes)  # type: ignore[arg-type]


KNOWN = [
    None,
    told("REQUEST"),
    told("REQUEST", place="https://elsewhere.example/"),
    told("REQUEST", starts_at=None, ends_at=None),
    told("REQUEST", starts_at=NOW - timedelta(days=1)),
    told("REQUEST", status="postponed"),
    told("CANCEL"),
    told(""),
]


@pytest.mark.parametrize("kind", Kind)
async def test_the_outbox_and_the_plan_agree_on_who_needs_a_mail(database: Database, kind: Kind) -> None:
    cases = [(known, of) for known in KNOWN for of in STATES]

    async with database.write() as connection:
        await book.write_members(connection, [member(DOHA)])
        fired = [await fires(connection, kind, known, of) for known, of in cases]

    assert fired == [is_needed(kind, known, of, NOW) for known, of in cases]


async def fires(connection: AsyncConnection, kind: Kind, known: Told | None, of: Occurrence) -> bool:
    """Whether the coordinator of Doha, knowing this, gets a row; all is as before afterwards."""
    contact_id = await connection.scalar(select(tables.contacts.c.id).order_by(tables.contacts.c.id))
    member_id = (await book.member_ids(connection))[DOHA]
    async with connection.begin_nested() as savepoint:
        if known:
            row = {**asdict(known), "contact_id": contact_id, "occurrence": of.id, "uid": "x", "told_at": NOW}
            await connection.execute(tables.told.insert().values(**row))
        rows = await fire(connection, duty(kind, of, member_id), NOW)
        await savepoint.rollback()
    return rows == 1


def duty(kind: Kind, of: Occurrence, member_id: int) -> Duty:
    return Duty(
        occurrence=of.id,
        rule="rule",
        kind=kind,
        roles=("coordinator",),
        member_ids=(member_id,),
        uid=of.id,
        uid_domain="cities.example",
        uid_by_member=False,
        method=METHODS.get(kind),
        revision=0,
        starts_at=of.starts_at,
        ends_at=of.ends_at,
        status=of.status.value,
        place=of.place,
        due_at=NOW,
        useful_by=NOW + timedelta(days=30),
    )


async def test_what_was_told_is_read_with_the_contacts_it_was_told_to(database: Database) -> None:
    known = told("REQUEST")
    async with database.write() as connection:
        await book.write_members(connection, [member(DOHA), member(MELTON)])
        contacts = await connection.execute(select(tables.contacts.c.address, tables.contacts.c.id))
        ids = {address: number for address, number in contacts}  # noqa: C416 - rows, not pairs
        row = {**asdict(known), "occurrence": AS_IT_IS.id, "uid": "x", "told_at": NOW}
        address = member(DOHA).contacts[0].address
        await connection.execute(tables.told.insert().values(**row, contact_id=ids[address]))

        tellings = await read_tellings(connection, NOW)

    doha, melton = (tellings.number(city, city.contacts[0]) for city in (member(DOHA), member(MELTON)))
    assert tellings.knows(AS_IT_IS, doha) == known
    assert tellings.knows(AS_IT_IS, melton) is None
