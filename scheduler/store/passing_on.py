"""Notices about reports as their city hears of them: to which of its contacts a notice was written, the row
of the next one, and the cities that no such mail reaches."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, select, true, union, update
from sqlalchemy.ext.asyncio import AsyncConnection

from scheduler.model.cases import AWAITED
from scheduler.model.members import CHAIN
from scheduler.model.notices import AWAITING, OF_ONE_CITY, Kind
from scheduler.store.cases import has_come
from scheduler.store.database import insert_into
from scheduler.store.outbox import FAILED, QUEUED, SENDING, SENT, UNSENT, WAITING, message_id, withdrawn
from scheduler.store.suppressions import EVERYTHING, is_suppressed
from scheduler.store.tables import cases, contacts, members, outbox

_OF_ONE_CITY = sorted(kind.value for kind in OF_ONE_CITY)
_ASKING = sorted(kind.value for kind in AWAITING)
_AWAITED = sorted(state.value for state in AWAITED)
#: What says which notice a row is.
_NAMED = ("notice_key", "message_id", "contact_id", "kind", "occurrence", "rule")
#: What the next one gets as it was written to the one before.
_THE_SAME = (
    *("occurrence", "rule", "kind", "uid", "method", "sequence", "starts_at", "ends_at", "status"),
    *("place", "days", "useful_by", "urgency"),
)
#: So long after the deadline somebody may still be found who can be written to.
_STAFF_CARE = timedelta(days=365)


@dataclass(frozen=True)
class Notice:
    """What a row of the outbox tells one city, whoever of its contacts reads it."""

    row_id: int
    contact_id: int
    member_id: int
    kind: Kind
    #: of the contact that the row is written to
    role: str
    occurrence: str
    rule: str
    #: what the words rest on
    basis: str
    #: what the Message-IDs of this installation end with
    domain: str
    useful_by: datetime
    #: the report has come, or none is asked for any more
    has_come: bool


@dataclass(frozen=True)
class Addressee:
    """A contact of the city, and what became of the notice for it."""

    contact_id: int
    role: str
    address: str
    #: it is in members.csv today, and nothing bars its address
    is_open: bool
    #: of the notice's rows that were written to it, without those that were withdrawn
    states: tuple[str, ...] = ()

    @property
    def has_it(self) -> bool:
        """It was sent and did not come back, or it is on its way. A copy to an office outside the chain tells
        the city nothing."""
        if self.role not in CHAIN:
            return False
        return SENT in self.states or SENDING in self.states or (self.is_open and self.is_written_to(UNSENT))

    def is_written_to(self, states: Collection[str]) -> bool:
        return any(state in states for state in self.states)


async def notice(connection: AsyncConnection, row_id: int) -> Notice | None:
    """None for a row that was pruned, or is no report mail of one city."""
    columns = (outbox.c[name] for name in _NAMED)
    asked = has_come(outbox.c.occurrence, contacts.c.member_id).label("has_come")
    query = (
        select(*columns, outbox.c.useful_by, contacts.c.member_id, contacts.c.role, asked)
        .join(contacts, contacts.c.id == outbox.c.contact_id)
        .where(outbox.c.id == row_id, outbox.c.kind.in_(_OF_ONE_CITY))
    )
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        return None
    return Notice(
        row_id=row_id,
        contact_id=row.contact_id,
        member_id=row.member_id,
        kind=Kind(row.kind),
        role=row.role,
        occurrence=row.occurrence,
        rule=row.rule,
        basis=_basis(row.notice_key),
        domain=row.message_id.partition("|")[0].rpartition("@")[2].removesuffix(">"),
        useful_by=row.useful_by,
        has_come=bool(row.has_come),
    )


def _basis(key: str) -> str:
    """A key is occurrence|rule|contact|basis, and has a mark behind it where it was given free."""
    return (key.split("|", 4) + [""] * 4)[3]


async def addressees(connection: AsyncConnection, notice: Notice) -> tuple[Addressee, ...]:
    """All that the city has or had, in the order of their numbers."""
    is_barred = is_suppressed(contacts.c.address, EVERYTHING).label("is_barred")
    columns = (contacts.c.id, contacts.c.role, contacts.c.address, contacts.c.is_listed)
    query = select(*columns, is_barred).where(contacts.c.member_id == notice.member_id)
    found = (await connection.execute(query.order_by(contacts.c.id))).all()
    written = await connection.execute(
        select(outbox.c.contact_id, outbox.c.notice_key, outbox.c.state).where(
            outbox.c.contact_id.in_([row.id for row in found]),
            outbox.c.occurrence == notice.occurrence,
            outbox.c.rule == notice.rule,
        )
    )
    states: dict[int, list[str]] = {}
    for contact_id, key, state in written:
        if _basis(key) == notice.basis:
            states.setdefault(contact_id, []).append(state)
    return tuple(
        Addressee(
            contact_id=row.id,
            role=row.role,
            address=row.address,
            is_open=bool(row.is_listed) and not row.is_barred,
            states=tuple(states.get(row.id, ())),
        )
        for row in found
    )


async def write(
    connection: AsyncConnection, notice: Notice, contact_id: int, reason: str, now: datetime
) -> bool:
    """One row more of the notice, due now; False where there is one already. reason: for staff."""
    values: dict[str, Any] = {
        "notice_key": f"{notice.occurrence}|{notice.rule}|{contact_id}|{notice.basis}",
        "message_id": message_id(notice.occurrence, notice.rule, notice.basis, contact_id, notice.domain),
        "contact_id": contact_id,
        "due_at": now,
        "next_at": now,
        "inserted_at": now,
        "attempts": 0,
        "state": QUEUED,
        "reason": reason[:400],
    }
    same = (await connection.execute(select(*_columns()).where(outbox.c.id == notice.row_id))).one()
    insert = insert_into(connection, outbox).values(**same._mapping, **values).on_conflict_do_nothing()
    return bool((await connection.execute(insert)).rowcount)


def _columns() -> list[Any]:
    return [outbox.c[name] for name in _THE_SAME]


async def waiting_for(connection: AsyncConnection, address: str) -> tuple[int, ...]:
    """Rows of report mails that wait for an address; not those that may be on their way."""
    mine = (func.lower(contacts.c.address) == address.lower(), outbox.c.kind.in_(_OF_ONE_CITY))
    is_claimed = and_(outbox.c.state == SENDING, outbox.c.begun_at.is_(None))
    query = select(outbox.c.id).join(contacts, contacts.c.id == outbox.c.contact_id)
    waits = outbox.c.state.in_(WAITING) | is_claimed
    return tuple(await connection.scalars(query.where(*mine, waits).order_by(outbox.c.id)))


async def withdraw(connection: AsyncConnection, row_id: int, reason: str) -> None:
    """A row that nobody has in hand is not sent; what is claimed is judged once more."""
    mine = and_(outbox.c.id == row_id, outbox.c.state.in_(WAITING))
    await connection.execute(update(outbox).where(mine).values(**withdrawn(reason[:400])))


async def unreached(connection: AsyncConnection, now: datetime) -> dict[str, tuple[str, ...]]:
    """Round -> slugs of the cities that its mails do not reach: the last one came back from everybody, or a
    report is asked of them and nobody is left to write to.

    Looks at the mails that failed and at open cases, never through all that was sent.
    """
    found: dict[str, list[str]] = {}
    both = union(_all_returned(now), _nobody_left(now)).subquery("both")
    for cycle, slug in await connection.execute(select(both).order_by(both.c.cycle, both.c.slug)):
        found.setdefault(cycle, []).append(slug)
    return {cycle: tuple(slugs) for cycle, slugs in found.items()}


def _all_returned(now: datetime) -> Select[Any]:
    """A mail failed that is still of use, and none that fell due with it or later was sent, or is to be."""
    failed, other, reader = outbox.alias("failed"), outbox.alias("other"), contacts.alias("reader")
    reached = exists().where(
        reader.c.member_id == contacts.c.member_id,
        reader.c.role.in_(CHAIN),
        other.c.contact_id == reader.c.id,
        other.c.occurrence == failed.c.occurrence,
        other.c.kind.in_(_OF_ONE_CITY),
        _unindexed(other.c.state).in_((SENT, *UNSENT)),
        other.c.due_at >= failed.c.due_at,
    )
    asked = case((failed.c.kind.in_(_ASKING), cases.c.state.in_(_AWAITED)), else_=true())
    of_failed = and_(
        cases.c.cycle == _unindexed(failed.c.occurrence), cases.c.member_id == contacts.c.member_id
    )
    return (
        select(cases.c.cycle, members.c.slug)
        .select_from(failed)
        .join(contacts, contacts.c.id == func.coalesce(failed.c.contact_id, 0))
        .join(cases, of_failed)
        .join(members, and_(members.c.id == contacts.c.member_id, members.c.is_listed == true()))
        .where(failed.c.state == FAILED, _unindexed(failed.c.kind).in_(_OF_ONE_CITY))
        .where(failed.c.useful_by > now, asked, ~reached)
    )


def _unindexed(column: ColumnElement[str]) -> ColumnElement[str]:
    """Not in a form that an index is made for: the way leads from the few mails that failed to their
    contacts and cases, and never from all that was sent in a round."""
    return func.coalesce(column, "")


def _nobody_left(now: datetime) -> Select[Any]:
    """Of the chain nobody is there who is written to."""
    is_left = exists().where(
        contacts.c.member_id == cases.c.member_id,
        contacts.c.role.in_(CHAIN),
        contacts.c.is_listed == true(),
        ~is_suppressed(contacts.c.address, EVERYTHING),
    )
    return (
        select(cases.c.cycle, members.c.slug)
        .join(members, and_(members.c.id == cases.c.member_id, members.c.is_listed == true()))
        .where(cases.c.state.in_(_AWAITED), cases.c.opens_at <= now, ~is_left)
        .where(cases.c.deadline_at > now - _STAFF_CARE)
    )
