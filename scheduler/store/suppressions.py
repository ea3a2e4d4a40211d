"""Addresses that are not written to any more. Duties, that is reports, still reach who ended the webinars."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, exists, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from scheduler.store import ledger
from scheduler.store.database import insert_into
from scheduler.store.tables import suppressions

#: What an address can be kept from: mails about sessions and series.
WEBINARS = "webinars"


@dataclass(frozen=True)
class Suppression:
    """Since when an address does not get something, and why in words."""

    address: str
    scope: str
    since: datetime
    reason: str


async def add(connection: AsyncConnection, wanted: Suppression) -> bool:
    """From now on nothing of this scope goes there; False where it was so before."""
    values = vars(wanted) | {"address": wanted.address.lower()}
    insert = insert_into(connection, suppressions).values(**values).on_conflict_do_nothing()
    return bool((await connection.execute(insert)).rowcount)


async def decide(connection: AsyncConnection, wanted: Suppression, whose: str, by: str) -> bool:
    """The same, with its line in the journal. whose: city and role of the contact, never its address."""
    is_new = await add(connection, wanted)
    if is_new:
        await ledger.note(connection, wanted.since, by, "unsubscribe", whose, wanted.reason)
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


def is_suppressed(address: ColumnElement[str], scope: str) -> ColumnElement[bool]:
    """Of an address in a query: it gets nothing of this scope."""
    return exists().where(suppressions.c.address == func.lower(address), suppressions.c.scope == scope)
