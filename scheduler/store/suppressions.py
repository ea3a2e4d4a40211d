"""Addresses that are not written to any more. Duties, that is reports, still reach who ended the webinars;
where mail came back for good, or somebody complained, nothing is sent at all."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, ScalarSelect, and_, exists, func, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from scheduler.store import ledger
from scheduler.store.database import insert_into
from scheduler.store.tables import contacts, members, suppressions

#: What an address can be kept from: mails about sessions and series, or all there are.
WEBINARS, EVERYTHING = "webinars", "everything"


@dataclass(frozen=True)
class Suppression:
    """Since when an address does not get something, and why in words."""

    address: str
    scope: str
    since: datetime
    reason: str


@dataclass(frozen=True)
class Whose:
    """A contact as the journal names it: never by its address."""

    #: slug of its city
    member: str
    role: str
    contact_id: int

    def __str__(self) -> str:
        return f"{self.member} {self.role}"

    def said(self, detail: str = "") -> str:
        """With the number of the contact, for a role passes from one to another."""
        return f"{detail}; contact {self.contact_id}" if detail else f"contact {self.contact_id}"


async def add(connection: AsyncConnection, wanted: Suppression) -> bool:
    """From now on nothing of this scope goes there; False where it was so before."""
    values = vars(wanted) | {"address": wanted.address.lower()}
    insert = insert_into(connection, suppressions).values(**values).on_conflict_do_nothing()
    return bool((await connection.execute(insert)).rowcount)


#: What the journal calls it.
_ACTIONS = {WEBINARS: "unsubscribe", EVERYTHING: "suppress"}


async def decide(connection: AsyncConnection, wanted: Suppression, whose: Whose, by: str) -> bool:
    """The same, with its line in the journal."""
    is_new = await add(connection, wanted)
    if is_new:
        detail = whose.said(wanted.reason)
        await ledger.note(connection, wanted.since, by, _ACTIONS[wanted.scope], str(whose), detail)
    return is_new


async def lift(connection: AsyncConnection, address: str, scope: str) -> bool:
    """The address is written to again; False where it was before."""
    mine = and_(suppressions.c.address == address.lower(), suppressions.c.scope == scope)
    return bool((await connection.execute(suppressions.delete().where(mine))).rowcount)


async def of(connection: AsyncConnection, address: str, scope: str) -> Suppression | None:
    """Why an address does not get this; None: it does."""
    mine = and_(suppressions.c.address == address.lower(), suppressions.c.scope == scope)
    row = (await connection.execute(select(suppressions).where(mine))).one_or_none()
    return Suppression(**row._mapping) if row else None


async def barred(connection: AsyncConnection) -> tuple[tuple[Whose, Suppression], ...]:
    """Contacts of today to whom nothing is sent, by city and role."""
    query = (
        select(suppressions, members.c.slug, contacts.c.role, contacts.c.id)
        .join(contacts, func.lower(contacts.c.address) == suppressions.c.address)
        .join(members, members.c.id == contacts.c.member_id)
        .where(suppressions.c.scope == EVERYTHING, contacts.c.is_listed == true())
        .order_by(members.c.slug, contacts.c.role, contacts.c.id)
    )
    return tuple(
        (
            Whose(row.slug, row.role, row.id),
            Suppression(row.address, row.scope, row.since, row.reason),
        )
        for row in await connection.execute(query)
    )


async def reasons(connection: AsyncConnection) -> dict[str, str]:
    """Address in small letters -> why nothing is sent there."""
    query = select(suppressions.c.address, suppressions.c.reason)
    rows = await connection.execute(query.where(suppressions.c.scope == EVERYTHING))
    return {row.address: row.reason for row in rows}


def is_suppressed(address: ColumnElement[str], scope: str) -> ColumnElement[bool]:
    """Of an address in a query: it gets nothing of this scope, or nothing at all."""
    mine = suppressions.c.address == func.lower(address)
    return exists().where(mine, suppressions.c.scope.in_(sorted({scope, EVERYTHING})))


def why_barred(address: ColumnElement[str]) -> ScalarSelect[str | None]:
    """Of an address in a query: why nothing is sent there, in words for staff; NULL where mail is."""
    mine = and_(suppressions.c.address == func.lower(address), suppressions.c.scope == EVERYTHING)
    return select(suppressions.c.reason).where(mine).scalar_subquery()
