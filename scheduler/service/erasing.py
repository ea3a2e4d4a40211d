"""What this database knows of a person, to be handed over; and how a person is erased from it (X12, X13).

A person is an address, in whatever cities and roles it stands: two cities with one mailbox are one person.
Elsewhere it may stand still: in members.csv until staff take it out, in backups until they are old, in the
logs of mail servers. The commands say so.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from scheduler import logs
from scheduler.configuration import normal
from scheduler.errors import ConfigurationMoved, SchedulerError
from scheduler.service.apply import put_in_force
from scheduler.service.erased import digest_of, erasure, leave_out, read_erased
from scheduler.service.in_force import read_in_force
from scheduler.store import book, erasures, ledger
from scheduler.store.book import ContactRow
from scheduler.store.database import Connection, Database
from scheduler.store.erasures import Count
from scheduler.store.suppressions import Whose

#: How often it is begun anew when something else came into force meanwhile.
_TRIES = 5

_log = logs.get("erasing")


class NotKnown(SchedulerError):
    """Nobody here has this address, and nobody had it."""


@dataclass(frozen=True)
class Person:
    """Somebody who is, or was, a contact."""

    address: str
    #: every city and role, also those of before
    contacts: tuple[ContactRow, ...]
    count: Count

    @property
    def whose(self) -> tuple[Whose, ...]:
        return tuple(Whose(one.member, one.role, one.id) for one in self.contacts)

    @property
    def cities(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(one.member for one in self.contacts))


@dataclass(frozen=True)
class Erasing:
    """Every method raises DatabaseAway; those about an address NotKnown."""

    database: Database
    #: the installation's: what is kept of an address is a digest with it
    key: bytes

    async def addresses(self, slug: str, role: str) -> tuple[str, ...]:
        """Of the contacts of a city in a role: those of today, or where there are none those of before."""
        async with self.database.read() as connection:
            found = [one for one in await book.contacts_of(connection, slug) if one.role == role]
        of_today = [one for one in found if one.is_listed] or found
        return tuple({one.address.lower(): one.address for one in of_today}.values())

    async def look(self, address: str) -> Person:
        """Writes nothing."""
        async with self.database.read() as connection:
            return await self._person(connection, address)

    async def _person(self, connection: Connection, address: str) -> Person:
        contacts = await book.contacts_at(connection, address)
        if not contacts:
            at = (await read_erased(connection, self.key)).since(address)
            raise NotKnown(
                f"the person at this address was erased on {at:%Y-%m-%d}; nothing else is known of it here"
                if at
                else "nobody here has this address, and nobody had it"
            )
        count = await erasures.count(connection, address, [one.id for one in contacts])
        return Person(address, contacts, count)

    async def export(self, address: str, by: str, now: datetime) -> dict[str, Any]:
        """All that is known, by table; the journal says that it was handed out."""
        async with self.database.write() as connection:
            person = await self._person(connection, address)
            ids = [one.id for one in person.contacts]
            for whose in person.whose:
                await ledger.note(connection, now, by, "export", str(whose), whose.said())
            rows = await erasures.rows_about(connection, address, ids)
        cities = {one.id: one.member for one in person.contacts}
        for row in rows["contacts"]:
            row["city"] = cities[row["id"]]
        return {
            "address": address,
            "exported_at": now.astimezone(UTC).isoformat(timespec="seconds"),
            "cities": list(person.cities),
            **{name: [_plain(row) for row in found] for name, found in rows.items()},
        }

    async def erase(self, address: str, by: str, reason: str, now: datetime) -> Person:
        """Takes out all that is known of an address, in one transaction. What waits for it is withdrawn, and
        what is claimed is not begun any more; nothing is sent about it.

        What is in force leaves it out from then on. Raises OlderClocks as `put_in_force` does.
        """
        await erasures.begin(self.database)
        for last in (number == _TRIES - 1 for number in range(_TRIES)):
            try:
                person = await self._erase(address, by, reason, now)
                break
            except ConfigurationMoved:
                if last:
                    raise
        await erasures.end(self.database)
        numbers = [one.id for one in person.contacts]
        _log.info("a person was erased", action="erase", contacts=numbers)
        return person

    async def _erase(self, address: str, by: str, reason: str, now: datetime) -> Person:
        async with self.database.read() as connection:
            person = await self._person(connection, address)
            in_force = await read_in_force(connection)

        async def forget(connection: Connection) -> None:
            await self._forget(connection, person, by, reason, now)

        without = leave_out(in_force.configuration, _is(address))
        if without is in_force.configuration:
            async with self.database.write() as connection:
                await ledger.hold(connection)
                await forget(connection)
                await ledger.raise_generation(connection)
            return person
        await put_in_force(
            self.database, without, now=now, by=by, replaces=in_force.hash, key=self.key, also=forget
        )
        return person

    async def _forget(
        self, connection: Connection, person: Person, by: str, reason: str, now: datetime
    ) -> None:
        """Looks once more who has the address: somebody may have been added meanwhile."""
        contacts = await book.contacts_at(connection, person.address)
        await erasures.put(connection, erasure(self.key, person.address, now, reason))
        await erasures.forget(connection, person.address, [one.id for one in contacts])
        stands_in = await erasures.configurations_with(connection, person.address)
        await erasures.rewrite(connection, stands_in, lambda text: _without(text, person.address))
        for whose in (Whose(one.member, one.role, one.id) for one in contacts):
            await ledger.note(connection, now, by, "erase", str(whose), whose.said(reason))

    async def readmit(self, address: str, by: str, now: datetime) -> bool:
        """Somebody who was erased asks to be written to again: members.csv counts for it once more, with the
        next `apply`. False where nobody was erased."""
        async with self.database.write() as connection:
            is_news = await erasures.take_back(connection, digest_of(self.key, address))
            if is_news:
                await ledger.note(connection, now, by, "readmit", "an address that was erased")
                await ledger.raise_generation(connection)
        return is_news

    async def readmit_all(self, by: str, now: datetime) -> int:
        """The same for all, where the key is lost and nobody can tell any more who they were."""
        async with self.database.write() as connection:
            found = await erasures.read(connection)
            for one in found:
                await erasures.take_back(connection, one.digest)
            if found:
                subject = f"all {len(found)} addresses that were erased"
                await ledger.note(connection, now, by, "readmit", subject)
                await ledger.raise_generation(connection)
        return len(found)


def _is(address: str) -> Callable[[str], bool]:
    wanted = address.lower()
    return lambda other: other.lower() == wanted


def _without(text: str, address: str) -> tuple[str, str]:
    """The text of a configuration without an address, and its hash."""
    try:
        content = normal.to_text(leave_out(normal.from_text(text), _is(address)))
    except ValueError:  # written by another version of this program
        content = json.dumps(_pruned(json.loads(text), address.lower()), ensure_ascii=False)
    return content, normal.hash_of(content)


def _pruned(found: Any, address: str) -> Any:
    """Without whatever has this address, in a list or alone."""
    if isinstance(found, list):
        return [_pruned(one, address) for one in found if not _has(one, address)]
    if isinstance(found, dict):
        return {name: _pruned(one, address) for name, one in found.items()}
    return "" if isinstance(found, str) and found.lower() == address else found


def _has(found: Any, address: str) -> bool:
    return isinstance(found, dict) and str(found.get("address", "")).lower() == address


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """Instants and days in ISO 8601."""
    return {name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in row.items()}
