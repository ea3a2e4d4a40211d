"""How a contact ends the mails about webinars, and begins them again. Mails of duties are not touched.

What is ended is an address, in whatever cities and roles it stands; an old link ends it as well (H09). Where
nothing is sent to an address at all, because mail came back or somebody complained, only staff lift that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from scheduler import logs
from scheduler.languages import Language, language
from scheduler.model.members import CITY_ROLES
from scheduler.model.network import Network
from scheduler.service.engine import settle
from scheduler.service.in_force import InForce, Memory
from scheduler.service.one_member import passed_slots
from scheduler.store import book, bounces, configurations, ledger, suppressions
from scheduler.store.book import ContactRow
from scheduler.store.database import Database
from scheduler.store.suppressions import EVERYTHING, WEBINARS, Suppression, Whose

#: Why an address gets no mails about webinars, in words for staff.
ONE_CLICK, ON_THE_PAGE = "unsubscribed by one click", "unsubscribed on the page"
BY_MAIL = "asked for it by mail"
#: In the journal, for what contacts do themselves.
_CONTACT = "a contact"
#: What the journal calls it where a scope is lifted.
_LIFTED = {WEBINARS: "resubscribe", EVERYTHING: "lift"}

_log = logs.get("answers")


@dataclass(frozen=True)
class Stopped:
    """Whether a contact gets mails about webinars; what a page may say of it."""

    network: Network
    language: Language
    #: empty for who is not known (any more): the page tells nothing of anybody
    city: str
    is_stopped: bool


@dataclass(frozen=True)
class Stopping:
    """Every method raises DatabaseAway, and NothingInForce before the first configuration."""

    database: Database
    memory: Memory

    async def look(self, contact_id: int) -> Stopped:
        """Writes nothing."""
        async with self.database.read() as connection:
            in_force = await self.memory.current(connection)
            contact = await book.contact(connection, contact_id)
            ended = contact and await suppressions.of(connection, contact.address, WEBINARS)
        return _stopped(in_force, contact, is_stopped=ended is not None)

    async def stop(self, contact_id: int, reason: str, now: datetime) -> Stopped:
        """Ends the mails at once; twice is harmless, and for who is not known there is nothing to end."""
        async with self.database.read() as connection:
            in_force = await self.memory.current(connection)
        async with self.database.write() as connection:
            contact = await book.contact(connection, contact_id)
            if contact and await suppressions.decide(
                connection, _ended(contact, reason, now), _called(contact), _CONTACT
            ):
                await ledger.raise_generation(connection)
                _log.info("mails about webinars were ended", action="unsubscribe", contact=contact_id)
        return _stopped(in_force, contact, is_stopped=True)

    async def end_for(self, slug: str, role: str, by: str, now: datetime) -> int:
        """Ends the mails for a city that wrote to staff, or for its contact in one role (empty: all); gives
        how many addresses that were."""
        ended = 0
        async with self.database.write() as connection:
            contacts = await book.contacts_of(connection, slug)
            for contact in (one for one in _chosen(contacts, role) if one.is_listed):
                wanted = _ended(contact, BY_MAIL, now)
                ended += await suppressions.decide(connection, wanted, _called(contact), by)
            if ended:
                await ledger.raise_generation(connection)
        return ended

    async def begin_again(self, contact_id: int, now: datetime) -> Stopped:
        """Undoes it, for a contact who changed its mind."""
        async with self.database.read() as connection:
            in_force = await self.memory.current(connection)
            contact = await book.contact(connection, contact_id)
        if contact:
            await self._lift((contact,), _CONTACT, now, WEBINARS)
        return _stopped(in_force, contact, is_stopped=False)

    async def resubscribe(self, slug: str, by: str, now: datetime) -> int:
        """Undoes it for all contacts of a city, for staff; gives how many addresses that were."""
        async with self.database.read() as connection:
            contacts = await book.contacts_of(connection, slug)
        return await self._lift(_chosen(contacts, ""), by, now, WEBINARS)

    async def lift(self, slug: str, role: str, by: str, now: datetime) -> int:
        """Writes again to addresses of a city, or of its contact in one role (empty: all), to which nothing
        is sent at all; gives how many addresses that were."""
        async with self.database.read() as connection:
            contacts = await book.contacts_of(connection, slug)
        return await self._lift(_chosen(contacts, role), by, now, EVERYTHING)

    async def _lift(self, contacts: tuple[ContactRow, ...], by: str, now: datetime, scope: str) -> int:
        """They are told at once what they missed, or in their morning: nothing else would bring it up."""
        async with self.database.read() as connection:
            in_force = await self.memory.current(connection)
            same = [one for c in contacts for one in await book.contacts_at(connection, c.address)]
        slugs = dict.fromkeys(one.member for one in same if one.is_listed)
        members = [in_force.members[slug] for slug in slugs if slug in in_force.members]
        of_rounds = scope == EVERYTHING
        slots = await asyncio.to_thread(passed_slots, in_force, members, now, of_rounds=of_rounds)
        async with self.database.write() as connection:
            await ledger.hold(connection)
            has_moved = await configurations.latest_id(connection) != in_force.id
            lifted = 0
            for contact in () if has_moved else contacts:
                if await suppressions.lift(connection, contact.address, scope):
                    lifted += 1
                    whose = _called(contact)
                    await ledger.note(connection, now, by, _LIFTED[scope], str(whose), whose.said())
                    if scope == EVERYTHING:
                        await bounces.settle(connection, contact.address)
            if lifted:
                await settle(connection, in_force, slots, now)
                await ledger.raise_generation(connection)
        return await self._lift(contacts, by, now, scope) if has_moved else lifted


def _chosen(contacts: Sequence[ContactRow], role: str) -> tuple[ContactRow, ...]:
    """Those in one role; in none the city's own, for its country's offices are not its to speak for."""
    return tuple(one for one in contacts if one.role in ((role,) if role else CITY_ROLES))


def _ended(contact: ContactRow, reason: str, now: datetime) -> Suppression:
    return Suppression(contact.address, WEBINARS, now, reason)


def _called(contact: ContactRow) -> Whose:
    return Whose(contact.member, contact.role, contact.id)


def _stopped(in_force: InForce, contact: ContactRow | None, is_stopped: bool) -> Stopped:
    member = in_force.members.get(contact.member) if contact else None
    words = language(member.languages[0] if member else "en", in_force.network.languages)
    return Stopped(in_force.network, words, member.name if member else "", is_stopped)
