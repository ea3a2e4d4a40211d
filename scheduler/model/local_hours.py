"""The hours at which sessions begin where members are: at night, or at an hour nobody there is used to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache

from scheduler.model import times
from scheduler.model.programme import Occurrence
from scheduler.model.roll import Roll, Set

#: Hours of the night there (story US-06.4); the first belongs to it, the second does not.
NIGHT = (time(22), time(6))
#: The same for a sentence.
NIGHT_HOURS = " to ".join(f"{at:%H:%M}" for at in NIGHT)
#: A difference between two clocks that holds for fewer days than this is not what people are used to: a
#: week in March for most, eight in spring for Chile.
_PASSING_DAYS = 60
_DAY = timedelta(days=1)


def is_at_night(local: datetime) -> bool:
    begin, end = NIGHT
    return local.time() >= begin or local.time() < end


@dataclass(frozen=True)
class Night:
    """One session, and the members for whom it begins at night."""

    occurrence: Occurrence
    invited: Set
    #: what clocks show there -> the members whose clocks do
    awake_at: Mapping[datetime, Set]

    @property
    def members(self) -> Set:
        found = 0
        for part in self.awake_at.values():
            found |= part
        return found


def nights(occurrences: Iterable[Occurrence], roll: Roll) -> Iterator[Night]:
    """The sessions that begin at night for somebody."""
    for occurrence in occurrences:
        if occurrence.starts_at is None or occurrence.is_off:
            continue
        invited = roll.invited(occurrence)
        there = ((here, part & invited) for here, part in roll.at_local(occurrence.starts_at))
        at_night = {here: part for here, part in there if part and is_at_night(here)}
        if at_night:
            yield Night(occurrence, invited, at_night)


@dataclass(frozen=True)
class Surprise:
    """One session, and the members whose hour is not the one they are used to."""

    occurrence: Occurrence
    #: (what clocks show there, what they would usually show) -> members
    hours: Mapping[tuple[datetime, datetime], Set]


def surprises(occurrences: Iterable[Occurrence], roll: Roll, home_zone: str) -> Iterator[Surprise]:
    """Sessions in weeks in which a city is nearer to Hamburg, or further away, than people there are used to.

    Europe changes its clocks on other days than the Americas, Victoria, Egypt or Chile: for a few weeks
    a webinar begins an hour earlier or later there than it does for most of the year (story US-07).
    """
    timed = [o for o in occurrences if o.starts_at and not o.is_off]
    clocks = _clocks(roll, min((o.on for o in timed), default=date(2000, 1, 1)))
    for occurrence in timed:
        assert occurrence.starts_at  # noqa: S101 - just chosen so
        invited, day = roll.invited(occurrence), occurrence.day_in(home_zone)
        hours: dict[tuple[datetime, datetime], Set] = defaultdict(int)
        for zone, members in clocks:
            shift = _shift(day, zone, home_zone)
            if shift and members & invited:
                here = times.local(occurrence.starts_at, zone).replace(tzinfo=None)
                hours[here, here - shift] |= members & invited
        if hours:
            yield Surprise(occurrence, hours)


def _clocks(roll: Roll, since: date) -> list[tuple[str, Set]]:
    """One zone of those that show the same for all that matters, and the members in all of them."""
    alike: dict[Hashable, tuple[str, Set]] = {}
    for zone, members in roll.by_zone.items():
        clock = times.clock_from(zone, since - 2 * _PASSING_DAYS * _DAY)
        first, others = alike.get(clock, (zone, 0))
        alike[clock] = (first, others | members)
    return list(alike.values())


@lru_cache(maxsize=100_000)
def _shift(day: date, zone: str, home_zone: str) -> timedelta:
    """How much further ahead the zone is than before its few weeks began; nothing on most days."""
    difference = _difference(day, zone, home_zone)
    first = last = day
    while _difference(first - _DAY, zone, home_zone) == difference:
        first -= _DAY
        if (last - first).days >= _PASSING_DAYS:
            return timedelta()
    while _difference(last + _DAY, zone, home_zone) == difference:
        last += _DAY
        if (last - first).days >= _PASSING_DAYS:
            return timedelta()
    return difference - _difference(first - _DAY, zone, home_zone)


@lru_cache(maxsize=200_000)
def _difference(day: date, zone: str, home_zone: str) -> timedelta:
    """Between the two clocks, at noon UTC, when hardly any place changes its own."""
    noon = times.moment(day, time(12), "UTC")
    there, home = (times.local(noon, name).utcoffset() or timedelta() for name in (zone, home_zone))
    return there - home
