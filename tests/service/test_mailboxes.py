"""Contacts of two cities with one mailbox: its one calendar must never go back, nor lose what stands."""

from __future__ import annotations

from dataclasses import replace
from email.message import Message

import icalendar
import pytest

from scheduler.model.audience import Audience
from scheduler.model.members import Contact
from scheduler.model.network import Configuration
from scheduler.model.notices import Kind
from scheduler.model.series import Join, Session, Status
from scheduler.service.planning import draw_up, read_ground
from tests.cast import DOHA, MEDELLIN, a_configuration, a_series, a_session, at
from tests.service.stage import Stage, part, told

APRIL = at("2027-04-26T08:00:00+00:00")
LATE_MAY = at("2027-05-25T08:00:00+00:00")
JUNE = at("2027-06-01T08:00:00+00:00")
LATE_JUNE = at("2027-06-04T08:00:00+00:00")
JULY = at("2027-07-15T08:00:00+00:00")

#: Who shares nothing, or shares it no more, needs no second kind of database.
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

ONLY = {slug: Audience(slug, members=(slug,)) for slug in (DOHA, MEDELLIN)}
BOTH = Audience("both", members=(DOHA, MEDELLIN))
LINK = Join(link="https://meet.cities.example/2")


def one_mailbox(session: Session, *, other: str = "Office@Both.example") -> Configuration:
    plain = a_configuration(a_series(session), members=(DOHA, MEDELLIN))
    addresses = {DOHA: "office@both.example", MEDELLIN: other}
    members = (
        replace(member, contacts=(Contact("coordinator", addresses[member.slug]),))
        for member in plain.members
    )
    return replace(plain, members=tuple(members))


async def calendars(stage: Stage) -> list[icalendar.Event]:
    """In the order of sending."""
    rows = [row for row in await stage.sent() if row.method]
    messages: list[Message] = [stage.message(row) for row in rows]
    return [icalendar.Calendar.from_ical(part(one, "text/calendar")).events[0] for one in messages]


async def test_a_city_that_is_not_meant_any_more_leaves_the_entry_of_the_other(stage: Stage) -> None:
    await stage.apply(one_mailbox(a_session(audience=BOTH)), APRIL)
    await stage.play(APRIL, LATE_MAY)
    files = one_mailbox(a_session(audience=ONLY[DOHA]))
    plan = draw_up(files, await read_ground(stage.database, LATE_MAY), now=LATE_MAY, until=JUNE)

    await stage.apply(files, LATE_MAY)
    await stage.play(LATE_MAY, JUNE)

    assert await stage.sent("cancelled") == []
    assert Kind.CANCELLED not in plan.kinds


@ON_SQLITE
async def test_the_last_city_of_a_mailbox_takes_the_entry_along(stage: Stage) -> None:
    nobody = Audience("nobody")
    await stage.apply(one_mailbox(a_session(audience=BOTH)), APRIL)
    await stage.play(APRIL, LATE_MAY)
    await stage.apply(one_mailbox(a_session(audience=ONLY[DOHA])), LATE_MAY)
    await stage.play(LATE_MAY, JUNE)

    await stage.apply(one_mailbox(a_session(audience=nobody)), JUNE)
    await stage.play(JUNE, LATE_JUNE)

    assert await stage.sent("cancelled")


@ON_SQLITE
async def test_each_city_with_a_mailbox_of_its_own_is_cancelled_for(stage: Stage) -> None:
    await stage.apply(one_mailbox(a_session(audience=BOTH), other="office@other.example"), APRIL)
    await stage.play(APRIL, LATE_MAY)

    await stage.apply(one_mailbox(a_session(audience=ONLY[DOHA]), other="office@other.example"), LATE_MAY)
    await stage.play(LATE_MAY, JUNE)

    assert [row.member for row in await stage.sent("cancelled")] == [MEDELLIN]


async def test_in_one_mailbox_no_older_calendar_comes_after_a_newer_one(stage: Stage) -> None:
    """Doha is told more of it than Medellín, which comes later, and then both are told the same."""
    steps = [
        (APRIL, a_session(audience=ONLY[DOHA])),
        (LATE_MAY, a_session(audience=ONLY[DOHA], join=LINK)),
        (JUNE, a_session(audience=BOTH, join=LINK)),
        (LATE_JUNE, a_session(audience=BOTH, join=LINK, status=Status.CANCELLED)),
    ]

    for (now, session), until in zip(steps, [*(now for now, _ in steps[1:]), JULY], strict=True):
        await stage.apply(one_mailbox(session), now)
        await stage.play(now, until)

    rows = [row for row in told(await stage.sent()) if row[2]]
    events = await calendars(stage)
    assert [row[:2] for row in rows[:3]] == [
        ("invitation", DOHA),
        ("changed", DOHA),
        ("invitation", MEDELLIN),
    ]
    sequences = [event.sequence for event in events]
    assert sequences == sorted(sequences)
    assert sequences[2] > sequences[1]
    stamps = [event.decoded("dtstamp") for event in events]
    assert stamps == sorted(stamps)
