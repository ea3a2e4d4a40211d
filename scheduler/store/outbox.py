"""The durable rows of what is being and was sent: one for each notice, unique by its key.

Rows are made by one INSERT ... SELECT for a whole slot, claimed in batches, and marked in groups.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    String,
    and_,
    case,
    cast,
    func,
    literal,
    null,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from scheduler.model.notices import STATEFUL, Kind
from scheduler.store.database import among
from scheduler.store.tables import Instant, contacts, members, outbox, told

QUEUED, SENDING, SENT = "queued", "sending", "sent"
FAILED, MISSED, WITHDRAWN = "failed", "missed", "withdrawn"

#: How long a claim holds without being renewed.
LEASE = timedelta(seconds=60)


@dataclass(frozen=True)
class Duty:
    """A slot on its way to the outbox: what is told, to which roles of which members."""

    occurrence: str
    rule: str
    kind: Kind
    roles: tuple[str, ...]
    #: row ids of the members concerned
    member_ids: tuple[int, ...]
    #: id of the calendar item, before the @
    uid: str
    uid_domain: str
    #: every member has an item of its own: `<uid>.<slug>@<domain>`
    uid_by_member: bool
    method: str | None
    #: how often the occurrence was revised
    revision: int
    starts_at: datetime | None
    ends_at: datetime | None
    status: str
    place: str
    due_at: datetime
    useful_by: datetime
    #: anything but empty makes it a row that is only recorded as missed
    missed_because: str = ""


@dataclass(frozen=True)
class Receipt:
    """A row that was posted."""

    id: int
    #: where the mailbox put it
    put: str
    #: whose hours it says
    zone: str


@dataclass(frozen=True)
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
    due_at: datetime
    useful_by: datetime
    inserted_at: datetime
    sent_at: datetime | None
    receipt: str | None
    zone: str | None


async def fire(connection: AsyncConnection, duty: Duty, now: datetime) -> int:
    """The rows of one slot; those that exist already stay as they are. Gives how many are new."""
    is_last_told = and_(told.c.contact_id == contacts.c.id, told.c.occurrence == duty.occurrence)
    source = contacts.join(members, members.c.id == contacts.c.member_id).outerjoin(told, is_last_told)
    sequence = _sequence(duty)
    basis = _basis(duty, sequence)
    contact = cast(contacts.c.id, String)
    values: dict[str, Any] = {
        "notice_key": literal(f"{duty.occurrence}|{duty.rule}|") + contact + literal("|") + basis,
        "message_id": (
            literal(f"<{duty.occurrence}.{duty.rule}.")
            + basis
            + literal(".")
            + contact
            + literal(f"@{duty.uid_domain}>")
        ),
        "contact_id": contacts.c.id,
        "occurrence": literal(duty.occurrence),
        "rule": literal(duty.rule),
        "kind": literal(duty.kind.value),
        "uid": _uid(duty),
        "method": literal(duty.method) if duty.method else cast(null(), String),
        "sequence": sequence,
        "starts_at": literal(duty.starts_at, Instant),
        "ends_at": literal(duty.ends_at, Instant),
        "status": literal(duty.status),
        "place": literal(duty.place),
        "due_at": literal(duty.due_at, Instant),
        "useful_by": _useful_by(duty),
        "inserted_at": literal(now, Instant),
        "state": literal(MISSED if duty.missed_because else QUEUED),
        "reason": literal(duty.missed_because),
    }
    rows = (
        select(*values.values())
        .select_from(source)
        .where(contacts.c.member_id.in_(among(duty.member_ids, connection)))
        .where(contacts.c.id.in_(_one_for_each_address(duty)))
        .where(_concerned(duty, now))
        .order_by(contacts.c.id)
    )
    insert = _insert(connection).from_select(list(values), rows).on_conflict_do_nothing()
    return (await connection.execute(insert)).rowcount


def _insert(connection: AsyncConnection, table: Any = outbox) -> Any:
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    return dialect.insert(table)


def _one_for_each_address(duty: Duty) -> Select[tuple[int]]:
    """Who holds two roles with one address is written to once, in the first of them."""
    roles = contacts.c.role.in_(duty.roles)
    first = select(func.min(contacts.c.id)).where(roles, contacts.c.is_listed == true())
    return first.group_by(contacts.c.member_id, contacts.c.address)


def _sequence(duty: Duty) -> ColumnElement[int]:
    """The revision for a first mail, later at least one more than was last told (DESIGN, 5.4)."""
    if duty.method is None:
        return literal(duty.revision)
    grown = told.c.sequence + 1
    return case(
        (told.c.sequence.is_(None), duty.revision), (grown > duty.revision, grown), else_=duty.revision
    )


def _basis(duty: Duty, sequence: ColumnElement[int]) -> ColumnElement[str]:
    """What the words rest on: SEQUENCE for what goes into calendars, the start or deadline for the rest."""
    if duty.method is not None:
        return cast(sequence, String)
    if duty.kind is Kind.ANNOUNCEMENT:
        return literal("1")
    at = duty.ends_at if duty.uid_by_member else duty.starts_at
    return literal(f"{at:%Y%m%dT%H%MZ}" if at else "open")


def _uid(duty: Duty) -> ColumnElement[str]:
    if duty.uid_by_member:
        return literal(f"{duty.uid}.") + members.c.slug + literal(f"@{duty.uid_domain}")
    return literal(f"{duty.uid}@{duty.uid_domain}")


def _useful_by(duty: Duty) -> ColumnElement[datetime]:
    """A cancellation until the start that stands in the contact's calendar, if any does."""
    latest = literal(duty.useful_by, Instant)
    return func.coalesce(told.c.starts_at, latest) if duty.kind is Kind.CANCELLED else latest


