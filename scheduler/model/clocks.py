"""How clocks were believed to go, kept so that a new release of the tz database can be compared with it.

Countries change their clocks at short notice (rule 39), and with a new release the old one is gone. So with
what is in force goes how the clocks of its zones go until the last date in it (rule 40, story US-16).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import partial

from scheduler.model import times
from scheduler.model.cycles import Cycle
from scheduler.model.network import Configuration
from scheduler.model.programme import DEADLINE_LENGTH, Occurrence, occurrences_of, span_of

#: (from this instant on, so far from UTC), in order; the first is where the span begins.
Steps = tuple[tuple[datetime, timedelta], ...]
#: When something begins and ends; aware UTC.
Span = tuple[datetime, datetime]

_FOREVER = datetime.max.replace(tzinfo=UTC)
#: A last session may be long, and its end be read in a zone far away.
_MARGIN = timedelta(days=2)
#: Before the release in the name of what its mails are about: "tzdata-2026f".
_PREFIX = "tzdata-"


def name_of(release: str) -> str:
    """What the mails of a release are about, in the place of an occurrence; no session has such a name."""
    return _PREFIX + release


@dataclass(frozen=True)
class ZoneClock:
    """The clock of one zone from the first of its steps on."""

    steps: Steps

    def offset(self, at: datetime) -> timedelta:
        """The distance from UTC at an instant; before the first step as from it on."""
        passed = [offset for since, offset in self.steps if since <= at]
        return passed[-1] if passed else self.steps[0][1]

    def zone(self, at: datetime) -> str:
        """That distance as a zone that never changes: "+01:00"."""
        minutes = self.offset(at) // timedelta(minutes=1)
        return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"

    def moment(self, day: date, at: time) -> datetime:
        """As `times.moment`: after a gap shifted forward by its length, of a doubled hour the first one."""
        wall, shifted = datetime.combine(day, at, UTC), None
        for position, (begins, offset) in enumerate(self.steps):
            found = wall - offset
            is_last = position + 1 == len(self.steps)
            if is_last or found < self.steps[position + 1][0]:
                return shifted if shifted and found < begins else found
            shifted = found
        raise AssertionError("a clock has a first step")

    def last_moment(self, day: date, at: time) -> datetime:
        """As `times.last_moment`: of a doubled hour the last one."""
        wall = datetime.combine(day, at, UTC)
        reached = [wall - offset for begins, offset in self.steps if wall - offset >= begins]
        return reached[-1] if reached else wall - self.steps[0][1]

    def goes_as(self, other: ZoneClock, start: datetime, end: datetime) -> bool:
        """Both show the same at every instant from `start` to `end`."""
        return self._between(start, end) == other._between(start, end)

    def then(self, other: ZoneClock, at: datetime) -> ZoneClock:
        """This clock until an instant, and another one from it on."""
        mine = tuple(step for step in self.steps if step[0] < at)
        return ZoneClock((*mine, *other._between(at, _FOREVER)))

    def _between(self, start: datetime, end: datetime) -> Steps:
        later = tuple(step for step in self.steps if start < step[0] <= end)
        return ((start, self.offset(start)), *later)


@dataclass(frozen=True)
class Clocks:
    """The clocks of several zones from one instant to another; a fixed offset needs none."""

    since: datetime
    until: datetime
    zones: Mapping[str, ZoneClock]

    def span(self, occurrence: Occurrence) -> Span | None:
        """When it was to begin and end; None where that was open, or lies outside of what is known."""
        clock = self.zones.get(occurrence.zone)
        if occurrence.starts_at is None or occurrence.ends_at is None:
            return None
        if clock is None:
            return occurrence.starts_at, occurrence.ends_at
        begins, ends = _span(occurrence, clock)
        return (begins, ends) if self.since <= begins and ends <= self.until else None

    def as_before(self, change: ClockChange) -> Clocks:
        """The clocks as they went before a change of which nobody was told."""
        before = {
            zone: clock.then(self.zones[zone], change.until) if zone in self.zones else clock
            for zone, clock in change.zones.items()
        }
        return Clocks(self.since, self.until, {**self.zones, **before})


def _span(occurrence: Occurrence, clock: ZoneClock) -> Span:
    if isinstance(occurrence.of, Cycle):
        deadline = occurrence.of.deadline
        ends_at = clock.last_moment(occurrence.on, deadline.at)
        return ends_at - DEADLINE_LENGTH, ends_at
    assert occurrence.session is not None  # noqa: S101 - what has a time is a session or a deadline
    begins, ends = span_of(occurrence.session, lambda day, at, _zone: clock.moment(day, at))
    assert begins is not None  # noqa: S101 - the caller has looked
    assert ends is not None  # noqa: S101 - as above
    return begins, ends


def clocks_of(configuration: Configuration, now: datetime) -> Clocks:
    """How the clocks of all zones of a configuration go, from now until everything in it is over."""
    everything = [o for part in configuration.parts for o in occurrences_of(part)]
    ends = (occurrence.ends_at for occurrence in everything if occurrence.ends_at)
    rounds = (cycle.last_instant for cycle in configuration.cycles)
    until = max([now, *ends, *rounds]) + _MARGIN
    zones = {member.zone for member in configuration.members} | {o.zone for o in everything}
    zones.add(configuration.network.zone)
    return Clocks(now, until, {zone: clock_of(zone, now, until) for zone in sorted(zones) if "/" in zone})


def clock_of(zone: str, start: datetime, end: datetime) -> ZoneClock:
    """How the clock of a zone goes by the tz database of this program."""
    return ZoneClock(times.offsets(zone, start, end))


@dataclass(frozen=True)
class ClockChange:
    """What another release of the tz database moved: found once, then looked at until people decide."""

    #: occurrence id -> when it was to begin and end, of what begins or ends at another instant now
    moved: Mapping[str, Span] = field(default_factory=dict)
    #: occurrence id -> when it begins, of what lies ahead at the same instant as before
    ahead: Mapping[str, datetime] = field(default_factory=dict)
    #: zone -> how its clock was believed to go, where that is not so any more
    zones: Mapping[str, ZoneClock] = field(default_factory=dict)
    #: until when the old clocks are known
    until: datetime = _FOREVER
    #: how many members read another hour
    cities: int = 0

    def hours_moved(self, occurrences: Iterable[Occurrence], zone: str) -> tuple[Occurrence, ...]:
        """Those that stand where they stood, and show another hour on clocks of this zone."""
        clock = self.zones.get(zone)
        if clock is None:
            return ()
        is_moved = partial(self._shows_another, clock, zone)
        return tuple(occurrence for occurrence in occurrences if is_moved(occurrence))

    def _shows_another(self, clock: ZoneClock, zone: str, occurrence: Occurrence) -> bool:
        at = occurrence.ends_at if occurrence.session is None else occurrence.starts_at
        if at is None or at > self.until:
            return False
        if isinstance(occurrence.of, Cycle):
            # what is written in the city's own hour shows that hour by any clock
            if occurrence.of.deadline.is_in_the_city or occurrence.id not in self.ahead:
                return False
        elif self.ahead.get(occurrence.id) != occurrence.starts_at:
            return False
        return clock.offset(at) != times.local(at, zone).utcoffset()


def find_change(configuration: Configuration, before: Clocks, now: datetime) -> ClockChange:
    """What lies ahead and is not as it was under the clocks of before."""
    spans = {
        o.id: (before.span(o), (o.starts_at, o.ends_at))
        for part in configuration.parts
        for o in occurrences_of(part)
        if not o.is_cancelled and not o.is_over(now)
    }
    known = {name: (then, today) for name, (then, today) in spans.items() if then}
    return ClockChange(
        moved={name: then for name, (then, today) in known.items() if then != today},
        ahead={name: then[0] for name, (then, today) in known.items() if then == today},
        zones={
            zone: clock
            for zone, clock in before.zones.items()
            if not clock.goes_as(clock_of(zone, now, before.until), now, before.until)
        },
        until=before.until,
    )


def clocks_to_text(clocks: Clocks) -> str:
    """Compact JSON: instants as ISO 8601, offsets in seconds."""
    return _json(
        {
            "since": clocks.since.isoformat(),
            "until": clocks.until.isoformat(),
            "zones": _zones_to_json(clocks.zones),
        }
    )


def clocks_from_text(text: str) -> Clocks:
    read = json.loads(text)
    return Clocks(_instant(read["since"]), _instant(read["until"]), _zones_from_json(read["zones"]))


def change_to_text(change: ClockChange) -> str:
    return _json(
        {
            "moved": {name: [at.isoformat() for at in span] for name, span in change.moved.items()},
            "ahead": {name: at.isoformat() for name, at in change.ahead.items()},
            "zones": _zones_to_json(change.zones),
            "until": change.until.isoformat(),
            "cities": change.cities,
        }
    )


def change_from_text(text: str) -> ClockChange:
    read = json.loads(text)
    return ClockChange(
        moved={name: (_instant(begins), _instant(ends)) for name, (begins, ends) in read["moved"].items()},
        ahead={name: _instant(at) for name, at in read["ahead"].items()},
        zones=_zones_from_json(read["zones"]),
        until=_instant(read["until"]),
        cities=int(read["cities"]),
    )


def _zones_to_json(zones: Mapping[str, ZoneClock]) -> dict[str, list[list[object]]]:
    return {
        zone: [[since.isoformat(), round(offset.total_seconds())] for since, offset in clock.steps]
        for zone, clock in zones.items()
    }


def _zones_from_json(read: Mapping[str, list[tuple[str, int]]]) -> dict[str, ZoneClock]:
    return {
        zone: ZoneClock(tuple((_instant(since), timedelta(seconds=offset)) for since, offset in steps))
        for zone, steps in read.items()
    }


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
