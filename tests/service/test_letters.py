"""The message that is joined, beside the one that EmailMessage and icalendar make of the same row."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import lru_cache
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from icalendar import Calendar, Component

from bench.naive import naive
from scheduler.model.answers import Answer
from scheduler.model.history import NOTHING_PASSED, History
from scheduler.model.notices import Kind
from scheduler.model.programme import occurrences_of
from scheduler.model.told import Told
from scheduler.service.letters import Letters
from tests.cast import KASHAN, MEDELLIN, MELTON, a_configuration, a_series, a_session, at
from tests.mail.desk import HOSTILE
from tests.service.force import LINKS, in_force
from tests.service.rows import NOW, a_row

KINDS = (Kind.INVITATION, Kind.CHANGED, Kind.CANCELLED, Kind.REMINDER)
NAMES = st.one_of(
    st.sampled_from([text[:200] for text in HOSTILE]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=80),
    # every place in a line of base64
    st.integers(0, 120).map("x".__mul__),
)
MEMBERS = (MELTON, MEDELLIN, KASHAN)
#: Around midnight in Melton and Medellin, and around the beginning of the session.
MOMENTS = st.builds(
    lambda moment, seconds: at(moment) + timedelta(seconds=seconds),
    st.sampled_from(["2027-06-13T14:00:00Z", "2027-06-14T05:00:00Z", "2027-06-14T11:00:00Z"]),
    st.sampled_from([-86_400, -1, -0.4, 0, 0.4, 1, 86_400]),
)
FIRST = "<first.talks.invitation.0.1@learning-cities.example>"


@lru_cache(maxsize=1)
def the_letters() -> Letters:
    sessions = (a_session(), a_session(id="second", on=a_session().on + timedelta(days=7)))
    configuration = a_configuration(a_series(*sessions), members=MEMBERS)
    return Letters(in_force(configuration), LINKS)


def before() -> History:
    """It was invited to another hour, and accepted."""
    (earlier,) = occurrences_of(a_series(a_session(end=None, length_minutes=45)))
    return History(Told.of(earlier, 0, "REQUEST"), NOW, FIRST, Answer.ACCEPTED)


def read(octets: bytes) -> EmailMessage:
    message = message_from_bytes(octets, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def parts(message: EmailMessage) -> list[tuple[str, dict[str, str], str | None]]:
    """Of each part: its type with its parameters, and how it is to be shown."""
    return [
        (part.get_content_type(), dict(part["Content-Type"].params), part["Content-Disposition"])
        for part in message.walk()
        if not part.is_multipart()
    ]


def contents(message: EmailMessage, *kinds: str) -> list[str]:
    found = (part for part in message.walk() if part.get_content_type() in kinds)
    return [part.get_payload(decode=True).decode() for part in found]  # type: ignore[union-attr]


def texts(message: EmailMessage) -> list[str]:
    """Without their last line ends: the library writes another one."""
    found = contents(message, "text/plain", "text/html")
    return [re.sub(r"\r\n|\r", "\n", text).rstrip("\n") for text in found]


def calendars(message: EmailMessage) -> list[dict[str, object]]:
    return [
        properties(Calendar.from_ical(text)) for text in contents(message, "text/calendar", "application/ics")
    ]


def properties(calendar: Component) -> dict[str, object]:
    """All there is in a calendar, but for the name of the attendee."""
    items: list[tuple[str, Any]] = calendar.property_items()
    found = {name: (value.to_ical(), dict(value.params)) for name, value in items if not is_border(name)}
    del found["ATTENDEE"][1]["CN"]
    return {**found}


def is_border(name: str) -> bool:
    return name in ("BEGIN", "END")


def squeezed(text: str) -> str:
    return "".join(text.split())


@given(kind=st.sampled_from(KINDS), member=st.sampled_from(MEMBERS), name=NAMES, city=NAMES)
@settings(max_examples=25, deadline=None)
def test_a_joined_message_is_the_one_of_the_libraries(kind: Kind, member: str, name: str, city: str) -> None:
    letters, history = the_letters(), before() if kind is Kind.CHANGED else NOTHING_PASSED
    row = a_row(kind, "first.talks", name, member=member)
    letter, envelope, calendar = letters.compose(row, history, NOW)
    envelope = replace(envelope, city=city)

    ours = read(letter.addressed_to(envelope, calendar))

    theirs = read(naive(letters.in_force, row, history, letter, envelope).as_bytes())
    assert sorted(ours.keys()) == sorted(theirs.keys())
    assert squeezed(str(ours["Subject"])) == squeezed(letter.subject.fill({"city": city}))
    assert parts(ours) == parts(theirs)
    assert texts(ours) == texts(theirs)
    assert calendars(ours) == calendars(theirs)


@given(st.lists(st.tuples(st.sampled_from(KINDS), st.sampled_from(MEMBERS), MOMENTS), max_size=3))
@settings(max_examples=15, deadline=None)
def test_what_was_written_before_changes_nothing(asked: list[tuple[Kind, str, datetime]]) -> None:
    """Days end and sessions begin between two mails, and rows that are tried again bring back old moments."""
    for kind, member, now in asked:
        row = a_row(kind, "first.talks", "", member=member)

        written = the_letters().write(row, NOTHING_PASSED, now)

        assert written == Letters(the_letters().in_force, LINKS).write(row, NOTHING_PASSED, now)
        assert written == the_letters().write_at_once(row, NOTHING_PASSED, now)


def test_what_is_the_first_of_its_kind_cannot_be_written_at_once() -> None:
    """Nothing that takes milliseconds is done in the event loop."""
    letters = Letters(the_letters().in_force, LINKS)
    first = a_row(Kind.INVITATION, "first.talks", "A name", member=MELTON)
    second = a_row(Kind.INVITATION, "first.talks", "Another one", member=MELTON)
    elsewhere = a_row(Kind.INVITATION, "first.talks", "A name", member=MEDELLIN)
    assert letters.write_at_once(first, NOTHING_PASSED, NOW) is None

    letters.write(first, NOTHING_PASSED, NOW)

    assert letters.write_at_once(second, NOTHING_PASSED, NOW) is not None
    assert letters.write_at_once(elsewhere, NOTHING_PASSED, NOW) is None


def test_a_reminder_counts_the_days_of_the_moment() -> None:
    row = a_row(Kind.REMINDER, "first.talks", "", member=MELTON)
    moments = [at("2027-06-13T13:59:59+00:00"), at("2027-06-13T14:00:00+00:00")]  # midnight in Melton

    subjects = [str(read(the_letters().write(row, NOTHING_PASSED, now))["Subject"]) for now in moments]

    assert ["tomorrow" in subject for subject in subjects] == [True, False]
