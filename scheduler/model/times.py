"""Wall time + zone -> instant and back. The only door to pytz.

A zone is an IANA name ("Europe/Berlin") or a fixed offset ("+01:00"). A label such as "CET" is neither:
it is given its meaning in network.yaml and never comes here. Instants are aware and in UTC.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache

import pytz

from scheduler.errors import AmbiguousLocalTime, NonexistentLocalTime, UnknownZone

#: The clocks of the Earth go from UTC−12 to UTC+14, by quarters of an hour.
_OFFSET = re.compile(r"(?!\+14:(?!00)|-12:(?!00)|-1[34])([+-])(0[0-9]|1[0-4]):(00|15|30|45)")
#: The first line of tzdata.zi; pytz's own copy says "unknown" there, and has the release in its code.
_RELEASE = re.compile(rb"# version (\d{4}[a-z]+)\s")
_DAY = timedelta(days=1)
_MINUS = "\N{MINUS SIGN}"

#: The years whose clock changes are known: before, the tz database is a guess; pytz has none for later.
FIRST_YEAR, LAST_YEAR = 1970, 2037

#: Names with a slash that are no places: Etc/GMT+9 is nine hours *behind* UTC, which nobody means.
_NO_PLACES = ("Etc/", "SystemV/", "US/", "posix/", "right/")

#: Where old names of towns stand that belong to no country any more (Asia/Calcutta); Australia/North is none.
_WITH_TOWNS = ("Africa/", "America/", "Asia/", "Atlantic/", "Europe/", "Pacific/", "Australia/Canberra")

#: The zone of most people, where the tz database (which goes from east to west) does not begin with it.
_MAIN_ZONES = {
    "AU": "Australia/Sydney",
    "BR": "America/Sao_Paulo",
    "CA": "America/Toronto",
    "FM": "Pacific/Pohnpei",
    "RU": "Europe/Moscow",
    "UA": "Europe/Kyiv",
    "UZ": "Asia/Tashkent",
}


@lru_cache(maxsize=1)
def tzdata_version() -> str:
    """The release of the tz database that instants are computed with, such as "2026f".

    It comes with pytz, but may be another one (PYTZ_TZDATADIR, packages of Linux distributions): then its
    own files name it.
    """
    with suppress(OSError), pytz.open_resource("tzdata.zi") as file:  # type: ignore[attr-defined]
        named = _RELEASE.match(file.readline())
        if named:
            return str(named[1].decode())
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
def zones_of(country: str) -> tuple[str, ...]:
    """The zones of a country (ISO 3166-1 alpha-2); none where the tz database does not know it."""
    return tuple(pytz.country_timezones.get(country, ()))


@lru_cache(maxsize=1)
def towns() -> Mapping[str, tuple[str, ...]]:
    """Town as the tz database spells it ("Sao Paulo") -> its zone, under its new and its old names."""
    found: dict[str, tuple[str, ...]] = {}
    with_country = {zone for zones in pytz.country_timezones.values() for zone in zones}
    for zone in sorted(zone_names(), key=lambda name: (name not in with_country, name)):
        if zone in with_country or zone.startswith(_WITH_TOWNS):
            town = zone.rpartition("/")[2].replace("_", " ")
            found[town] = (*found.get(town, ()), zone)
    return found


@lru_cache(maxsize=1)
def countries() -> Mapping[str, tuple[str, ...]]:
    """Country as the tz database calls it ("Korea (South)") -> its zones, the most common one first."""
    names, zones = pytz.country_names, pytz.country_timezones
    return {names[code]: _main_first(code, zones[code]) for code in zones if code in names}


def _main_first(code: str, zones: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(zones, key=lambda zone: zone != _MAIN_ZONES.get(code)))


@lru_cache(maxsize=1024)
def country_of(zone: str) -> str | None:
    """The country (ISO 3166-1 alpha-2) whose time a zone tells; None for an offset."""
    return next((code for code, zones in pytz.country_timezones.items() if zone in zones), None)


def country_name(country: str) -> str:
    """Its English name; the code where there is none."""
    return str(pytz.country_names.get(country, country))


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


@lru_cache(maxsize=1024)
def clock_from(zone: str, since: date) -> Hashable:
    """Equal for zones whose clocks show the same from that day (UTC) on, whatever they are called."""
    begin = datetime.combine(since, time(), UTC)
    return (local(begin, zone).utcoffset(), *(change for change in _changes(zone) if change[0] > begin))


def offsets(zone: str, start: datetime, end: datetime) -> tuple[tuple[datetime, timedelta], ...]:
    """How the clock of a zone goes: (from this instant on, so far from UTC), in order.

    The first is `start`, the last not after `end`; what only changes the name of the time is left out.
    """
    found = [(start, local(start, zone).utcoffset() or timedelta())]
    for at, offset in _changes(zone):
        if start < at <= end and offset != found[-1][1]:
            found.append((at, offset))
    return tuple(found)


@lru_cache(maxsize=1024)
def _changes(zone: str) -> tuple[tuple[datetime, timedelta], ...]:
    """Every change of the clock: the instant, and the distance from UTC from then on."""
    tzinfo = _tzinfo(zone)
    if not isinstance(tzinfo, pytz.tzinfo.DstTzInfo):
        return ()
    # pytz has no public list of them
    changes = zip(tzinfo._utc_transition_times, tzinfo._transition_info, strict=True)  # type: ignore[attr-defined]
    return tuple((at.replace(tzinfo=UTC), offset) for at, (offset, *_) in changes if at.year > 1)


@lru_cache(maxsize=100_000)
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


@lru_cache(maxsize=100_000)
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


def working_day_on_or_after(day: date, weekend: Iterable[int]) -> date:
    """`day` itself, or the next day after it that is no weekend day."""
    days_off = frozenset(weekend)
    while day.weekday() in days_off:
        day += _DAY
    return day
