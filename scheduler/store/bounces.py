"""What mail servers sent back, one row for each report, and what that makes of the mail that came back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, and_, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from scheduler.store.database import insert_into
from scheduler.store.outbox import FAILED, SENT, freed
from scheduler.store.tables import bounces, contacts, members, outbox, told


class Kind(StrEnum):
    """What a report means for its address."""

    #: there is no such address
    HARD = "hard"
    #: for now: counted
    SOFT = "soft"
    #: refused for another reason than the address: for staff to look at
    POLICY = "policy"
    COMPLAINT = "complaint"
    #: of any kind, before somebody let the address be written to again: it counts no more
    SETTLED = "settled"


@dataclass(frozen=True)
class Mail:
    """A row of the outbox that a report may be about."""

    id: int
    #: as it was sent; what was withdrawn or came back since has a mark behind it
    message_id: str
    state: str
    kind: str
    occurrence: str
    method: str | None
    sequence: int
    sent_at: datetime | None
    contact_id: int
    #: slug of its city
    member: str
    role: str
    address: str


@dataclass(frozen=True)
class Bounce:
    """A report as it is kept."""

    #: SHA-256 of the report, in hexadecimal
    digest: str
    contact_id: int
    delivery_id: int
    address: str
    kind: Kind
    #: RFC 3463; empty for a complaint, and where there is none
    status: str
    #: the mail server's words, without addresses
    said: str
    received_at: datetime


async def mail(connection: AsyncConnection, row_id: int) -> Mail | None:
    """None for a row that was pruned, or is none of this database."""
    query = (
        select(
            *(outbox.c[name] for name in Mail.__dataclass_fields__ if name in outbox.c),
            members.c.slug.label("member"),
            contacts.c.role,
            contacts.c.address,
        )
        .join(contacts, contacts.c.id == outbox.c.contact_id)
        .join(members, members.c.id == contacts.c.member_id)
        .where(outbox.c.id == row_id)
    )
    row = (await connection.execute(query)).one_or_none()
    return Mail(**row._mapping) if row else None


async def add(connection: AsyncConnection, bounce: Bounce) -> bool:
    """False for a report that was taken in before."""
    values = vars(bounce) | {"address": bounce.address.lower(), "kind": bounce.kind.value}
    insert = insert_into(connection, bounces).values(**values).on_conflict_do_nothing()
    return bool((await connection.execute(insert)).rowcount)


async def count_soft(connection: AsyncConnection, address: str, since: datetime) -> int:
    """How many different mails came back from an address for now, since then."""
    mine = (bounces.c.address == address.lower(), bounces.c.kind == Kind.SOFT.value)
    number = func.count(func.distinct(bounces.c.delivery_id))
    return await connection.scalar(select(number).where(*mine, bounces.c.received_at >= since)) or 0


async def settle(connection: AsyncConnection, address: str) -> None:
    """The address is written to again: what came back until now counts no more, and is remembered, so that
    the same report taken in once more changes nothing."""
    mine = bounces.c.address == address.lower()
    await connection.execute(update(bounces).where(mine).values(kind=Kind.SETTLED.value))


async def of_kind(
    connection: AsyncConnection, kind: Kind, since: datetime
) -> tuple[tuple[str, str, Bounce], ...]:
    """(city, role, report) since then, the newest first."""
    query = (
        select(bounces, members.c.slug, contacts.c.role)
        .join(contacts, contacts.c.id == bounces.c.contact_id)
        .join(members, members.c.id == contacts.c.member_id)
        .where(bounces.c.kind == kind.value, bounces.c.received_at >= since)
        .order_by(bounces.c.received_at.desc(), bounces.c.id.desc())
    )
    return tuple((row.slug, row.role, _bounce(row)) for row in await connection.execute(query))


def _bounce(row: Row[Any]) -> Bounce:
    values = {name: row._mapping[name] for name in Bounce.__dataclass_fields__}
    return Bounce(**{**values, "kind": Kind(values["kind"])})


async def mark_returned(connection: AsyncConnection, row_id: int, reason: str, *, for_good: bool) -> None:
    """A mail that was sent came back: it counts as failed.

    for_good: its key is given free, so that the same may be told again once the address is written to again.
    """
    values: dict[str, Any] = {"state": FAILED, "reason": reason[:400]}
    mine = and_(outbox.c.id == row_id, outbox.c.state == SENT)
    await connection.execute(update(outbox).where(mine).values(**values, **(freed() if for_good else {})))


#: What is remembered of a mail that was told.
_TOLD = ("uid", "sequence", "method", "starts_at", "ends_at", "status", "place", "days")


async def untell(connection: AsyncConnection, mail: Mail) -> None:
    """A mail that came back told nothing: its contact knows what the mail before it said, or nothing.

    To be asked after `mark_returned`. What was told later stays.
    """
    mine = and_(told.c.contact_id == mail.contact_id, told.c.occurrence == mail.occurrence)
    by_this = and_(mine, told.c.sequence == mail.sequence, told.c.method == (mail.method or ""))
    before = await _told_before(connection, mail)
    if before is None:
        await connection.execute(delete(told).where(by_this))
    else:
        await connection.execute(update(told).where(by_this).values(**before))


async def _told_before(connection: AsyncConnection, mail: Mail) -> dict[str, Any] | None:
    """Of what goes into calendars only: all else is told once."""
    if mail.method is None:
        return None
    query = select(*(outbox.c[name] for name in _TOLD), outbox.c.sent_at.label("told_at")).where(
        outbox.c.contact_id == mail.contact_id,
        outbox.c.occurrence == mail.occurrence,
        outbox.c.state == SENT,
        outbox.c.method.is_not(None),
        outbox.c.id < mail.id,
    )
    row = (await connection.execute(query.order_by(outbox.c.id.desc()).limit(1))).one_or_none()
    return dict(row._mapping) if row else None
