"""People who were erased: known by a keyed digest of their address alone, so that they do not come back.

One transaction takes out all that this database knows of an address; what it was sent stays as rows about
nobody. The rows of contacts stay too, because those point to them: their address is a word without an @.
"""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    String,
    Table,
    case,
    cast,
    delete,
    false,
    func,
    literal,
    null,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from scheduler.store.database import Database, among, insert_into
from scheduler.store.outbox import FAILED, MISSED, SENT, WITHDRAWN, withdrawn
from scheduler.store.tables import (
    answers,
    bounces,
    case_log,
    clock_changes,
    configurations,
    contacts,
    erasures,
    feed_addresses,
    holds,
    installation,
    journal,
    members,
    outbox,
    suppressions,
    told,
)

#: Why a row is withdrawn, and what stands in the place of a mail server's words, which may quote an address.
ERASED = "the contact was erased"

#: What stands in the place of a name by which an erased person decided something.
SIGNED_BY_ERASED = "somebody who was erased"
#: Where people sign with a name, which was an address now and then before that was refused.
_SIGNED = (
    installation.c.claimed_by,
    configurations.c.applied_by,
    feed_addresses.c.created_by,
    clock_changes.c.decided_by,
    holds.c.held_by,
    case_log.c.actor,
    journal.c.actor,
)
#: Texts in which an address may stand, and what takes the place of one that has it.
_QUOTING = {
    **dict.fromkeys(_SIGNED, SIGNED_BY_ERASED),
    **dict.fromkeys((case_log.c.reason, case_log.c.letter), ERASED),
}

_DONE = (SENT, FAILED, MISSED, WITHDRAWN)


@dataclass(frozen=True)
class Erasure:
    digest: str
    erased_at: datetime
    reason: str


async def read(connection: AsyncConnection) -> tuple[Erasure, ...]:
    rows = await connection.execute(select(erasures).order_by(erasures.c.erased_at))
    return tuple(Erasure(**row._mapping) for row in rows)


async def put(connection: AsyncConnection, erasure: Erasure) -> None:
    """Twice is harmless."""
    insert = insert_into(connection, erasures).values(**vars(erasure)).on_conflict_do_nothing()
    await connection.execute(insert)


async def take_back(connection: AsyncConnection, digest: str) -> bool:
    """Who asks to be written to again; False where nobody was erased."""
    mine = erasures.c.digest == digest
    return bool((await connection.execute(delete(erasures).where(mine))).rowcount)


async def begin(database: Database) -> None:
    """From now on the writing connection overwrites what it deletes (SQLite); PostgreSQL's vacuum does."""
    async with database.write() as connection:
        if connection.dialect.name == "sqlite":
            await connection.exec_driver_sql("PRAGMA secure_delete=ON")


async def end(database: Database) -> None:
    """What was written before leaves the log beside an SQLite file as well, if nobody reads just now."""
    if database.writer.dialect.name != "sqlite":
        return
    async with database.writer.connect() as connection:
        raw = await connection.get_raw_connection()
        assert raw.driver_connection  # noqa: S101 - it is connected
        with suppress(sqlite3.OperationalError):  # the next checkpoint does it
            # past SQLAlchemy, which would begin a transaction: none may be open
            cursor = await raw.driver_connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            await cursor.close()


async def forget(connection: AsyncConnection, address: str, ids: Collection[int]) -> None:
    """All that is known of an address, and of the contacts with these numbers, who have it."""
    mine = among(ids, connection)
    waits = outbox.c.state.not_in(_DONE)
    unclaimed = {"claim_token": None, "claim_until": None, "begun_at": None}
    theirs = outbox.c.contact_id.in_(mine)
    await connection.execute(update(outbox).where(theirs, waits).values(**withdrawn(ERASED), **unclaimed))
    quotes = or_(outbox.c.state == FAILED, outbox.c.reason.contains("@"))
    reason = case((quotes, literal(ERASED)), else_=outbox.c.reason)
    nothing = {"reply": null(), "receipt": null()}
    await connection.execute(update(outbox).where(theirs).values(reason=reason, **nothing))
    for table in (told, answers):
        await connection.execute(delete(table).where(table.c.contact_id.in_(mine)))
    returned = or_(bounces.c.contact_id.in_(mine), bounces.c.address == address.lower())
    await connection.execute(delete(bounces).where(returned))
    await connection.execute(delete(suppressions).where(suppressions.c.address == address.lower()))
    for column, instead in _QUOTING.items():
        has_it = func.lower(column).contains(address.lower(), autoescape=True)
        await connection.execute(update(column.table).where(has_it).values({column: instead}))
    nobody = {"address": literal("erased-") + cast(contacts.c.id, String), "name": "", "is_listed": False}
    await connection.execute(update(contacts).where(contacts.c.id.in_(mine)).values(**nobody))


