"""Calendars for partners: what is public, with organisers and their hours, and no way in (story US-21.1)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from hypothesis import given
from hypothesis import strategies as st
from icalendar import Calendar, Component

from scheduler.model.network import Partner
from scheduler.model.series import Join, Session, Status
from scheduler.service.feeds import Feeds
from tests.cast import MELTON, a_configuration, a_series, a_session, at, real
from tests.service.force import LINKS, in_force

NOW = at("2027-05-10T09:00:00+02:00")
MOJA = next(partner for partner in real().network.partners if partner.id == "moja")
SECRETS = Join("Zoom", "Webinar ID", "94172987853", "https://meet.cities.example/1", "lantern")
BOTH = ("PASCAL International Observatory", "UNESCO Institute for Lifelong Learning")


def a_public_session(**changes: object) -> Session:
    return a_session(**{"public": True, "join": SECRETS, "organisers": BOTH, **changes})


def octets(*sessions: Session, partner: Partner = MOJA) -> bytes:
    whole = a_configuration(a_series(*sessions), members=(MELTON,))
    whole = replace(whole, network=replace(whole.network, partners=(partner,)))
    feeds = {feed.path: feed.octets for feed in Feeds(in_force(whole), LINKS, NOW).public_feeds()}
    return feeds[f"/feeds/partner/{partner.id}.ics"]


def events(*sessions: Session, partner: Partner = MOJA) -> list[Component]:
    return Calendar.from_ical(octets(*sessions, partner=partner)).walk("VEVENT")


def described(session: Session, partner: Partner = MOJA) -> list[str]:
    (event,) = events(session, partner=partner)
    return str(event["description"]).splitlines()


def test_only_what_is_public_is_there() -> None:
    found = events(a_public_session(), a_session(id="second"))

    assert [event["uid"] for event in found] == ["first.talks@learning-cities.example"]


def test_a_session_of_the_summer_has_african_hours_beside_those_of_hamburg() -> None:
    found = described(a_public_session(on=date(2027, 7, 21)))

    assert found == [
        "Talks among cities",
        "11:00 Dakar, 12:00 Ibadan, 13:00 Durban, 14:00 Kilifi County; 13:00 Hamburg time (CEST, UTC+2)",
        " and ".join(BOTH),
    ]


def test_organisers_of_the_series_are_named_where_a_session_has_none_of_its_own() -> None:
    found = described(a_public_session(organisers=()), partner=replace(MOJA, clocks=()))

    assert found == [
        "Talks among cities",
        "13:00 Hamburg time (CEST, UTC+2)",
        "UNESCO Institute for Lifelong Learning",
    ]


def test_another_day_there_is_said() -> None:
    apia = replace(MOJA, clocks=(("Apia", "Pacific/Apia"), ("Hawaii", "Pacific/Honolulu")))

    found = described(a_public_session(), partner=apia)

    assert found[1].startswith("00:00 Apia (the next day), 01:00 Hawaii; 13:00 Hamburg time")


def test_there_is_no_way_in() -> None:
    found = octets(a_public_session()).replace(b"\r\n ", b"").lower()

    for secret in (b"meet.cities", b"94172987853", b"941 7298 7853", b"lantern", b"zoom", b"attendee"):
        assert secret not in found
    assert found.count(b"@") == found.count(b"uid:")


def test_what_is_cancelled_says_so() -> None:
    (event,) = events(a_public_session(status=Status.CANCELLED))

    assert event["status"] == "CANCELLED"


def test_without_an_hour_no_clock_is_named() -> None:
    found = described(a_public_session(start=None, end=None))

    assert found == ["Talks among cities", " and ".join(BOTH)]


def test_it_is_named_after_the_partner() -> None:
    calendar = Calendar.from_ical(octets(a_public_session()))

    assert calendar["x-wr-calname"] == "Global Network of Learning Cities: MOJA"


LINES = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=300)


@given(place=LINES, organiser=LINES, title=LINES, link=st.integers(1, 250))
def test_a_description_stays_under_200_octets(place: str, organiser: str, title: str, link: int) -> None:
    recording = "https://video.example/" + "x" * link
    session = a_public_session(organisers=(organiser, *BOTH), recording=recording)
    partner = replace(MOJA, clocks=((place, "Africa/Dakar"), ("Ibadan", "Africa/Lagos")))
    network = replace(real().network, partners=(partner,))
    whole = replace(a_configuration(a_series(session, title=title), members=(MELTON,)), network=network)

    feeds = Feeds(in_force(whole), LINKS, at("2027-07-10T09:00:00+02:00"))
    found = next(feed.octets for feed in feeds.public_feeds() if feed.path == "/feeds/partner/moja.ics")

    lines = found.replace(b"\r\n ", b"").split(b"\r\n")
    (said,) = (line.removeprefix(b"DESCRIPTION:") for line in lines if line.startswith(b"DESCRIPTION:"))
    assert len(said) < 200
    assert b"13:00 Hamburg time (CEST\\, UTC+2)" in said