def _concerned(duty: Duty, now: datetime) -> ColumnElement[bool]:
    """Compares what a contact should know with what it was last told."""
    invited = told.c.method == "REQUEST"
    match duty.kind:
        case Kind.ANNOUNCEMENT | Kind.REPORT_OPENED:
            return told.c.contact_id.is_(None)
        case Kind.INVITATION:
            return or_(told.c.contact_id.is_(None), told.c.method == "CANCEL")
        case Kind.CHANGED:
            return and_(invited, _differs(duty))
        case Kind.CANCELLED:
            return and_(invited, or_(told.c.starts_at.is_(None), told.c.starts_at > literal(now, Instant)))
        case Kind.FOLLOW_UP:
            return invited
        case _:
            return true()


def _differs(duty: Duty) -> ColumnElement[bool]:
    return or_(
        told.c.starts_at.is_distinct_from(literal(duty.starts_at, Instant)),
        told.c.ends_at.is_distinct_from(literal(duty.ends_at, Instant)),
        told.c.status != duty.status,
        told.c.place != duty.place,
    )


async def claim(connection: AsyncConnection, token: str, most: int, now: datetime) -> list[Delivery]:
    """Up to `most` rows that are due, oldest first, marked with the token; others cannot take them."""
    free = or_(outbox.c.state == QUEUED, and_(outbox.c.state == SENDING, outbox.c.claim_until < now))
    chosen = (
        select(outbox.c.id)
        .where(free, outbox.c.due_at <= now)
        .order_by(outbox.c.due_at, outbox.c.id)
        .limit(most)
    )
    if connection.dialect.name == "postgresql":
        chosen = chosen.with_for_update(skip_locked=True)
    mark = update(outbox).where(outbox.c.id.in_(chosen))
    await connection.execute(mark.values(state=SENDING, claim_token=token, claim_until=now + LEASE))
    claimed = and_(outbox.c.claim_token == token, outbox.c.state == SENDING)
    return [row async for row in _deliveries(connection, claimed)]