async def configurations_with(connection: AsyncConnection, address: str) -> tuple[int, ...]:
    """The rows of what is and was in force in which an address stands, in whatever letters, oldest first."""
    stands = func.lower(configurations.c.content).contains(address.lower(), autoescape=True)
    rows = await connection.scalars(select(configurations.c.id).where(stands).order_by(configurations.c.id))
    return tuple(rows)


async def rewrite(
    connection: AsyncConnection, ids: Collection[int], anew: Callable[[str], tuple[str, str]]
) -> None:
    """Gives the rows of configurations another text and hash, one after the other; those that replaced them
    name the new hash.

    anew: text -> (text, hash).
    """
    table = configurations.c
    for row_id in ids:
        row = (await connection.execute(select(table.content, table.hash).where(table.id == row_id))).one()
        content, name = anew(row.content)
        values = {"content": content, "hash": name}
        await connection.execute(update(configurations).where(table.id == row_id).values(**values))
        follows = update(configurations).where(table.replaces == row.hash)
        await connection.execute(follows.values(replaces=name))


# what is known of somebody


@dataclass(frozen=True)
class Count:
    """How much a database knows of an address."""

    #: mails that are still to be sent, and all others
    unsent: int
    mails: int
    told: int
    answers: int
    bounces: int
    suppressions: int


async def count(connection: AsyncConnection, address: str, ids: Collection[int]) -> Count:
    async def number(table: Table, *where: ColumnElement[bool]) -> int:
        return await connection.scalar(select(func.count()).select_from(table).where(*where)) or 0

    mine = among(ids, connection)
    theirs = outbox.c.contact_id.in_(mine)
    return Count(
        unsent=await number(outbox, theirs, outbox.c.state.not_in(_DONE)),
        mails=await number(outbox, theirs, outbox.c.state.in_(_DONE)),
        told=await number(told, told.c.contact_id.in_(mine)),
        answers=await number(answers, answers.c.contact_id.in_(mine)),
        bounces=await number(bounces, bounces.c.contact_id.in_(mine)),
        suppressions=await number(suppressions, suppressions.c.address == address.lower()),
    )


#: Table -> columns that are about our work, or about who did it, and not about the person.
_OURS = {
    "outbox": {"claim_token", "claim_until", "begun_at", "crashes"},
    "configurations": {"content", "applied_by"},
    "feed_addresses": {"created_by"},
    "journal": {"actor"},
}

Found = AsyncIterator[Mapping[str, Any]]


async def rows_about(connection: AsyncConnection, address: str, ids: Collection[int]) -> dict[str, list[Any]]:
    """Table -> its rows about these contacts, who have this address; nobody else's."""
    mine = among(ids, connection)
    slugs = select(members.c.id).join(contacts, contacts.c.member_id == members.c.id)
    cities = slugs.where(contacts.c.id.in_(mine), contacts.c.is_listed != false())
    # of the secret addresses of a city's calendar the one that its mails print; others were given to others
    printed = (feed_addresses.c.member_id.in_(cities), feed_addresses.c.label == "")
    whose: dict[Table, tuple[ColumnElement[bool], ...]] = {
        contacts: (contacts.c.id.in_(mine),),
        outbox: (outbox.c.contact_id.in_(mine),),
        told: (told.c.contact_id.in_(mine),),
        answers: (answers.c.contact_id.in_(mine),),
        bounces: (bounces.c.contact_id.in_(mine),),
        suppressions: (suppressions.c.address == address.lower(),),
        feed_addresses: printed,
        configurations: (configurations.c.id.in_(await configurations_with(connection, address)),),
        journal: (await _lines(connection, ids),),
    }
    return {table.name: await _rows(connection, table, where) for table, where in whose.items()}


async def _rows(
    connection: AsyncConnection, table: Table, where: tuple[ColumnElement[bool], ...]
) -> list[dict[str, Any]]:
    columns = [column for column in table.c if column.name not in _OURS.get(table.name, ())]
    rows = await connection.execute(select(*columns).where(*where).order_by(*table.primary_key.columns))
    return [dict(row._mapping) for row in rows]


async def _lines(connection: AsyncConnection, ids: Collection[int]) -> ColumnElement[bool]:
    """Lines of the journal that name one of the contacts by its number, or, as older ones do, by a city and
    role that nobody else ever had."""
    alone = select(func.min(contacts.c.id)).group_by(contacts.c.member_id, contacts.c.role)
    alone = alone.having(func.count() == 1)
    query = select(members.c.slug + literal(" ") + contacts.c.role).join(
        members, members.c.id == contacts.c.member_id
    )
    mine = contacts.c.id.in_(among(ids, connection))
    subjects = list(await connection.scalars(query.where(mine, contacts.c.id.in_(alone))))
    named = [journal.c.detail.endswith(f"contact {one}", autoescape=True) for one in sorted(ids)]
    older = journal.c.subject.in_(subjects) & journal.c.detail.not_like("%contact %")
    return or_(older, *named)
