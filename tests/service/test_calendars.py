"""What stands in every city's calendar, whatever staff do in a year: what is in force, and its own feed.

Mails and feeds are made by the service itself, on a virtual clock. Each contact has a calendar program of
its own, which knows nothing but the calendars of the mails, in the order in which they came.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TypeGuard

import pytest
from hypothesis import given, settings

from scheduler.model import times
from scheduler.model.members import Member, Standing
from scheduler.model.network import Configuration, Network
from scheduler.model.notices import Kind
from scheduler.model.programme import Occurrence
from scheduler.model.series import Series
from scheduler.service.feeds import Feeds
from scheduler.service.in_force import InForce, read_in_force
from tests.calendar_client import CalendarClient, Entry, entries
from tests.calendar_year import END, JOINING, START, TWELVE, Change, edited, the_year, years
from tests.service.stage import LINKS, Stage, part
from tests.service.test_planning import on_a_copy

#: An edit settles for ten minutes, and then waits for the end of the quiet hours (21:00 to 07:00).
SETTLED = timedelta(hours=11)
#: When invitations go out; a day and a half holds every zone, and every night.
INVITED_BEFORE, ANY_ZONE = timedelta(days=28), timedelta(hours=36)


@dataclass
class Year:
    """A year as it is played: the files as staff leave them, and the calendars of all contacts."""

    stage: Stage
    files: Configuration
    now: datetime = START
    clients: dict[str, CalendarClient] = field(default_factory=dict)
    #: ids of the mails that came
    seen: set[int] = field(default_factory=set)
    #: (address, UID) -> what showed of the session when the last mail of it was sent
    shown: dict[tuple[str, str], str] = field(default_factory=dict)
    edited_at: datetime = START

    async def run(self, steps: Sequence[Change]) -> None:
        await self.stage.apply(self.files, self.now)
        for step in steps:
            await self.go_on(min(self.now + step.after, END))
            self.files = edited(self.files, step, self.now)
            await self.stage.apply(self.files, self.now)
            self.edited_at = self.now
        await self.go_on(END)

    async def go_on(self, until: datetime) -> None:
        """Lets time pass; looks into every calendar when the last edit has been told, and at the end."""
        settled_at = self.edited_at + SETTLED
        if self.now < settled_at < until:
            await self.look_at(settled_at)
        await self.look_at(until)

    async def look_at(self, until: datetime) -> None:
        await self.stage.play(self.now, until)
        self.now = until
        in_force = await self.in_force()
        await self.read_mails(in_force)
        if self.now >= self.edited_at + SETTLED:
            feeds = Feeds(in_force, LINKS, self.now)
            for member in in_force.configuration.members:
                self.check(in_force, member, entries(feeds.city_feed(member).octets))

    async def in_force(self) -> InForce:
        async with self.stage.database.read() as connection:
            return await read_in_force(connection)

    async def read_mails(self, in_force: InForce) -> None:
        for row in await self.stage.sent():
            if row.method and row.id not in self.seen:
                client = self.clients.setdefault(row.address, CalendarClient(row.address))
                octets = part(self.stage.message(row), "text/calendar").encode()
                entry = client.receive(octets, is_news=row.kind is Kind.INVITATION)
                # who was told of no change, because it was undone at once, may stay behind the feed
                assert entry.sequence >= in_force.revisions[row.occurrence].sequence
                self.shown[row.address, row.uid] = _shown(in_force.occurrences[row.occurrence])
            self.seen.add(row.id)

    def check(self, in_force: InForce, member: Member, feed: dict[str, Entry]) -> None:
        (contact,) = (one for one in member.contacts if one.role == "coordinator")
        client = self.clients.get(contact.address, CalendarClient(contact.address))
        for occurrence in in_force.occurrences.values():
            look = Look(in_force.network, occurrence, member, self.now)
            if look.has_begun(occurrence.starts_at or occurrence.on):
                continue
            in_feed, in_calendar = (kept.get(look.uid) for kept in (feed, client.entries))
            look.at_the_feed(in_feed)
            look.at_the_calendar(in_calendar)
            if in_feed:
                assert in_feed.sequence == in_force.revisions[occurrence.id].sequence
            if in_feed and look.is_live(in_calendar):
                assert in_calendar.location == in_feed.location
                assert set(occurrence.place.splitlines()) <= set(in_calendar.description.splitlines())
                if self.shown[contact.address, look.uid] == _shown(occurrence):
                    assert in_calendar.texts == in_feed.texts


@dataclass(frozen=True)
class Look:
    """At one session that has not begun, for one member."""

    network: Network
    occurrence: Occurrence
    member: Member
    now: datetime

    @property
    def uid(self) -> str:
        return self.occurrence.uid(self.network)

    def at_the_feed(self, item: Entry | None) -> None:
        """It has what the member is invited to, and what of that was cancelled."""
        assert (item is not None) == self.is_meant
        assert item is None or item.hours == self.wanted

    def at_the_calendar(self, item: Entry | None) -> None:
        """Nothing that is off or for others; else what is in force, as soon as it must be there.

        What has begun in the calendar is over for its reader. A session without an hour is not invited to,
        but stays where it is. Who is no member for a while hears on coming back what became of it.
        """
        if self.occurrence.is_cancelled or not self.is_meant:
            assert not self.is_live(item)
        elif self._has_been_a_member and self._must_be_invited:
            assert self.is_live(item)
        if self.is_live(item) and self._has_been_a_member:
            assert item.hours == self.wanted

    def is_live(self, item: Entry | None) -> TypeGuard[Entry]:
        return item is not None and not item.is_cancelled and not self.has_begun(item.starts)

    def has_begun(self, at: date) -> bool:
        """A day is not over before it is over everywhere."""
        return at <= self.now if isinstance(at, datetime) else at < self.now.date() - timedelta(days=1)

    @property
    def is_meant(self) -> bool:
        return self.occurrence.invites(self.member, self.network)

    @property
    def wanted(self) -> tuple[str, date, date]:
        occurrence = self.occurrence
        status = "CANCELLED" if occurrence.is_cancelled else "CONFIRMED"
        if occurrence.starts_at and occurrence.ends_at:
            return status, occurrence.starts_at, occurrence.ends_at
        status = "CANCELLED" if occurrence.is_cancelled else "TENTATIVE"
        return status, occurrence.on, occurrence.last_day + timedelta(days=1)

    @property
    def _must_be_invited(self) -> bool:
        assert isinstance(self.occurrence.of, Series)
        announced, starts_at = self.occurrence.of.announced, self.occurrence.starts_at
        a_while_ago = self.now - ANY_ZONE
        is_announced = announced is None or announced <= a_while_ago.date()
        return is_announced and starts_at is not None and starts_at - INVITED_BEFORE <= a_while_ago

    @property
    def _has_been_a_member(self) -> bool:
        """Now, and the day before yesterday."""
        days = (times.local_date(at, self.network.zone) for at in (self.now, self.now - timedelta(days=2)))
        return all(self.member.standing(day) is Standing.MEMBER for day in days)


def _shown(occurrence: Occurrence) -> str:
    """All that a calendar may say of a session, and more."""
    return f"{occurrence.session} {occurrence.of.title}"


async def play(stage: Stage, files: Configuration, steps: Sequence[Change]) -> Year:
    year = Year(stage, files)
    await year.run(steps)
    return year


@settings(max_examples=1, deadline=None, derandomize=True)
@given(steps=years())
def test_every_calendar_says_what_is_in_force_and_what_the_citys_feed_says(
    migrated_sqlite: Path, steps: list[Change]
) -> None:
    year = asyncio.run(on_a_copy(migrated_sqlite, lambda stage: play(stage, the_year(TWELVE), steps)))

    assert len(year.clients) >= len(TWELVE) - len(JOINING)


@pytest.mark.chaos
@settings(max_examples=20, deadline=None)
@given(steps=years(most=20))
def test_whatever_staff_do_it_says_so(migrated_sqlite: Path, steps: list[Change]) -> None:
    asyncio.run(on_a_copy(migrated_sqlite, lambda stage: play(stage, the_year(TWELVE), steps)))


@pytest.mark.chaos
@settings(max_examples=3, deadline=None)
@given(steps=years())
def test_every_calendar_of_all_cities_says_so(migrated_sqlite: Path, steps: list[Change]) -> None:
    asyncio.run(on_a_copy(migrated_sqlite, lambda stage: play(stage, the_year(), steps)))
