"""Wall times and instants. Clock changes of the places here, with the offset from UTC before and after:

Berlin        28 March 2027 02:00 +1 -> 03:00 +2        31 October 2027 03:00 +2 -> 02:00 +1
Azores        28 March 2027 00:00 -1 -> 01:00 +0        31 October 2027 01:00 +0 -> 00:00 -1
Cairo         30 April 2027 00:00 +2 -> 01:00 +3        29 October 2027 00:00 +3 -> 23:00 +2 the day before
Santiago      5 September 2027 00:00 -4 -> 01:00 -3     4 April 2027 00:00 -3 -> 23:00 -4 the day before
Apia          30 December 2011, the whole day: -10 -> +14
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.errors import AmbiguousLocalTime, NonexistentLocalTime, UnknownZone
from scheduler.model import times
from tests import cast
from tests.cast import at
from tests.model.conftest import ZoneOf

AZORES = "praia-da-vitoria"
CAIRO = "cairo"
RENCA = "renca"

#: Every zone in which a member city lies.
ZONES = sorted({member.zone for member in cast.real().members})

wall_times = st.datetimes(datetime(2015, 1, 1), datetime(2035, 12, 31, 23, 59)).map(  # noqa: DTZ001 - a wall time
    lambda wall: wall.replace(second=0, microsecond=0)
)


def zone_of(slug: str) -> str:
    return cast.member(slug).zone


@pytest.mark.parametrize(
    ("slug", "day", "expected"),
    [
        (AZORES, date(2027, 3, 28), "2027-03-28T01:00:00+00:00"),
        (CAIRO, date(2027, 4, 30), "2027-04-30T01:00:00+03:00"),
        (RENCA, date(2027, 9, 5), "2027-09-05T01:00:00-03:00"),
    ],
)
def test_a_midnight_that_is_not_there_is_one_hour_later(slug: str, day: date, expected: str) -> None:
    """Story US-10: once each, at 01:00 there."""
    midnight = times.moment(day, time(0), zone_of(slug))

    assert midnight == at(expected)


def test_a_computed_moment_in_a_gap_is_shifted_forward_by_the_gap() -> None:
    moment = times.moment(date(2027, 3, 28), time(2, 30), "Europe/Berlin")

    assert moment == at("2027-03-28T03:30:00+02:00")


def test_a_computed_moment_in_a_doubled_hour_is_the_first() -> None:
    moment = times.moment(date(2027, 10, 31), time(2, 30), "Europe/Berlin")

    assert moment == at("2027-10-31T02:30:00+02:00")


@pytest.mark.parametrize(
    ("zone", "daily"),
    [
        ("Europe/Berlin", time(2, 30)),
        ("America/Santiago", time(0)),
        ("Africa/Cairo", time(0, 30)),
        ("Australia/Lord_Howe", time(1, 45)),
        ("Europe/Dublin", time(1, 30)),
    ],
)
def test_a_daily_moment_comes_once_on_each_day(zone: str, daily: time) -> None:
    """T04: through every gap and doubled hour of three years; where clocks jump over it, later that day."""
    days = [date(2026, 1, 1) + timedelta(days=n) for n in range(1096)]

    moments = [times.moment(day, daily, zone) for day in days]

    shown = [times.local(moment, zone) for moment in moments]
    assert [wall.date() for wall in shown] == days
    assert all(wall.time() == daily or wall.hour == daily.hour + 1 for wall in shown)
    assert moments == sorted(set(moments))


def test_a_day_that_is_not_there_is_the_next_one() -> None:
    """Apia went from 29 December 2011 straight to the 31st."""
    moment = times.moment(date(2011, 12, 30), time(9), "Pacific/Apia")

    assert moment == at("2011-12-31T09:00:00+14:00")


def test_the_end_of_a_day_with_two_midnights_is_the_second() -> None:
    """Story US-10: 3 April 2027 in Renca has two hours from 23:00 to 24:00."""
    end = times.end_of_day(date(2027, 4, 3), zone_of(RENCA))

    assert end == at("2027-04-04T03:59:59+00:00")


def test_the_end_of_a_day_is_its_last_second() -> None:
    end = times.end_of_day(date(2027, 4, 4), zone_of(RENCA))

    assert end == at("2027-04-04T23:59:59-04:00")


def test_a_last_moment_in_a_gap_is_shifted_like_any_other() -> None:
    last = times.last_moment(date(2027, 3, 28), time(2, 30), "Europe/Berlin")

    assert last == at("2027-03-28T03:30:00+02:00")


def test_a_written_time_in_a_gap_is_refused_with_the_reason() -> None:
    with pytest.raises(NonexistentLocalTime, match="2027-03-28 02:30 does not exist") as refused:
        times.instant(date(2027, 3, 28), time(2, 30), "Europe/Berlin")

    assert "clocks go forward" in str(refused.value)
    assert "Europe/Berlin" in str(refused.value)


def test_a_written_time_in_a_doubled_hour_is_refused_with_the_reason() -> None:
    with pytest.raises(AmbiguousLocalTime, match="2027-10-31 02:30 exists twice") as refused:
        times.instant(date(2027, 10, 31), time(2, 30), "Europe/Berlin")

    assert "clocks go back" in str(refused.value)


@pytest.mark.parametrize("minute", [time(1, 59), time(3, 0)])
def test_a_written_time_beside_a_gap_is_taken(minute: time) -> None:
    instant = times.instant(date(2027, 3, 28), minute, "Europe/Berlin")

    assert times.local(instant, "Europe/Berlin").time() == minute


def test_a_whole_day_that_is_not_there_is_refused() -> None:
    with pytest.raises(NonexistentLocalTime):
        times.instant(date(2011, 12, 30), time(9), "Pacific/Apia")


@pytest.mark.parametrize(
    "word",
    [
        "CET",
        "EST",
        "EST5EDT",
        "GMT",
        "Etc/GMT+9",
        "US/Eastern",
        "Europe/Berln",
        "Europe/Hamburg",
        "",
        "+1",
        "+99:00",
        "+14:45",
        "-12:30",
        "-13:00",
        "+05:17",
    ],
)
def test_what_is_no_place_is_no_zone(word: str) -> None:
    """A label such as CET follows summer time in the tz database, and Etc/GMT+9 lies west of Greenwich."""
    with pytest.raises(UnknownZone):
        times.instant(date(2027, 6, 14), time(13), word)

    assert not times.is_zone(word)


@pytest.mark.parametrize(
    "word", ["Europe/Berlin", "Asia/Kathmandu", "UTC", "+01:00", "-03:30", "+14:00", "-12:00"]
)
def test_places_and_offsets_are_zones(word: str) -> None:
    assert times.is_zone(word)


def test_the_first_zone_of_a_country_is_the_one_of_most_people() -> None:
    first = [times.countries()[name][0] for name in ("Brazil", "Russia", "China", "Spain", "Canada")]

    assert first == [
        *("America/Sao_Paulo", "Europe/Moscow", "Asia/Shanghai", "Europe/Madrid", "America/Toronto"),
    ]


def test_a_fixed_offset_stays_in_summer() -> None:
    """Story US-04: 18:00 GMT+9 is 09:00 UTC, not 03:00 of the next day."""
    instant = times.instant(date(2021, 10, 27), time(18), "+09:00")

    assert instant == at("2021-10-27T09:00:00+00:00")


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ("Asia/Kathmandu", "UTC+5:45"),
        ("America/St_Johns", "UTC−3:30"),
        ("Africa/Abidjan", "UTC+0"),
        ("Europe/Berlin", "UTC+1"),
        ("America/Bogota", "UTC−5"),
        ("Pacific/Chatham", "UTC+13:45"),
        ("+05:30", "UTC+5:30"),
    ],
)
def test_an_offset_is_written_for_people(zone: str, expected: str) -> None:
    """Story US-08, on 17 February 2027: never "+5.75", "+0545" or "UTC+5"; the minus is a real one."""
    label = times.offset_label(at("2027-02-17T12:00:00+00:00"), zone)

    assert label == expected


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ("Asia/Tehran", "2027-02-17T15:30:00+03:30"),
        ("Asia/Kolkata", "2027-02-17T17:30:00+05:30"),
        ("Asia/Kathmandu", "2027-02-17T17:45:00+05:45"),
        ("America/St_Johns", "2027-02-17T08:30:00-03:30"),
        ("Pacific/Chatham", "2027-02-18T01:45:00+13:45"),
    ],
)
def test_half_and_quarter_hours_are_exact(zone: str, expected: str) -> None:
    """Story US-08: 13:00 in Hamburg on 17 February 2027."""
    instant = times.instant(date(2027, 2, 17), time(13), "Europe/Berlin")

    assert times.local(instant, zone).isoformat() == expected


@pytest.mark.parametrize(
    ("day", "zone", "expected"),
    [
        (date(2027, 6, 14), "Europe/Berlin", "CEST"),
        (date(2027, 2, 17), "Europe/Berlin", "CET"),
        (date(2027, 6, 14), "America/Bogota", None),
        (date(2027, 6, 14), "+01:00", None),
    ],
)
def test_an_abbreviation_is_given_where_people_have_one(day: date, zone: str, expected: str | None) -> None:
    noon = times.instant(day, time(12), zone)

    assert times.abbreviation(noon, zone) == expected


def test_the_day_there_may_be_another_one() -> None:
    instant = at("2027-06-14T23:30:00+02:00")

    assert times.local_date(instant, zone_of(cast.MELTON)) == date(2027, 6, 15)
    assert times.local_date(instant, zone_of(cast.MEDELLIN)) == date(2027, 6, 14)


def test_a_country_with_one_zone_gives_it() -> None:
    assert times.only_zone_of("QA") == "Asia/Qatar"


@pytest.mark.parametrize("country", ["BR", "XX", ""])
def test_a_country_with_several_zones_or_none_gives_nothing(country: str) -> None:
    assert times.only_zone_of(country) is None


def test_the_working_day_before_a_weekend_is_the_last_one_before_it() -> None:
    monday, friday_and_saturday = date(2027, 6, 14), (4, 5)

    assert times.previous_working_day(monday, friday_and_saturday) == date(2027, 6, 13)
    assert times.working_day_on_or_before(date(2027, 6, 12), friday_and_saturday) == date(2027, 6, 10)


# what another library and another copy of the data say


@given(zone=st.sampled_from(ZONES), wall=wall_times)
def test_moments_are_those_of_zoneinfo(zone: str, wall: datetime, second_opinion: ZoneOf) -> None:
    """Its first reading (fold=0) has our two rules: forward by the gap, the first of two."""
    there = wall.replace(tzinfo=second_opinion(zone), fold=0)

    assert times.moment(wall.date(), wall.time(), zone) == there.astimezone(UTC)


@given(zone=st.sampled_from(ZONES), wall=wall_times)
def test_last_moments_are_those_of_zoneinfo(zone: str, wall: datetime, second_opinion: ZoneOf) -> None:
    """The later of its two readings, but in a gap the first one: fold=1 goes back there."""
    first, second = (wall.replace(tzinfo=second_opinion(zone), fold=fold).astimezone(UTC) for fold in (0, 1))

    assert times.last_moment(wall.date(), wall.time(), zone) == max(first, second)


@given(zone=st.sampled_from(ZONES), wall=wall_times)
def test_a_wall_time_comes_back_unless_the_clocks_jump_over_it(zone: str, wall: datetime) -> None:
    back = times.local(times.moment(wall.date(), wall.time(), zone), zone).replace(tzinfo=None)

    assert back == wall or is_in_a_gap(wall, zone)


@given(zone=st.sampled_from(ZONES), instant=wall_times)
def test_what_clocks_show_is_what_zoneinfo_shows(
    zone: str, instant: datetime, second_opinion: ZoneOf
) -> None:
    aware = instant.replace(tzinfo=UTC)

    assert times.local(aware, zone).isoformat() == aware.astimezone(second_opinion(zone)).isoformat()


@pytest.mark.parametrize("zone", ZONES)
def test_every_clock_change_of_a_member_city_is_that_of_zoneinfo(zone: str, second_opinion: ZoneOf) -> None:
    """Chance rarely meets a gap: so each hour before, in and after each change of 2020 to 2030 is asked."""
    for wall in around_clock_changes(zone):
        there = wall.replace(tzinfo=second_opinion(zone), fold=0)
        assert times.moment(wall.date(), wall.time(), zone) == there.astimezone(UTC)


def is_in_a_gap(wall: datetime, zone: str) -> bool:
    try:
        times.instant(wall.date(), wall.time(), zone)
    except NonexistentLocalTime:
        return True
    except AmbiguousLocalTime:
        return False
    return False


def around_clock_changes(zone: str) -> list[datetime]:
    """Wall times every half hour in the day around each change of the offset."""
    walls = []
    day = datetime(2020, 1, 1, tzinfo=UTC)
    while day < datetime(2031, 1, 1, tzinfo=UTC):
        tomorrow = day + timedelta(days=1)
        if times.local(day, zone).utcoffset() != times.local(tomorrow, zone).utcoffset():
            first = times.local(day, zone).replace(tzinfo=None)
            walls += [first + timedelta(minutes=30 * step) for step in range(-4, 53)]
        day = tomorrow
    return walls
