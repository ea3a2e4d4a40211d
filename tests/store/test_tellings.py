"""The plan decides on crowds, the outbox in SQL, row by row: both must decide alike."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import date, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from scheduler.model.answers import Answer
from scheduler.model.notices import OF_CASES, REPORTS, Kind
from scheduler.model.programme import Occurrence, occurrences_of
from scheduler.model.series import Status
from scheduler.model.told import Told, is_needed, is_wanted
from scheduler.store import answers, book, suppressions, tables
from scheduler.store.answers import Given
from scheduler.store.database import Database
from scheduler.store.duties import Duty, fire
from scheduler.store.suppressions import WEBINARS, Suppression
from scheduler.store.tellings import read_tellings
from tests.cast import DOHA, MELTON, a_series, a_session, at, member

NOW = at("2027-05-20T08:00:00+00:00")
OTHER = {"REQUEST": "CANCEL", "CANCEL": "REQUEST"}
#: Kinds that exist only against what was told before.
KNOWN_BEFORE = (Kind.CHANGED, Kind.CANCELLED, Kind.FOLLOW_UP, Kind.REPORT_MOVED)
METHODS = {Kind.INVITATION: "REQUEST", Kind.CHANGED: "REQUEST", Kind.CANCELLED: "CANCEL"}


def occurrence(**changes: object) -> Occurrence:
    return occurrences_of(a_series(a_session(**changes)))[0]


AS_IT_IS = occurrence()
#: What a person says of a case causes the others.
PLANNED = [kind for kind in Kind if kind not in OF_CASES]
STATES = [
    occurrence(),
    occurrence(status=Status.CANCELLED),
    occurrence(status=Status.POSTPONED),
    occurrence(start=None, end=None),
    occurrence(start=None, end=None, end_on=date(2027, 6, 15)),
]


def told(method: str, **changes: object) -> Told:
    """What stands in a calendar that knows the session as it is."""
    return replace(Told.of(AS_IT_IS, 0, method), **changes)  # type: ignore[arg-type]


KNOWN = [
    None,
    told("REQUEST"),
    told("REQUEST", place="https://elsewhere.example/"),
    told("REQUEST", starts_at=None, ends_at=None),
    told("REQUEST", starts_at=None, ends_at=None, days="2027-06-14/2027-06-14"),
    told("REQUEST", starts_at=None, ends_at=None, days=None),
    told("REQUEST", starts_at=NOW - timedelta(days=1), ends_at=NOW),
    told("REQUEST", starts_at=NOW - timedelta(days=1)),
    told("REQUEST", status="postponed"),
    told("CANCEL"),
    told(""),
]


@pytest.mark.parametrize("kind", PLANNED)
async def test_the_outbox_and_the_plan_agree_on_who_needs_a_mail(database: Database, kind: Kind) -> None:
    cases = [(known, of) for known in KNOWN for of in STATES]

    async with database.write() as connection:
        await book.write_members(connection, [member(DOHA)])
        fired = [await fires(connection, kind, known, of) for known, of in cases]

    assert fired == [is_needed(kind, known, of, NOW) for known, of in cases]


@pytest.mark.parametrize("kind", [Kind.INVITATION, Kind.CHANGED, Kind.CANCELLED])
async def test_what_is_just_being_sent_counts_as_told(database: Database, kind: Kind) -> None:
    """Also where something else was told before (P08, P09)."""
    cases = [(known, of) for known in KNOWN if known and known.method for of in STATES]

    async with database.write() as connection:
        await book.write_members(connection, [member(DOHA)])
        fired = [
            await fires(connection, kind, told(OTHER[known.method]), of, flying=replace(known, sequence=1))
            for known, of in cases
        ]

    assert fired == [is_needed(kind, known, of, NOW) for known, of in cases]


async def test_a_row_counts_on_from_what_is_being_sent(database: Database) -> None:
    before, flying, of = told("REQUEST", sequence=4), told("REQUEST", sequence=7), STATES[1]
    async with database.write() as connection:
        await book.write_members(connection, [member(DOHA)])
        await fires(connection, Kind.CANCELLED, before, of, flying, keep=True)
        rows = await connection.execute(select(tables.outbox.c.kind, tables.outbox.c.sequence))

        assert {(row.kind, row.sequence) for row in rows} == {("invitation", 7), ("cancelled", 8)}


async def test_the_outbox_and_the_plan_agree_on_who_wants_a_mail(database: Database) -> None:
    cases = [
        (kind, ended, answer) for kind in PLANNED for ended in (False, True) for answer in (None, *Answer)
    ]
    old = told("REQUEST", place="https://elsewhere.example/", ends_at=NOW + timedelta(days=9))

    async with database.write() as connection:
        await book.write_members(connection, [member(DOHA)])
        fired = []
        for kind, ended, answer in cases:
            async with connection.begin_nested() as savepoint:
                await wish(connection, ended, answer)
                known = old if kind in KNOWN_BEFORE else None
                fired.append(await fires(connection, kind, known, AS_IT_IS))
                await savepoint.rollback()

    assert fired == [is_wanted(kind, ended, answer is Answer.DECLINED) for kind, ended, answer in cases]


async def wish(connection: AsyncConnection, ended: bool, answer: Answer | None) -> None:
    """What the coordinator of Doha says."""
    contact_id = await connection.scalar(select(tables.contacts.c.id).order_by(tables.contacts.c.id)) or 0
    if ended:
        address = member(DOHA).contacts[0].address
        await suppressions.add(connection, Suppression(address.upper(), WEBINARS, NOW, "a test"))
    if answer:
        await answers.give(connection, Given(contact_id, AS_IT_IS.id, answer, NOW, "page", None))


async def fires(
    connection: AsyncConnection,
    kind: Kind,
    known: Told | None,
    of: Occurrence,
    flying: Told | None = None,
    *,
    keep: bool = False,
) -> bool:
    """Whether the coordinator of Doha, knowing this, and just getting that, gets a row; all is as before
    afterwards, unless kept."""
    contact_id = await connection.scalar(select(tables.contacts.c.id).order_by(tables.contacts.c.id))
    member_id = (await book.member_ids(connection))[DOHA]
    async with connection.begin_nested() as savepoint:
        if known:
            row = {**asdict(known), "contact_id": contact_id, "occurrence": of.id, "uid": "x", "told_at": NOW}
            await connection.execute(tables.told.insert().values(**row))
        if flying:
            await being_sent(connection, duty(Kind.INVITATION, of, member_id), flying)
        rows = await fire(connection, duty(kind, of, member_id), NOW)
        await (savepoint.commit() if keep else savepoint.rollback())
    return rows == 1


async def being_sent(connection: AsyncConnection, duty: Duty, flying: Told) -> None:
    """A row that says this, in the hands of a deliverer."""
    known = (await connection.execute(tables.told.delete().returning(*tables.told.c))).mappings().all()
    await fire(connection, duty, NOW)
    until = NOW + timedelta(minutes=1)
    state = {"state": "sending", "claim_token": "x", "claim_until": until, "begun_at": NOW}
    await connection.execute(tables.outbox.update().values(**asdict(flying), **state, notice_key="flying"))
    for row in known:
        await connection.execute(tables.told.insert().values(**row))


def duty(kind: Kind, of: Occurrence, member_id: int) -> Duty:
    return Duty(
        occurrence=of.id,
        rule="rule",
        kind=kind,
        roles=("coordinator",),
        member_ids=(member_id,),
        uid=of.id,
        uid_domain="cities.example",
        uid_by_member=kind in REPORTS,
        method=METHODS.get(kind),
        revision=0,
        starts_at=of.starts_at,
        ends_at=of.ends_at,
        status=of.status.value,
        place=of.place,
        days=of.days,
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
