"""What the contacts of one city said: who ended the mails about webinars, and answers to sessions ahead; and
to whom nothing is sent, for mail came back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from scheduler.service.in_force import InForce, read_in_force
from scheduler.store import answers, book, configurations, suppressions
from scheduler.store.answers import Given
from scheduler.store.database import Database
from scheduler.store.suppressions import EVERYTHING, WEBINARS, Suppression


@dataclass(frozen=True)
class Wishes:
    """Roles, each with what its contact said; contacts of today only."""

    ended: tuple[tuple[str, Suppression], ...]
    #: the soonest session first
    given: tuple[tuple[str, Given], ...]
    barred: tuple[tuple[str, Suppression], ...] = ()


async def read_wishes(database: Database, slug: str, now: datetime) -> Wishes:
    """Nothing before the first configuration. Writes nothing."""
    async with database.read() as connection:
        if not await configurations.latest_id(connection):
            return Wishes((), ())
        in_force = await read_in_force(connection)
        contacts = [one for one in await book.contacts_of(connection, slug) if one.is_listed]
        found = [(one.role, await suppressions.of(connection, one.address, WEBINARS)) for one in contacts]
        barred = [(one.role, await suppressions.of(connection, one.address, EVERYTHING)) for one in contacts]
        given = await answers.of_contacts(connection, [contact.id for contact in contacts])
    roles = {contact.id: contact.role for contact in contacts}
    return Wishes(
        tuple((role, one) for role, one in found if one),
        tuple((roles[one.contact_id], one) for one in _ahead(given, in_force, now)),
        tuple((role, one) for role, one in barred if one),
    )


def _ahead(given: tuple[Given, ...], in_force: InForce, now: datetime) -> Iterator[Given]:
    known = in_force.occurrences
    ahead = (one for one in given if one.occurrence in known and not known[one.occurrence].is_over(now))
    yield from sorted(ahead, key=lambda one: (known[one.occurrence].on, one.occurrence))
