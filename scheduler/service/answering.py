"""The one door through which an answer to an invitation comes in, from its page or by mail.

The latest word counts, and an older one changes nothing. It is the word of a person: who holds two roles of
a city with one address answers once. An answer is to an hour (`Given.starts_at`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from scheduler import logs
from scheduler.errors import ReplyRefused
from scheduler.ical.replies import LARGEST, Reply, read_reply
from scheduler.languages import Language, language
from scheduler.mail import views
from scheduler.model.answers import Answer, Closed, why_closed
from scheduler.model.members import Member
from scheduler.model.network import Network
from scheduler.model.programme import Occurrence
from scheduler.service.in_force import InForce, Memory
from scheduler.store import answers, book, ledger
from scheduler.store.answers import Given
from scheduler.store.book import ContactRow
from scheduler.store.database import Database

#: How an answer comes in.
PAGE, MAIL = "page", "mail"
LARGEST_MAIL = LARGEST

_log = logs.get("answers")


@dataclass(frozen=True)
class Asked:
    """A contact and a session, as things stand."""

    network: Network
    occurrence: Occurrence
    #: None where the city is not in force any more, or never was
    member: Member | None
    #: every role that the contact has in its city with the same address
    contact_ids: tuple[int, ...]
    given: Given | None
    #: why it cannot be answered; None: it can
    closed: Closed | None

    @property
    def language(self) -> Language:
        code = self.member.languages[0] if self.member else "en"
        return language(code, self.network.languages)

    @property
    def is_outdated(self) -> bool:
        """The session had another hour when it was answered."""
        return self.given is not None and self.given.starts_at != self.occurrence.starts_at

    def session_view(self) -> views.SessionView:
        """The session in the city's language and on its clock."""
        zone = self.member.zone if self.member else self.network.zone
        return views.session_view(self.occurrence, views.Reader(self.language, zone, self.network))


@dataclass(frozen=True)
class Taken:
    """What became of an answer that came by mail."""

    occurrence: str
    #: slugs of the cities for which it was given
    members: tuple[str, ...]
    answer: Answer
    #: a later one is there already and stays
    is_older: bool


@dataclass(frozen=True)
class Answering:
    """Every method raises DatabaseAway, and NothingInForce before the first configuration."""

    database: Database
    memory: Memory

    async def look(self, contact_id: int, occurrence: str, now: datetime) -> Asked | None:
        """None for a session that is not in force. Writes nothing."""
        async with self.database.read() as connection:
            in_force = await self.memory.current(connection)
            found = in_force.occurrences.get(occurrence)
            if found is None or found.session is None:
                return None
            contact = await book.contact(connection, contact_id)
            same = await book.contacts_at(connection, contact.address) if contact else ()
            given = await answers.of(connection, contact_id, occurrence)
        return _asked(in_force, found, contact, same, given, now)

    async def answer(self, contact_id: int, occurrence: str, answer: Answer, now: datetime) -> Asked | None:
        """What a person chose on the page; where it is closed nothing is written down."""
        asked = await self.look(contact_id, occurrence, now)
        if asked is None or asked.closed:
            return asked
        given = Given(contact_id, occurrence, answer, now, PAGE, asked.occurrence.starts_at)
        async with self.database.write() as connection:
            for one in asked.contact_ids:
                await answers.give(connection, replace(given, contact_id=one))
        _log.info("answered", action="answer", contact=contact_id, occurrence=occurrence, answer=answer.value)
        return replace(asked, given=given)

    async def take_mail(self, octets: bytes, *, by: str, now: datetime) -> Taken:
        """A mail with METHOD:REPLY; for its size LARGEST_MAIL + 1 octets are enough.

        by: who let it in, for the journal. Raises ReplyRefused with the reason; then nothing was changed.
        """
        return await self.take(await asyncio.to_thread(read_reply, octets), by=by, now=now)

    async def take(self, reply: Reply, *, by: str, now: datetime) -> Taken:
        """The same, read already: an answer for each city that its address speaks for."""
        async with self.database.read() as connection:
            in_force = await self.memory.current(connection)
            occurrence = _occurrence(reply.uid, in_force, now)
            contacts = await book.contacts_at(connection, reply.address)
            senders = await book.contacts_at(connection, reply.sender)
        speaks_for = _may_speak(reply, occurrence, contacts, senders, in_force)
        given_at = min(reply.stamped_at or now, now)
        starts_at = reply.starts_at or occurrence.starts_at
        taken = Taken(occurrence.id, tuple(speaks_for), reply.answer, is_older=True)
        async with self.database.write() as connection:
            for contact in contacts:
                if contact.member not in speaks_for:
                    continue
                given = Given(contact.id, occurrence.id, reply.answer, given_at, MAIL, starts_at)
                if await answers.give(connection, given):
                    taken = replace(taken, is_older=False)
            if not taken.is_older:
                said = f"{', '.join(taken.members)}: {reply.answer}"
                await ledger.note(connection, now, by, "answer by mail", occurrence.id, said)
        return taken


def _asked(
    in_force: InForce,
    occurrence: Occurrence,
    contact: ContactRow | None,
    same: Sequence[ContactRow],
    given: Given | None,
    now: datetime,
) -> Asked:
    slug = contact.member if contact else ""
    ids = tuple(other.id for other in same if other.member == slug)
    member = in_force.members.get(slug)
    closed = why_closed(occurrence, now)
    if contact is None:
        closed = Closed.NOBODY
    elif closed is None and not (contact.is_listed and _is_invited(member, occurrence, in_force)):
        closed = Closed.UNINVITED
    return Asked(in_force.network, occurrence, member, ids, given, closed)


def _is_invited(member: Member | None, occurrence: Occurrence, in_force: InForce) -> bool:
    return member is not None and occurrence.invites(member, in_force.network)


def _occurrence(uid: str, in_force: InForce, now: datetime) -> Occurrence:
    """The session that an answer is about. Raises ReplyRefused."""
    name, _, domain = uid.lower().rpartition("@")
    by_name = {occurrence.lower(): occurrence for occurrence in in_force.occurrences}
    if domain != in_force.network.uid_domain.lower() or name not in by_name:
        raise ReplyRefused("it answers an invitation that is none of ours, or to a session that is gone")
    occurrence = in_force.occurrences[by_name[name]]
    if occurrence.session is None:
        raise ReplyRefused(f"it answers {occurrence.id}, which is no session")
    if closed := why_closed(occurrence, now):
        raise ReplyRefused(f"{occurrence.id} cannot be answered: {closed}")
    return occurrence


def _may_speak(
    reply: Reply,
    occurrence: Occurrence,
    contacts: Sequence[ContactRow],
    senders: Sequence[ContactRow],
    in_force: InForce,
) -> list[str]:
    """The cities for which it answers. Anybody can write SENT-BY, so that another sender must be a contact
    of the city as well. Raises ReplyRefused where there is none."""
    cities = dict.fromkeys(contact.member for contact in contacts if contact.is_listed)
    invited = [slug for slug in cities if _is_invited(in_force.members.get(slug), occurrence, in_force)]
    if not invited:
        raise ReplyRefused(f"the address that it answers for is not invited to {occurrence.id}")
    known = {sender.member for sender in senders if sender.is_listed}
    speaks_for = [slug for slug in invited if reply.sender == reply.address or slug in known]
    if not speaks_for:
        raise ReplyRefused("it was sent on behalf of a contact by somebody who is no contact of that city")
    return speaks_for
