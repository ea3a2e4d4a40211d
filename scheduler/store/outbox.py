"""The durable rows of what is being and was sent: one for each notice, unique by its key.

Rows are made by one INSERT ... SELECT for a whole slot (`duties.py`), claimed in batches (`claims.py`),
marked in groups (`marks.py`). This file has what a row is and how rows are read; how many there are is asked
in `counts.py`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Row,
    Select,
    String,
    and_,
    cast,
    exists,
    func,
    literal,
    or_,
    select,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from scheduler.model.notices import CORRECTIONS, REMINDERS, Kind
from scheduler.store import feed_addresses
from scheduler.store.answers import has_declined
from scheduler.store.database import among
from scheduler.store.holds import covers, is_held
from scheduler.store.suppressions import WEBINARS, is_suppressed, why_barred
from scheduler.store.tables import contacts, holds, members, outbox

QUEUED, SENDING, SENT, DEFERRED = "queued", "sending", "sent", "deferred"
FAILED, MISSED, WITHDRAWN, HELD = "failed", "missed", "withdrawn", "held"
#: To be claimed as soon as its moment has come.
WAITING = (QUEUED, DEFERRED)
#: Goes out by itself.
IN_LINE = (*WAITING, SENDING)
#: Nobody has it in hand, so it can give way to what is newer.
AT_REST = (*WAITING, HELD)
#: Not sent yet, and still to be; what is held, as soon as a person lets it go.
UNSENT = (*WAITING, SENDING, HELD)

#: Why a row is withdrawn for another one.
REPLACED = "a newer mail took its place"
#: State and reason of such a row.
OLDER = (WITHDRAWN, REPLACED)

#: Stands in the place of a server's words while a mail that came late waits for a decent hour.
MORNING = "waits for the morning there"


def message_id(occurrence: str, rule: str, basis: str, contact_id: int, domain: str) -> str:
    """Of one row, as `duties.py` writes it for many."""
    return f"<{occurrence}.{rule}.{basis}.{contact_id}@{domain}>"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One row, with the contact it goes to."""

    id: int
    notice_key: str
    message_id: str
    contact_id: int
    member: str
    role: str
    address: str
    name: str
    #: the contact is still in members.csv
    is_listed: bool
    occurrence: str
    rule: str
    kind: Kind
    uid: str
    method: str | None
    sequence: int
    starts_at: datetime | None
    ends_at: datetime | None
    status: str
    place: str
    #: of a session without an hour; None: not written down
    days: str | None
    due_at: datetime
    useful_by: datetime
    inserted_at: datetime
    #: how often the server said "later", and when it was tried first
    attempts: int
    first_try_at: datetime | None
    sent_at: datetime | None
    receipt: str | None
    zone: str | None
    #: its address gets no mails about webinars any more, its contact does not come to this session
    is_suppressed: bool = False
    has_declined: bool = False
    #: a reply was lost: it may have arrived
    is_uncertain: bool = False
    #: which address of the city's calendar mails print now
    feed_generation: int = 0
    #: why nothing at all is sent to its address; None where mail is
    barred: str | None = None


#: What cannot wait goes first, however long the line of invitations is (reliability rules, 3.4).
_URGENT = REMINDERS | CORRECTIONS


def urgency(kind: Kind) -> int:
    """Its place in the line: 0 goes before 1."""
    return 0 if kind in _URGENT else 1


def is_newer(newer: FromClause, older: FromClause) -> ColumnElement[bool]:
    """Both go into the calendar of one contact, for one occurrence, and the first was written later."""
    return and_(
        newer.c.contact_id == older.c.contact_id,
        func.coalesce(newer.c.occurrence, "") == older.c.occurrence,
        newer.c.id > older.c.id,
        newer.c.method.is_not(None),
        older.c.method.is_not(None),
    )


