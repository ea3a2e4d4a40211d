"""What is left of a city's calendar when its membership is over (story US-25.3)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from icalendar import Calendar

from scheduler.languages import Language
from scheduler.model.changes import marks_of_new_ends
from scheduler.model.members import Membership, Span
from scheduler.model.network import Configuration
from scheduler.service.feeds import CLOSING_STAYS, Feeds
from tests.cast import MELTON, OPEN, a_configuration, a_series, a_session, at
from tests.service.force import LINKS, in_force

#: The last day; on the day after it the calendar is closed, at midnight in Hamburg.
LAST = date(2027, 6, 30)
CLOSES = at("2027-07-01T00:00:00+02:00")
GONE = at("2027-07-31T00:00:00+02:00")
SECOND = timedelta(seconds=1)
ENDED = replace(OPEN, until=LAST)
BACK = Membership(Span(date(2028, 2, 14), date(2028, 2, 14)), None, "announced")


def melton(*memberships: Membership) -> Configuration:
    """One session while it is a member, one when it would be no more."""
    series = a_series(a_session(), a_session(id="later", on=date(2027, 7, 20)))
    whole = a_configuration(series, members=(MELTON,))
    return replace(whole, members=(replace(whole.members[0], memberships=memberships or (ENDED,)),))


def feeds(configuration: Configuration, now: str) -> Feeds:
    return Feeds(in_force(configuration), LINKS, at(now))


def uids(octets: bytes) -> list[str]:
    return [str(event["uid"]) for event in Calendar.from_ical(octets).walk("VEVENT")]


def city(found: Feeds, words: Language | None = None) -> bytes:
    return found.city_feed(found.in_force.configuration.members[0], words).octets


def is_closed(found: Feeds) -> bool:
    return found.is_closed(found.in_force.configuration.members[0])


def test_until_the_last_day_is_over_it_is_as_ever() -> None:
    assert uids(city(feeds(melton(), "2027-06-30T23:59:59+02:00"))) == ["first.talks@learning-cities.example"]


def test_then_one_item_says_that_it_is_over() -> None:
    octets = city(feeds(melton(), "2027-07-01T00:00:00+02:00"))

    (event,) = Calendar.from_ical(octets).walk("VEVENT")
    assert event["uid"] == "membership-ended.melton.2027-06-30@learning-cities.example"
    assert (event.decoded("dtstart"), event.decoded("dtend")) == (date(2027, 7, 1), date(2027, 7, 2))
    assert event["summary"] == "Global Network of Learning Cities: the membership of Melton has ended"
    assert event["description"] == (
        "The membership of Melton in the Global Network of Learning Cities ended on Wednesday 30 June 2027.\n"
        "This calendar will no longer be updated; you can remove it.\n"
        "Questions: webinars@learning-cities.example"
    )


def test_its_octets_stay_the_same_for_thirty_days() -> None:
    found = [feeds(melton(), f"2027-07-{day:02}T12:00:00+02:00") for day in (1, 15, 30)]

    assert len({city(one) for one in found}) == 1
    assert not any(map(is_closed, found))


@pytest.mark.parametrize(
    ("now", "of_cities"), [("2027-07-30T23:59:59+02:00", 1), ("2027-07-31T00:00:00+02:00", 0)]
)
def test_after_thirty_days_it_is_gone(now: str, of_cities: int) -> None:
    found = feeds(melton(), now)

    assert is_closed(found) is not bool(of_cities)
    assert len(list(found.all_feeds())) - len(list(found.public_feeds())) == of_cities


def test_these_are_turns() -> None:
    turns = feeds(melton(), "2027-01-01T00:00:00+01:00").turns()

    assert {CLOSES, GONE} <= set(turns)
    assert turns == sorted(turns)
    assert CLOSES + CLOSING_STAYS == GONE


def test_between_two_memberships_it_goes_on() -> None:
    """It is known that the city comes back: nobody should have to subscribe anew."""
    found = feeds(melton(ENDED, BACK), "2027-09-01T00:00:00+02:00")

    assert not is_closed(found)
    assert uids(city(found)) == ["first.talks@learning-cities.example"]


def test_a_city_that_comes_back_finds_its_calendar_at_the_same_address() -> None:
    gone, back = (feeds(melton(*one), "2028-03-01T00:00:00+01:00") for one in ((ENDED,), (ENDED, BACK)))

    assert is_closed(gone)
    assert not is_closed(back)
    members = [found.in_force.configuration.members[0] for found in (gone, back)]
    assert gone.city_feed(members[0]).path == back.city_feed(members[1]).path


def test_the_last_of_several_memberships_counts() -> None:
    longer = replace(BACK, until=date(2028, 12, 31))

    assert not is_closed(feeds(melton(ENDED, longer), "2029-01-30T00:00:00+01:00"))
    assert is_closed(feeds(melton(ENDED, longer), "2029-01-31T00:00:00+01:00"))


def test_a_city_that_never_was_a_member_has_nothing_to_close() -> None:
    undecided = Membership(Span(None, None), None, "unknown")

    found = feeds(melton(undecided), "2029-01-31T00:00:00+01:00")

    assert not is_closed(found)
    assert uids(city(found)) == []


def test_an_end_that_is_written_down_late_is_said_for_thirty_days_all_the_same() -> None:
    found = in_force(melton())
    late = {"membership-ended.melton.2027-06-30": at("2027-09-10T12:00:00+02:00")}
    known_late = replace(found, since=replace(found.since, created=late))
    moments = [at(f"2027-{day}T12:00:00+02:00") for day in ("09-10", "10-10", "10-11")]

    assert [is_closed(Feeds(known_late, LINKS, now)) for now in moments] == [False, False, True]
    assert at("2027-10-11T00:00:00+02:00") in Feeds(known_late, LINKS, moments[0]).turns()


def test_it_is_remembered_since_when_an_end_is_known() -> None:
    """Under the name that the feed asks for."""
    going_on, ended = melton(OPEN), melton()

    assert list(marks_of_new_ends(going_on, ended)) == ["membership-ended.melton.2027-06-30"]
    for before, after in ((None, ended), (ended, ended), (ended, going_on)):
        assert not marks_of_new_ends(before, after)
