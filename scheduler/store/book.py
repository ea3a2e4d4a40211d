"""Members and contacts as rows, keyed by slug and address: what notices are joined with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from scheduler.model.members import OFFICES, Member
from scheduler.store import tables


@dataclass(frozen=True)
class ContactRow:
    """One contact that is, or was, in members.csv."""

    id: int
    #: slug of its city
    member: str
    role: str
    address: str
    is_listed: bool


async def contact(connection: AsyncConnection, contact_id: int) -> ContactRow | None:
    """None for one that never was."""
    row = (await connection.execute(_contacts().where(tables.contacts.c.id == contact_id))).one_or_none()
    return ContactRow(**row._mapping) if row else None


async def contacts_at(connection: AsyncConnection, address: str) -> tuple[ContactRow, ...]:
    """All that have, or had, this address, in whatever letters, in any city and role."""
    mine = func.lower(tables.contacts.c.address) == address.lower()
    rows = await connection.execute(_contacts().where(mine).order_by(tables.contacts.c.id))
    return tuple(ContactRow(**row._mapping) for row in rows)


async def contacts_of(connection: AsyncConnection, slug: str) -> tuple[ContactRow, ...]:
    """All that one city has, or had."""
    rows = await connection.execute(
        _contacts().where(tables.members.c.slug == slug).order_by(tables.contacts.c.id)
    )
    return tuple(ContactRow(**row._mapping) for row in rows)


async def sharing(connection: AsyncConnection) -> tuple[ContactRow, ...]:
    """All whose mailbox another contact has, or had, as well; in whatever letters, cities and roles. Not the
    offices of countries, which are contacts of each of their cities, and get no calendar."""
    address, gets_calendars = func.lower(tables.contacts.c.address), tables.contacts.c.role.not_in(OFFICES)
    shared = select(address).where(gets_calendars).group_by(address).having(func.count() > 1)
    found = _contacts().where(gets_calendars, address.in_(shared))
    rows = await connection.execute(found.order_by(tables.contacts.c.id))
    return tuple(ContactRow(**row._mapping) for row in rows)


def _contacts() -> Select[Any]:
    """Not who was erased: such a row is nobody's, and has no address (`erasures.py`)."""
    table, slug = tables.contacts, tables.members.c.slug.label("member")
    columns = (table.c.id, slug, table.c.role, table.c.address, table.c.is_listed)
    found = select(*columns).join(tables.members, tables.members.c.id == table.c.member_id)
    return found.where(table.c.address.contains("@"))


async def write_members(connection: AsyncConnection, members: Iterable[Member]) -> None:
    """Makes the rows equal to `members`. Who is gone stays as a row that nobody writes to any more."""
    wanted = {member.slug: member for member in members}
    known = await member_ids(connection)
    new = [{"slug": slug, "is_listed": True} for slug in wanted if slug not in known]
    if new:
        await connection.execute(tables.members.insert(), new)
        known = await member_ids(connection)
    await _mark_listed(connection, known, set(wanted))
    await _write_contacts(connection, wanted.values(), known)


async def member_ids(connection: AsyncConnection) -> dict[str, int]:
    """slug -> id, of all that ever were."""
    rows = await connection.execute(select(tables.members.c.slug, tables.members.c.id))
    return {row.slug: row.id for row in rows}


async def _mark_listed(connection: AsyncConnection, known: dict[str, int], wanted: set[str]) -> None:
    listed = tables.members.c.is_listed
    rows = await connection.execute(select(tables.members.c.slug, listed))
    for slug, is_listed in rows.all():
        if is_listed != (slug in wanted):
            change = update(tables.members).where(tables.members.c.id == known[slug])
            await connection.execute(change.values(is_listed=slug in wanted))


async def _write_contacts(
    connection: AsyncConnection, members: Iterable[Member], ids: dict[str, int]
) -> None:
    table = tables.contacts
    rows = await connection.execute(
        select(table.c.id, table.c.member_id, table.c.role, table.c.address, table.c.name, table.c.is_listed)
    )
    known = {(row.member_id, row.role, row.address): row for row in rows}
    wanted = {
        (ids[member.slug], contact.role, contact.address): contact.name
        for member in members
        for contact in member.contacts
    }
    new = [key for key in wanted if key not in known]
    # one mailbox is one contact, whatever its role and letter case: its calendar knows what it was told
    gone = {(row.member_id, row.address.lower()): row for key, row in known.items() if key not in wanted}
    for key in new:
        member_id, role, address = key
        if row := gone.pop((member_id, address.lower()), None):
            moved = update(table).where(table.c.id == row.id).values(role=role, address=address)
            await connection.execute(moved)
            known[key] = known.pop((member_id, row.role, row.address))
    fresh = [
        {"member_id": key[0], "role": key[1], "address": key[2], "name": wanted[key], "is_listed": True}
        for key in new
        if key not in known
    ]
    if fresh:
        await connection.execute(table.insert(), fresh)
    for key, row in known.items():
        name, is_listed = wanted.get(key, row.name), key in wanted
        if (name, is_listed) != (row.name, row.is_listed):
            change = update(table).where(table.c.id == row.id).values(name=name, is_listed=is_listed)
            await connection.execute(change)