def has_newer() -> ColumnElement[bool]:
    """By way of its contact: neither occurrence nor state are in a form that an index is made for, by which
    PostgreSQL, while it has not counted a new table, would look through all that wait for each row."""
    newer = outbox.alias("newer")
    return exists().where(is_newer(newer, outbox), func.coalesce(newer.c.state, "").in_(UNSENT))


#: Nothing holds the row back.
NOT_HELD = ~is_held(outbox)


def withdrawn(reason: str) -> dict[str, Any]:
    """The values of a row that is not sent because something else is true now."""
    return {"state": WITHDRAWN, "reason": reason, **freed()}


def freed() -> dict[str, Any]:
    """Its key and its Message-ID can be taken again: what it said may become true, or possible, again."""
    mark = literal("|") + cast(outbox.c.id, String)
    return {"notice_key": outbox.c.notice_key + mark, "message_id": outbox.c.message_id + mark}


def is_in(name: str) -> ColumnElement[bool]:
    """Of a row that is found by its id: it is in this state. Not in a form that an index is made for: it
    would lead by way of all rows in that state."""
    return func.coalesce(outbox.c.state, "") == name


def may_have_arrived(row: FromClause) -> ColumnElement[bool]:
    """Of a row that is not marked as sent: it was begun, or nobody knows how its last try ended."""
    is_begun = and_(row.c.state == SENDING, row.c.begun_at.is_not(None))
    return or_(is_begun, and_(row.c.is_uncertain, row.c.state != SENT))


async def sent(connection: AsyncConnection) -> AsyncIterator[Delivery]:
    """Everything that was sent, in the order of sending."""
    async for row in await connection.stream(deliveries().where(outbox.c.state == SENT)):
        yield delivery(row)


async def unsent_of(connection: AsyncConnection, subject: str) -> AsyncIterator[Delivery]:
    """What a hold of this subject keeps and no other one does; asked while the hold is there."""
    by_this = exists().where(holds.c.subject == subject, covers(outbox))
    by_another = exists().where(holds.c.subject != subject, covers(outbox))
    theirs = deliveries().where(outbox.c.state.in_(UNSENT), by_this, ~by_another)
    async for row in await connection.stream(theirs):
        yield delivery(row)


async def unsent_to(connection: AsyncConnection, member_ids: Collection[int]) -> list[Delivery]:
    """What is still to be sent to these members."""
    theirs = contacts.c.member_id.in_(among(member_ids, connection))
    rows = await connection.execute(deliveries().where(theirs, outbox.c.state.in_(UNSENT)))
    return [delivery(row) for row in rows]


#: Of a delivery: what does not stand in its row.
_FROM_ELSEWHERE: dict[str, ColumnElement[Any]] = {
    "member": members.c.slug,
    "role": contacts.c.role,
    "address": contacts.c.address,
    "name": contacts.c.name,
    "is_listed": contacts.c.is_listed,
    "is_suppressed": is_suppressed(contacts.c.address, WEBINARS),
    "barred": why_barred(contacts.c.address),
    "has_declined": has_declined(contacts.c.id, outbox.c.occurrence),
    "feed_generation": feed_addresses.printed(members.c.id),
}
_FIELDS = tuple(Delivery.__dataclass_fields__)
_KIND = _FIELDS.index("kind")


@lru_cache(maxsize=1)
def deliveries() -> Select[Any]:
    """Rows with their contacts; put together once, for each batch asks it."""
    found = (_FROM_ELSEWHERE.get(name, outbox.c.get(name)) for name in _FIELDS)
    return (
        select(*(value.label(name) for name, value in zip(_FIELDS, found, strict=True) if value is not None))
        .join(contacts, contacts.c.id == outbox.c.contact_id)
        .join(members, members.c.id == contacts.c.member_id)
        .order_by(outbox.c.sent_at, outbox.c.due_at, outbox.c.id)
    )


def delivery(row: Row[Any]) -> Delivery:
    values = list(row)
    values[_KIND] = Kind(values[_KIND])
    return Delivery(*values)