async def mark_sent(
    connection: AsyncConnection, token: str, receipts: Sequence[Receipt], now: datetime
) -> None:
    """What the contacts were told is written down with it."""
    if not receipts:
        return
    ids = [receipt.id for receipt in receipts]
    put = case({receipt.id: receipt.put for receipt in receipts}, value=outbox.c.id)
    zone = case({receipt.id: receipt.zone for receipt in receipts}, value=outbox.c.id)
    mine = and_(outbox.c.id.in_(among(ids, connection)), outbox.c.claim_token == token)
    sent = {
        "state": SENT,
        "sent_at": now,
        "claim_token": None,
        "claim_until": None,
        "receipt": put,
        "zone": zone,
    }
    await connection.execute(update(outbox).where(mine).values(**sent))
    await _remember_told(connection, ids, now)


async def _remember_told(connection: AsyncConnection, ids: Collection[int], now: datetime) -> None:
    same = ("contact_id", "occurrence", "uid", "sequence", "starts_at", "ends_at", "status", "place")
    method = func.coalesce(outbox.c.method, "")
    rows = select(*(outbox.c[name] for name in same), method, literal(now, Instant)).where(
        outbox.c.id.in_(among(ids, connection)),
        outbox.c.kind.in_(kind.value for kind in STATEFUL),
        outbox.c.state == SENT,
    )
    insert = _insert(connection, told).from_select([*same, "method", "told_at"], rows)
    news = {name: insert.excluded[name] for name in (*same[2:], "method", "told_at")}
    await connection.execute(
        insert.on_conflict_do_update(index_elements=["contact_id", "occurrence"], set_=news)
    )


async def close(
    connection: AsyncConnection, token: str, ids: Collection[int], state: str, reason: str
) -> None:
    """Ends rows of this claim without sending them: withdrawn, missed or failed, with the reason.

    A row that was withdrawn or failed gives its key and its Message-ID free: what it said may become
    true, or possible, again.
    """
    mine = and_(outbox.c.id.in_(among(ids, connection)), outbox.c.claim_token == token)
    done: dict[str, Any] = {"state": state, "reason": reason, "claim_token": None, "claim_until": None}
    if state in (WITHDRAWN, FAILED):
        mark = literal("|") + cast(outbox.c.id, String)
        done |= {"notice_key": outbox.c.notice_key + mark, "message_id": outbox.c.message_id + mark}
    await connection.execute(update(outbox).where(mine).values(**done))


async def last_told(
    connection: AsyncConnection, pairs: Collection[tuple[int, str]]
) -> dict[tuple[int, str], Any]:
    """(contact id, occurrence) -> what it was last told."""
    if not pairs:
        return {}
    contact_ids = {contact for contact, _ in pairs}
    occurrences = {occurrence for _, occurrence in pairs}
    query = select(told).where(told.c.contact_id.in_(among(contact_ids, connection)))
    rows = await connection.execute(query.where(told.c.occurrence.in_(occurrences)))
    return {(row.contact_id, row.occurrence): row for row in rows}


async def sent(connection: AsyncConnection) -> AsyncIterator[Delivery]:
    """Everything that was sent, in the order of sending."""
    async for row in _deliveries(connection, outbox.c.state == SENT):
        yield row


async def count_by_state(connection: AsyncConnection) -> dict[tuple[str, str], int]:
    """(kind, state) -> rows."""
    query = select(outbox.c.kind, outbox.c.state, func.count()).group_by(outbox.c.kind, outbox.c.state)
    return {(kind, state): number for kind, state, number in await connection.execute(query)}


async def _deliveries(connection: AsyncConnection, where: ColumnElement[bool]) -> AsyncIterator[Delivery]:
    of_row = [name for name in Delivery.__dataclass_fields__ if name in outbox.c]
    query = (
        select(
            *(outbox.c[name] for name in of_row),
            members.c.slug.label("member"),
            contacts.c.role,
            contacts.c.address,
            contacts.c.name,
            contacts.c.is_listed,
        )
        .join(contacts, contacts.c.id == outbox.c.contact_id)
        .join(members, members.c.id == contacts.c.member_id)
        .where(where)
        .order_by(outbox.c.sent_at, outbox.c.due_at, outbox.c.id)
    )
    result = await connection.stream(query)
    async for row in result:
        values = dict(row._mapping)
        yield Delivery(**{**values, "kind": Kind(values["kind"])})
