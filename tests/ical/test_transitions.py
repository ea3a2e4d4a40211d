"""The life of one invitation: what each change of a session sends to a city, and the city's feed after it.

Made by the service itself on a virtual clock, an edit a day at 10:00 in Hamburg, and kept as files that four
programs must read alike (`make interop` asks three more).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, time, timedelta
from pathlib import Path

import pytest

from scheduler.model.network import Configuration
from scheduler.model.series import Session, Status
from scheduler.service.feeds import Feeds
from scheduler.service.in_force import read_in_force
from tests.calendar_client import CalendarClient, entries
from tests.cast import MEDELLIN, a_configuration, a_series, a_session, at, real
from tests.golden import assert_golden
from tests.ical.readers import Item, agreed
from tests.service.stage import LINKS, Stage, part
from tests.service.test_planning import on_a_copy

GOLDEN = Path(__file__).parent / "golden" / "transitions"
UID = "first.talks@learning-cities.example"
REPORT = "report-2027.medellin@learning-cities.example"
#: Medellín is invited at 09:00 there, four weeks before.
KNOWN, FIRST = at("2027-05-10T10:00:00+02:00"), at("2027-05-18T10:00:00+02:00")
A_DAY = timedelta(days=1)

INVITED = a_session(description="One hour; two talks, then questions.")
RENAMED = replace(
    INVITED, on=date(2027, 6, 15), start=time(15), end=time(16), title="Reading, writing; counting"
)
POSTPONED = replace(RENAMED, status=Status.POSTPONED, reason="The speaker is ill")
FIXED = replace(RENAMED, on=date(2027, 7, 6), start=time(10), end=time(11, 30))
#: What staff make of the session, one edit after the other.
LIFE = {
    "1-invited": INVITED,
    "2-rescheduled": replace(INVITED, on=date(2027, 6, 15), start=time(15), end=time(16)),
    "3-renamed": RENAMED,
    "4-cancelled": replace(RENAMED, status=Status.CANCELLED, reason="A storm"),
    "5-restored": RENAMED,
    "6-postponed": POSTPONED,
    "7-new-date": replace(POSTPONED, status=Status.CONFIRMED, reason="", on=date(2027, 7, 5)),
    "8-to-be-announced": replace(RENAMED, on=date(2027, 7, 6), start=None, end=None),
    "9-another-day": replace(RENAMED, on=date(2027, 7, 7), start=None, end=None),
    "10-fixed": FIXED,
}
#: No mail: what a calendar shows of it changes with the feed alone.
EXTENDED = "11-deadline-extended"
SILENT = ("3-renamed", EXTENDED)


def house(session: Session, deadline: date = date(2027, 11, 30)) -> Configuration:
    cycle = real().cycles[-1]
    who, until = replace(cycle.who, also=(MEDELLIN,)), replace(cycle.deadline, on=deadline)
    configuration = a_configuration(a_series(session), members=(MEDELLIN,))
    return replace(configuration, cycles=(replace(cycle, who=who, deadline=until),))


async def live(stage: Stage) -> dict[str, bytes]:
    """The whole life: calendars by the name of their file."""
    found: dict[str, bytes] = {}
    now, seen = KNOWN, 0
    edits = {name: house(session) for name, session in LIFE.items()}
    for name, configuration in {**edits, EXTENDED: house(FIXED, date(2027, 12, 15))}.items():
        await stage.apply(configuration, now)
        later = now + A_DAY if now > KNOWN else FIRST
        await stage.play(now, later)
        now = later
        mails = [row for row in await stage.sent() if row.method]
        for row in mails[seen:]:
            assert f"{name}.mail.ics" not in found
            found[f"{name}.mail.ics"] = part(stage.message(row), "text/calendar").encode()
        seen = len(mails)
        async with stage.database.read() as connection:
            in_force = await read_in_force(connection)
        found[f"{name}.feed.ics"] = Feeds(in_force, LINKS, now).city_feed(in_force.members[MEDELLIN]).octets
    return found


@pytest.fixture(scope="module")
def lived(migrated_sqlite: Path) -> Mapping[str, bytes]:
    return asyncio.run(on_a_copy(migrated_sqlite, live))


FEEDS = [f"{name}.feed.ics" for name in (*LIFE, EXTENDED)]
MAILS = [f"{name}.mail.ics" for name in LIFE if name not in SILENT]


def test_every_change_but_a_silent_one_sends_one_mail(lived: Mapping[str, bytes]) -> None:
    assert sorted(lived) == sorted((*FEEDS, *MAILS))


@pytest.mark.parametrize("file", [*MAILS, *FEEDS])
def test_a_transition_looks_like_this(lived: Mapping[str, bytes], file: str) -> None:
    assert_golden(GOLDEN / file, lived[file])


#: SEQUENCE, STATUS, start and end of the session, as every program must read them.
READ = {
    "1-invited": (0, "CONFIRMED", "2027-06-14T11:00:00Z", "2027-06-14T12:00:00Z"),
    "2-rescheduled": (1, "CONFIRMED", "2027-06-15T13:00:00Z", "2027-06-15T14:00:00Z"),
    "3-renamed": (1, "CONFIRMED", "2027-06-15T13:00:00Z", "2027-06-15T14:00:00Z"),
    "4-cancelled": (2, "CANCELLED", "2027-06-15T13:00:00Z", "2027-06-15T14:00:00Z"),
    "5-restored": (3, "CONFIRMED", "2027-06-15T13:00:00Z", "2027-06-15T14:00:00Z"),
    "6-postponed": (4, "TENTATIVE", "2027-06-15", "2027-06-16"),
    "7-new-date": (5, "CONFIRMED", "2027-07-05T13:00:00Z", "2027-07-05T14:00:00Z"),
    "8-to-be-announced": (6, "TENTATIVE", "2027-07-06", "2027-07-07"),
    "9-another-day": (7, "TENTATIVE", "2027-07-07", "2027-07-08"),
    "10-fixed": (8, "CONFIRMED", "2027-07-06T08:00:00Z", "2027-07-06T09:30:00Z"),
    EXTENDED: (8, "CONFIRMED", "2027-07-06T08:00:00Z", "2027-07-06T09:30:00Z"),
}


def session_in(octets: bytes) -> Item:
    (item,) = (item for item in agreed(octets) if item.uid == UID)
    return item


@pytest.mark.parametrize("file", [*MAILS, *FEEDS])
def test_four_programs_read_the_same(lived: Mapping[str, bytes], file: str) -> None:
    found = session_in(lived[file])

    assert (found.sequence, found.status, found.starts, found.ends) == READ[file.split(".")[0]]


@pytest.mark.parametrize("name", [name for name in LIFE if name not in SILENT])
def test_mail_and_feed_say_the_same(lived: Mapping[str, bytes], name: str) -> None:
    assert session_in(lived[f"{name}.mail.ics"]) == session_in(lived[f"{name}.feed.ics"])


def test_a_calendar_program_takes_each_mail_after_the_other(lived: Mapping[str, bytes]) -> None:
    client = CalendarClient("learningcity@medellin.example")
    for file in MAILS:
        client.receive(lived[file], is_news=file in ("1-invited.mail.ics", "5-restored.mail.ics"))

    in_feed = entries(lived[FEEDS[-1]])[UID]
    assert client.entries[UID].hours == in_feed.hours
    assert client.entries[UID].texts == in_feed.texts


def test_an_extended_deadline_keeps_its_uid(lived: Mapping[str, bytes]) -> None:
    before, after = (entries(lived[f"{name}.feed.ics"])[REPORT] for name in ("10-fixed", EXTENDED))

    assert (before.ends, after.ends) == (
        at("2027-11-30T23:59:59+01:00"),
        at("2027-12-15T23:59:59+01:00"),
    )
    assert after.sequence == before.sequence + 1
