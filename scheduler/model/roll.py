"""Who is meant by what, for many sessions and many members: sets of members as bits of one number.

Members that a question cannot tell apart are asked once; the answers are joined with `&` and counted with
`bit_count`, so 6,000 sessions and 10,000 members take a second, not an hour.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from typing import TypeVar

from scheduler.model import times
from scheduler.model.audience import Audience
from scheduler.model.cycles import Cycle, Duty, Extension
from scheduler.model.members import Member, Standing
from scheduler.model.network import Configuration
from scheduler.model.programme import Occurrence

#: A set of members: bit 0 is the first of them.
Set = int

_K = TypeVar("_K", bound=Hashable)
_DAY = timedelta(days=1)


class Roll:
    """All members of a configuration, ready to be counted."""

    def __init__(self, configuration: Configuration) -> None:
        self.members = configuration.members
        self._home_zone = configuration.network.zone
        days = (session.on for series in configuration.series for session in series.sessions)
        self._since = min(days, default=date.max) - 2 * _DAY
        self._by_audience: dict[Audience, Set] = {}
        self._by_day: dict[date, Set] = {}
        self._at_midnight: dict[date, Mapping[timedelta, Set]] = {}

    # those for whom something holds

    def invited(self, occurrence: Occurrence) -> Set:
        """Members that are in the audience of a session, and members on its day (in the home zone)."""
        if occurrence.session is None:
            return 0
        return self.audience(occurrence.session.audience) & self.belonging(occurrence.day_in(self._home_zone))

    def audience(self, audience: Audience) -> Set:
        if audience not in self._by_audience:
            named = (*audience.members, *audience.left_out)
            self._by_audience[audience] = self._asked(self._alike_for_audiences, named, audience.includes)
        return self._by_audience[audience]

    def belonging(self, day: date) -> Set:
        """Members of the network on that day."""
        if day not in self._by_day:
            self._by_day[day] = _union(
                part for like, part in self._alike_by_membership if like.standing(day) is Standing.MEMBER
            )
        return self._by_day[day]

    def due(self, cycle: Cycle) -> Set:
        """Members that must report."""
        return self._asked(
            self._alike_by_membership, cycle.who.named, lambda member: cycle.duty(member) is Duty.DUE
        )

    def by_last_day(self, cycle: Cycle) -> Mapping[date, Set]:
        """Those who must report, by the date of their own deadline; the announced one without anybody too,
        unless all have more time."""
        due, found = self.due(cycle), dict[date, Set]()
        longer = (extension for extension in cycle.extensions if extension.until > cycle.deadline.on)
        for extension in sorted(longer, key=lambda extension: extension.until, reverse=True):
            part = due & self._given(extension)
            due &= ~part
            found[extension.until] = found.get(extension.until, 0) | part
        if due or not any(extension.is_for_all for extension in cycle.extensions):
            found[cycle.deadline.on] = due
        return found

    def _given(self, extension: Extension) -> Set:
        """Those whom an extension is for, whether they must report or not."""
        if extension.is_for_all:
            return (1 << len(self.members)) - 1
        positions = [self._positions[slug] for slug in extension.members if slug in self._positions]
        named = _set_of(positions) if positions else 0
        return named | _union(self.by_country.get(country, 0) for country in extension.countries)

    def at_local(self, at: datetime) -> Iterator[tuple[datetime, Set]]:
        """(what clocks show there when a session begins, the members whose clocks do), without a zone."""
        day, wall = at.date(), at.replace(tzinfo=None)
        offsets = self._offsets_of(day)
        if offsets != self._offsets_of(day + _DAY):  # somewhere clocks are changed in between
            offsets = self._offsets_at(at)
        return ((wall + offset, part) for offset, part in offsets.items())

    def _offsets_at(self, at: datetime) -> Mapping[timedelta, Set]:
        found: dict[timedelta, Set] = defaultdict(int)
        for zone, part in self._by_clock.items():
            found[_offset(at, zone)] |= part
        return found

    def _offsets_of(self, day: date) -> Mapping[timedelta, Set]:
        """At the beginning of a UTC day."""
        if day not in self._at_midnight:
            self._at_midnight[day] = self._offsets_at(datetime.combine(day, time(), UTC))
        return self._at_midnight[day]

    # those who are alike

    @cached_property
    def by_country(self) -> Mapping[str, Set]:
        return self._grouped(lambda member: member.country)

    @cached_property
    def countries(self) -> frozenset[str]:
        return frozenset(self.by_country)

    @cached_property
    def by_zone(self) -> Mapping[str, Set]:
        return self._grouped(lambda member: member.zone)

    @cached_property
    def _by_clock(self) -> Mapping[str, Set]:
        """One of the zones whose clocks show the same from the first session on -> its members."""
        alike: dict[Hashable, str] = {}
        found: dict[str, Set] = defaultdict(int)
        for zone, part in self.by_zone.items():
            found[alike.setdefault(times.clock_from(zone, self._since), zone)] |= part
        return found

    @cached_property
    def by_weekend(self) -> Mapping[tuple[int, ...], Set]:
        return self._grouped(lambda member: member.weekend)

    @cached_property
    def _alike_for_audiences(self) -> Sequence[tuple[Member, Set]]:
        """Nothing but the slug tells the members of a part apart for an audience."""
        return self._parts(
            lambda member: (member.region, member.country, member.languages[0], member.memberships)
        )

    @cached_property
    def _alike_by_membership(self) -> Sequence[tuple[Member, Set]]:
        return self._parts(lambda member: member.memberships)

    @cached_property
    def _positions(self) -> Mapping[str, int]:
        return {member.slug: position for position, member in enumerate(self.members)}

    def of(self, members: Set, most: int) -> Iterator[Member]:
        """The first few members of a set."""
        while members and most > 0:
            position = (members & -members).bit_length() - 1
            yield self.members[position]
            members &= members - 1
            most -= 1

    def _asked(
        self, parts: Sequence[tuple[Member, Set]], named: Iterable[str], holds: Callable[[Member], bool]
    ) -> Set:
        """Those for whom it holds: one of each part is asked, and who is named is asked alone."""
        found = _union(part for like, part in parts if holds(like))
        for slug in named:
            position = self._positions.get(slug)
            if position is not None:
                bit = 1 << position
                found = found | bit if holds(self.members[position]) else found & ~bit
        return found

    def _parts(self, likeness: Callable[[Member], Hashable]) -> Sequence[tuple[Member, Set]]:
        grouped = self._grouped(likeness)
        # without its own name, because it stands for all of them
        return [(replace(next(self.of(part, 1)), slug=""), part) for part in grouped.values()]

    def _grouped(self, key: Callable[[Member], _K]) -> Mapping[_K, Set]:
        positions: dict[_K, list[int]] = defaultdict(list)
        for position, member in enumerate(self.members):
            positions[key(member)].append(position)
        return {shared: _set_of(which) for shared, which in positions.items()}


def _set_of(positions: Sequence[int]) -> Set:
    """Made of octets, because to add one bit after the other copies a long number each time."""
    octets = bytearray(max(positions) // 8 + 1)
    for position in positions:
        octets[position // 8] |= 1 << position % 8
    return int.from_bytes(octets, "little")


def _union(parts: Iterable[Set]) -> Set:
    found = 0
    for part in parts:
        found |= part
    return found


def _offset(at: datetime, zone: str) -> timedelta:
    return times.local(at, zone).utcoffset() or timedelta()
