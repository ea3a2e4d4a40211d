"""How clocks were believed to go, and what another belief moves.

2026: Morocco stays on +00 from 20 September (was: +01 but for Ramadan)
      Alberta stays on -06 from 1 November (was: -07 in winter)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, time, timedelta

from hypothesis import given
from hypothesis import strategies as st

from scheduler.model import times
from scheduler.model.clocks import (
    ClockChange,
    Clocks,
    Span,
    ZoneClock,
    change_from_text,
    change_to_text,
    clock_of,
    clocks_from_text,
    clocks_of,
    clocks_to_text,
    find_change,
)
from scheduler.model.cycles import Cohort, Cycle, Deadline
from scheduler.model.network import Configuration
from scheduler.model.programme import Occurrence, occurrences_of
from tests.cast import a_configuration, at, open_house
from tests.older_clocks import MOROCCAN, NOW, as_before, configuration

_SINCE, _UNTIL = at("2026-01-01T00:00:00+00:00"), at("2030-01-01T00:00:00+00:00")
ZONES = st.sampled_from(sorted({member.zone for member in open_house().members} | {"Australia/Lord_Howe"}))
WALLS = st.datetimes(datetime(2026, 1, 3), datetime(2029, 12, 29))  # noqa: DTZ001 - wall times


def found(whole: Configuration, now: datetime = NOW) -> ClockChange:
    return find_change(whole, as_before(clocks_of(whole, NOW)), now)


def in_hamburg(span: Span) -> tuple[str, ...]:
    return tuple(times.local(at_, "Europe/Berlin").isoformat() for at_ in span)


# one clock


@given(ZONES, WALLS)
def test_a_clock_that_was_kept_reads_wall_times_as_pytz_does(zone: str, wall: datetime) -> None:
    clock = clock_of(zone, _SINCE, _UNTIL)

    assert clock.moment(wall.date(), wall.time()) == times.moment(wall.date(), wall.time(), zone)
    assert clock.last_moment(wall.date(), wall.time()) == times.last_moment(wall.date(), wall.time(), zone)


@given(ZONES, WALLS)
def test_a_clock_that_was_kept_shows_what_pytz_shows(zone: str, wall: datetime) -> None:
    instant = wall.replace(tzinfo=_SINCE.tzinfo)

    clock = clock_of(zone, _SINCE, _UNTIL)

    assert clock.offset(instant) == times.local(instant, zone).utcoffset()
    assert times.local(instant, clock.zone(instant)).replace(tzinfo=None) == times.local(
        instant, zone
    ).replace(tzinfo=None)


def test_what_only_changes_the_name_of_a_time_is_no_step() -> None:
    """Hamburg: one step for the beginning, two a year."""
    clock = clock_of("Europe/Berlin", _SINCE, at("2028-01-01T00:00:00+00:00"))

    assert [offset for _, offset in clock.steps] == [timedelta(hours=hours) for hours in (1, 2, 1, 2, 1)]


def test_an_offset_west_of_utc_is_a_zone_as_well() -> None:
    clock = ZoneClock(((_SINCE, -timedelta(hours=3, minutes=30)),))

    assert clock.zone(_SINCE) == "-03:30"


# kept and read again


def test_clocks_survive_their_text() -> None:
    clocks = clocks_of(configuration(), NOW)

    assert clocks_from_text(clocks_to_text(clocks)) == clocks


def test_a_change_survives_its_text() -> None:
    change = replace(found(configuration()), cities=8)

    assert change_from_text(change_to_text(change)) == change


def test_clocks_are_known_until_everything_is_over() -> None:
    clocks = clocks_of(configuration(), NOW)

    assert clocks.until > at("2027-06-09T14:00:00+02:00")
    assert {"America/Edmonton", "Africa/Casablanca", "Europe/Berlin"} <= clocks.zones.keys()


# what moved


def test_a_session_on_a_clock_that_changed_keeps_its_hour_there_and_moves() -> None:
    """US-16.3: 18:00 in Edmonton was 02:00 in Hamburg, and is 01:00 since."""
    moved = found(configuration()).moved

    assert {name: in_hamburg(span) for name, span in moved.items()} == {
        "host.talks": ("2026-12-17T02:00:00+01:00", "2026-12-17T03:00:00+01:00")
    }


def test_what_is_defined_on_hamburgs_clock_never_moves() -> None:
    """US-16.3."""
    change = found(configuration())

    assert change.ahead == {
        "winter.talks": at("2026-12-09T13:00:00+01:00"),
        "summer.talks": at("2027-06-09T13:00:00+02:00"),
    }


def test_the_eight_cities_of_2026_are_found_among_all_members() -> None:
    """US-16.1: seven in Morocco and Edmonton, and no other of the 336."""
    whole = replace(open_house(), series=configuration().series, cycles=())
    change = found(whole)
    sessions = occurrences(whole)

    cities = {m.slug for m in whole.members if change.hours_moved(sessions.values(), m.zone)}

    assert cities == {*MOROCCAN, "edmonton"}


def test_a_city_is_told_only_of_the_hours_that_differ() -> None:
    """In June Edmonton is on -06 by the old rules too; Morocco stays an hour behind all year."""
    whole = configuration()
    change, sessions = found(whole), occurrences(whole).values()

    assert [o.id for o in change.hours_moved(sessions, "America/Edmonton")] == ["winter.talks"]
    assert [o.id for o in change.hours_moved(sessions, "Africa/Casablanca")] == [
        "winter.talks",
        "summer.talks",
    ]


def test_a_deadline_on_a_clock_that_changed_moves() -> None:
    deadline = Deadline(date(2026, 12, 31), time(23, 59, 59), "Africa/Casablanca")
    cycle = Cycle("round", "Round", ("2025-01", "2026-09"), date(2026, 9, 1), deadline, "", Cohort(), ())
    whole = replace(a_configuration(members=MOROCCAN), cycles=(cycle,))

    assert in_hamburg(found(whole).moved["round"])[1] == "2026-12-31T23:59:59+01:00"
    assert times.local(deadline.instant, "Europe/Berlin").isoformat() == "2027-01-01T00:59:59+01:00"


def test_what_is_over_moves_nobody() -> None:
    change = found(configuration(), at("2027-01-04T09:00:00+01:00"))

    assert change.moved == {}
    assert list(change.ahead) == ["summer.talks"]


def test_the_same_clocks_move_nothing() -> None:
    whole = configuration()

    change = find_change(whole, clocks_of(whole, NOW), NOW)

    assert (change.moved, change.zones) == ({}, {})


def test_a_change_that_nobody_was_told_of_is_undone_by_the_next_one() -> None:
    """Compared with what people believe, not with what the program believed in between."""
    whole = configuration()
    clocks = clocks_of(whole, NOW)
    before: Clocks = clocks.as_before(found(whole))

    again = find_change(whole, before, NOW)

    assert again.moved == found(whole).moved
    assert again.zones.keys() == {"America/Edmonton", "Africa/Casablanca"}


def occurrences(whole: Configuration) -> Mapping[str, Occurrence]:
    return {o.id: o for series in whole.series for o in occurrences_of(series)}
