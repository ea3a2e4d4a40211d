"""Wall time + zone -> instant and back. The only door to pytz.

A zone is an IANA name ("Europe/Berlin") or a fixed offset ("+01:00"). A label such as "CET" is neither:
it is given its meaning in network.yaml and never comes here. Instants are aware and in UTC.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache

import pytz

from scheduler.errors import AmbiguousLocalTime, NonexistentLocalTime, UnknownZone

#: No place on Earth is further than 14 hours from UTC.
_OFFSET = re.compile(r"([+-])(0[0-9]|1[0-4]):([0-5][0-9])")
_DAY = timedelta(days=1)
_MINUS = "\N{MINUS SIGN}"

#: The years whose clock changes are known: before, the tz database is a guess; pytz has none for later.
FIRST_YEAR, LAST_YEAR = 1970, 2037

#: Names with a slash that are no places: Etc/GMT+9 is nine hours *behind* UTC, which nobody means.
_NO_PLACES = ("Etc/", "SystemV/", "US/", "posix/", "right/")


def tzdata_version() -> str:
    """The release of the tz database that instants are computed with, such as "2026f"."""
    return str(pytz.OLSON_VERSION)  # type: ignore[attr-defined]


@lru_cache(maxsize=1)
def zone_names() -> frozenset[str]:
    """All names that are places, and "UTC"."""
    places = {name for name in pytz.all_timezones if "/" in name and not name.startswith(_NO_PLACES)}
    return frozenset(places | {"UTC"})


@lru_cache(maxsize=1024)
def only_zone_of(country: str) -> str | None:
    """The zone of a country (ISO 3166-1 alpha-2) that has just one, else None."""
    zones = pytz.country_timezones.get(country, [])
    return zones[0] if len(zones) == 1 else None


@lru_cache(maxsize=1024)
def _tzinfo(zone: str) -> pytz.BaseTzInfo | pytz._FixedOffset:
    offset = _OFFSET.fullmatch(zone)
    if offset:
        sign, hours, minutes = offset.groups()
        total = int(hours) * 60 + int(minutes)
        return pytz.FixedOffset(-total if sign == "-" else total)
    if zone not in zone_names():
        raise UnknownZone(zone)
    return pytz.timezone(zone)


def is_zone(zone: str) -> bool:
    """It is an IANA place, "UTC" or an offset such as "+01:00"."""
    return zone in zone_names() or _OFFSET.fullmatch(zone) is not None


def instant(day: date, at: time, zone: str) -> datetime:
    """The one instant at which clocks in `zone` show `at` on `day`: for what staff write.

    Raises NonexistentLocalTime and AmbiguousLocalTime: which one was meant is a question for people.
    """
    try:
        return _tzinfo(zone).localize(datetime.combine(day, at), is_dst=None).astimezone(UTC)
    except pytz.NonExistentTimeError:
        raise NonexistentLocalTime(day, at, zone) from None
    except pytz.AmbiguousTimeError:
        raise AmbiguousLocalTime(day, at, zone) from None


def moment(day: date, at: time, zone: str) -> datetime:
    """The instant of a computed wall time ("09:00 on that day"), which always exists once.

    After a gap: shifted forward by the length of the gap. Of a doubled hour: the first one.
    """
    try:
        return instant(day, at, zone)
    except (NonexistentLocalTime, AmbiguousLocalTime):
        return _with_offset_of(datetime.combine(day, at), zone, -_DAY)


def last_moment(day: date, at: time, zone: str) -> datetime:
    """As `moment`, but of a doubled hour the last one: for "until the end of"."""
    try:
        return instant(day, at, zone)
    except NonexistentLocalTime:
        return moment(day, at, zone)
    except AmbiguousLocalTime:
        return _with_offset_of(datetime.combine(day, at), zone, _DAY)


def end_of_day(day: date, zone: str) -> datetime:
    """The last second of a day in `zone`."""
    return last_moment(day, time(23, 59, 59), zone)


def _with_offset_of(wall: datetime, zone: str, away: timedelta) -> datetime:
    """`wall` read with the offset that holds a day before (or after) it; a whole-day gap works too."""
    there = (wall + away).replace(tzinfo=UTC).astimezone(_tzinfo(zone))
    offset = there.utcoffset()
    assert offset is not None  # noqa: S101 - pytz always knows
    return (wall - offset).replace(tzinfo=UTC)


def local(at: datetime, zone: str) -> datetime:
    """What clocks and calendars in `zone` show at an instant."""
    return at.astimezone(_tzinfo(zone))


def local_date(at: datetime, zone: str) -> date:
    """The day that calendars in `zone` show at an instant."""
    return local(at, zone).date()


def abbreviation(at: datetime, zone: str) -> str | None:
    """What people there call the time then ("CET", "CEST"); None where the tz database has just digits."""
    name = local(at, zone).tzname()
    return name if name and name.isalpha() and not _OFFSET.fullmatch(zone) else None


def offset_label(at: datetime, zone: str) -> str:
    """The distance from UTC for people: "UTC+2", "UTC−3:30", "UTC+5:45", "UTC+0"."""
    offset = local(at, zone).utcoffset() or timedelta()
    sign = _MINUS if offset < timedelta() else "+"
    hours, minutes = divmod(abs(offset) // timedelta(minutes=1), 60)
    return f"UTC{sign}{hours}" + (f":{minutes:02}" if minutes else "")


def previous_working_day(day: date, weekend: Iterable[int]) -> date:
    """The last day before `day` that is no weekend day; weekend: weekday numbers, Monday is 0."""
    return working_day_on_or_before(day - _DAY, weekend)


def working_day_on_or_before(day: date, weekend: Iterable[int]) -> date:
    """`day` itself, or the last day before it that is no weekend day."""
    days_off = frozenset(weekend)
    while day.weekday() in days_off:
        day -= _DAY
    return day
