"""The secret addresses of feeds that deserve a row: renewed, added, ended or used; never an address itself.

A city's first address is open without a row. Who changes something holds the ledger first, so that two
people who do it at once come one after the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, and_, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from scheduler.store import ledger
from scheduler.store.database import insert_into
from scheduler.store.tables import feed_addresses, members


@dataclass(frozen=True)
class Address:
    """Which address of a city it is: signed with the installation's key, these three make the path."""

    #: slug
    member: str
    #: empty: the one that mails print; else whom it was given to
    label: str = ""
    #: grows with each renewal
    generation: int = 0

    @property
    def is_first(self) -> bool:
        """Open without a row."""
        return not self.label and not self.generation


@dataclass(frozen=True)
class Kept:
    """A row."""

    address: Address
    #: SHA-256 of the path in hexadecimal
    digest: str
    created_at: datetime
    #: empty: nobody made the first address, it was used
    created_by: str
    ended_at: datetime | None
    last_used_on: date | None


async def read(connection: AsyncConnection) -> tuple[Kept, ...]:
    """All rows, by city, label and generation."""
    table = feed_addresses
    query = (
        select(table, members.c.slug)
        .join(members, members.c.id == table.c.member_id)
        .order_by(members.c.slug, table.c.label, table.c.generation)
    )
    return tuple(
        Kept(
            Address(row.slug, row.label, row.generation),
            row.digest,
            row.created_at,
            row.created_by,
            row.ended_at,
            row.last_used_on,
        )
        for row in await connection.execute(query)
    )


def printed(member_id: ColumnElement[int]) -> ColumnElement[int]:
    """Of a member in a query: the generation of the address that mails print now."""
    table = feed_addresses.alias()
    is_printed = and_(table.c.member_id == member_id, table.c.label == "", table.c.ended_at.is_(None))
    return func.coalesce(select(func.max(table.c.generation)).where(is_printed).scalar_subquery(), 0)


async def printed_of(connection: AsyncConnection, member: str) -> int:
    """The same of one member, by its slug; 0 for one that was in no configuration yet."""
    query = select(printed(members.c.id)).where(members.c.slug == member)
    return await connection.scalar(query) or 0


async def hold(connection: AsyncConnection) -> tuple[Kept, ...]:
    """All rows, which nobody else changes before this transaction ends."""
    await ledger.hold(connection)
    return await read(connection)


async def put(connection: AsyncConnection, address: Address, digest: str, now: datetime, by: str) -> None:
    """A new address, open from now on."""
    values = {**_key(address), "digest": digest, "created_at": now, "created_by": by}
    await connection.execute(feed_addresses.insert().values(values))


async def end(connection: AsyncConnection, address: Address, digest: str, now: datetime) -> None:
    """From now on it is like any unknown one; a first address gets its row with that."""
    if address.is_first:
        await _put_first(connection, address, digest, now)
    ended = update(feed_addresses).where(_is(address)).values(ended_at=now)
    await connection.execute(ended)


async def note(connection: AsyncConnection, action: str, address: Address, by: str, now: datetime) -> None:
    """A line in the journal; every running service looks anew."""
    detail = f"for {address.label}" if address.label else "the one that mails print"
    await ledger.note(connection, now, by, action, address.member, detail)
    await ledger.raise_generation(connection)


async def mark_used(
    connection: AsyncConnection, used: Mapping[Address, str], on: date, now: datetime
) -> None:
    """Writes down the day of the last reading; never an earlier one over a later one.

    used: with the digests of their paths. A first address gets its row with that.
    """
    last_used_on = feed_addresses.c.last_used_on
    # in one order, so that no two replicas wait for each other
    for address, digest in sorted(used.items(), key=lambda one: one[1]):
        if address.is_first:
            await _put_first(connection, address, digest, now)
        is_news = or_(last_used_on.is_(None), last_used_on < on)
        marked = update(feed_addresses).where(_is(address), is_news)
        await connection.execute(marked.values(last_used_on=on, digest=digest))


async def _put_first(connection: AsyncConnection, address: Address, digest: str, now: datetime) -> None:
    values = {**_key(address), "digest": digest, "created_at": now, "created_by": ""}
    insert = insert_into(connection, feed_addresses).values(values)
    await connection.execute(insert.on_conflict_do_nothing())


def _key(address: Address) -> dict[str, object]:
    member_id = select(members.c.id).where(members.c.slug == address.member).scalar_subquery()
    return {"member_id": member_id, "label": address.label, "generation": address.generation}


def _is(address: Address) -> ColumnElement[bool]:
    return and_(*(feed_addresses.c[name] == value for name, value in _key(address).items()))
