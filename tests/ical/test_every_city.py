"""Every city, every zone and any text: four programs read each calendar alike."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from scheduler.configuration.text import find_control
from scheduler.ical.events import Revision, Words, session_event
from scheduler.ical.feeds import feed_item, render_feed
from scheduler.ical.invitations import Method, build_invitation
from scheduler.ical.words import private_words
from scheduler.model.members import Member
from scheduler.model.programme import Occurrence
from scheduler.model.series import Status
from tests.cast import a_series, a_session, at, open_house
from tests.ical.readers import QUICK, READERS, Item, agreed
from tests.ical.reading import CHARACTERS, EN, NETWORK, common_name, lines, session_of, the_session

STAMP = at("2027-05-17T09:00:00+00:00")
CITIES = open_house().members
#: One city of each zone.
PLACES = tuple({member.zone: member for member in CITIES}.values())
SIGNS = (
    *("\\", "\\;", "\\,", ";", ",", ":", '"', "^n", "^'", "'", "&amp;", "<b>", "%0D%0A", "{name}"),
    *("=?utf-8?q?=0D=0ABcc:_x?=", "BEGIN:VEVENT", "END:VCALENDAR", "ATTENDEE:mailto:x@x.example"),
    *("😀", "🏳️‍🌈", "Sa Đéc", "İzmir", "المحرّق", "שלום", "\u200f", "上海" * 20, "e\u0301" * 30, " "),
)
TITLES = st.lists(st.one_of(st.text(CHARACTERS, max_size=30), st.sampled_from(SIGNS)), max_size=8).map(
    "".join
)


def feed(name: str, sessions: Iterable[tuple[Occurrence, Words]]) -> bytes:
    events = (session_event(session, session.uid(NETWORK), 3, words) for session, words in sessions)
    return render_feed(name, [feed_item(event, Revision(3, STAMP)) for event in events])


def invitation(occurrence: Occurrence, words: Words, member: Member, method: Method) -> bytes:
    made = build_invitation(occurrence, method, 3, NETWORK, words)
    return made.addressed_to(member.name, member.contacts[0].address, STAMP)


def the_item(occurrence: Occurrence, summary: str, *, is_cancelled: bool = False) -> Item:
    """As it must be read, by the letter of the session."""
    starts, ends = occurrence.starts_at, occurrence.ends_at
    is_cancelled = is_cancelled or occurrence.is_cancelled
    status = "CANCELLED" if is_cancelled else "CONFIRMED" if starts else "TENTATIVE"
    days = (occurrence.on.isoformat(), (occurrence.last_day + timedelta(days=1)).isoformat())
    moments = (_said(starts), _said(ends)) if starts and ends else days
    return Item(occurrence.uid(NETWORK), 3, status, *moments, summary)


def _said(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def is_clean(octets: bytes) -> bool:
    """No control but tabs and the ends of lines; `lines` holds the rest."""
    return bool(lines(octets)) and not re.search(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", octets)


#: ics takes a backslash before an n for a line end, even where the backslash is one of the text.
def readers_of(text: str) -> tuple[str, ...]:
    return QUICK if re.search(r"\\[nN]", text) else tuple(READERS)


@pytest.mark.parametrize("method", Method)
def test_every_city_is_invited_in_a_calendar_that_all_read(method: Method) -> None:
    session = the_session()
    for member in CITIES:
        words = private_words(session, member.zone, NETWORK, EN)
        octets = invitation(session, words, member, method)

        wanted = the_item(session, session.title, is_cancelled=method is Method.CANCEL)
        assert agreed(octets, tuple(READERS) if member in PLACES[::8] else QUICK) == [wanted]
        assert common_name(octets) == member.name
        assert is_clean(octets)


def test_a_feed_of_sessions_in_every_zone_is_read_by_all() -> None:
    """One at nine on the clock of each."""
    sessions = [
        session_of(a_series(a_session(id=f"n{n}", start=time(9), end=time(10), zone=member.zone)))
        for n, member in enumerate(PLACES)
    ]
    words = [private_words(session, session.zone, NETWORK, EN) for session in sessions]

    octets = feed("Every zone", zip(sessions, words, strict=True))

    assert agreed(octets) == sorted(the_item(session, session.title) for session in sessions)
    assert is_clean(octets)


@given(
    title=TITLES,
    text=TITLES,
    member=st.sampled_from(PLACES),
    name=TITLES.filter(bool),
    on=st.dates(date(2027, 1, 1), date(2028, 12, 31)),
    hour=st.one_of(st.none(), st.integers(4, 22)),
    status=st.sampled_from(Status),
    method=st.sampled_from(Method),
)
@settings(max_examples=30, deadline=None, derandomize=True)
def test_any_text_at_any_hour_is_read_alike_by_all(
    title: str,
    text: str,
    member: Member,
    name: str,
    on: date,
    hour: int | None,
    status: Status,
    method: Method,
) -> None:
    at_hour = None if hour is None else time(hour)
    session = the_session(on=on, start=at_hour, end=None, zone=member.zone, status=status)
    words = Words(title, text)
    off = method is Method.CANCEL

    in_feed = feed(title, [(session, words)])
    in_mail = invitation(session, words, replace(member, name=name), method)

    assert agreed(in_feed, readers_of(title)) == [the_item(session, title)]
    assert agreed(in_mail, readers_of(title)) == [the_item(session, title, is_cancelled=off)]
    assert common_name(in_mail) == name
    assert is_clean(in_feed)
    assert is_clean(in_mail)


@given(text=st.text(max_size=60))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_what_files_let_through_puts_no_control_into_a_calendar(text: str) -> None:
    assume(find_control(text) is None)

    assert is_clean(feed(text, [(the_session(), Words(text, text, text))]))
