"""Every feed as bytes, under the path it has over HTTP."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import InitVar, dataclass, field
from datetime import date, datetime, time, timedelta
from functools import cached_property
from hashlib import sha256
from unicodedata import normalize

from scheduler.ical.feeds import render_download, render_feed
from scheduler.languages import Language, language
from scheduler.model import times
from scheduler.model.audience import Audience
from scheduler.model.changes import ending
from scheduler.model.cycles import Cycle, Duty
from scheduler.model.members import Member
from scheduler.model.moments import belongs
from scheduler.model.network import Partner
from scheduler.model.programme import Occurrence, Window, build_programme
from scheduler.model.series import Series
from scheduler.service.feed_items import Items, closing_item, is_over, over_at
from scheduler.service.in_force import InForce
from scheduler.service.links import Links

#: How long what is over stays in a feed, with the link to its recording.
PAST_STAYS = timedelta(days=365)
#: How far ahead feeds look.
AHEAD = timedelta(days=5 * 365)
#: Of the items of a public feed; with what stands around them it stays under 1 MB.
MOST_OCTETS = 998_000
#: How long a cancelled session stays, so that every client hears of it (rule 53).
CANCELLED_STAYS = timedelta(days=30)
#: How long the feed of a city that left the network stays, to say so.
CLOSING_STAYS = timedelta(days=30)


@dataclass(frozen=True)
class Feed:
    """One calendar to subscribe to."""

    #: as over HTTP, "/feeds/all.ics"
    path: str
    name: str
    octets: bytes


@dataclass(frozen=True)
class _Outline:
    """What a public calendar holds, before it is said in a language."""

    path: str
    #: its name in a language
    name: Callable[[Language], str]
    shown: tuple[Occurrence, ...]
    #: whose calendar it is, where it is said in a way of its own
    partner: Partner | None = None


@dataclass
class Feeds:
    """The feeds of one configuration at one moment."""

    in_force: InForce
    links: Links
    now: datetime
    #: the feeds that these replace: an item that is still the same is taken from there
    before: InitVar[Feeds | None] = None
    _items: Items = field(init=False, repr=False)

    def __post_init__(self, before: Feeds | None) -> None:
        self._items = Items(self.in_force, self._programme, self.now, before._items if before else None)

    def all_feeds(self) -> Iterator[Feed]:
        """Every public feed, then every city's own that is not closed."""
        yield from self.public_feeds()
        for member in self.in_force.configuration.members:
            if not self.is_closed(member):
                yield self.city_feed(member)

    def public_feeds(self) -> Iterator[Feed]:
        return (self._feed(outline, self.words) for outline in self._calendars.values())

    def downloads(self) -> Iterator[Feed]:
        """Each session as a file of its own; what was cancelled, or has no time yet, says so. An address that
        was there once stays."""
        return (self._file(occurrence, self.words) for occurrence in self._files.values())

    def has(self, path: str) -> bool:
        """A public feed or a download."""
        return path in self._calendars or path in self._files

    def in_language(self, path: str, words: Language) -> Feed:
        """A public feed or a download as another language says it. Raises KeyError for any other path."""
        if path in self._calendars:
            return self._feed(self._calendars[path], words)
        return self._file(self._files[path], words)

    def turns(self) -> list[datetime]:
        """The instants at which feeds change by themselves, in order: a session is over and names its
        recording, or has been there long enough; a membership ends. Until the next of them all bytes stay as
        they are."""
        found = {self.in_force.since.applied_at}
        for occurrence in self.in_force.occurrences.values():
            ends = over_at(occurrence)
            begins = occurrence.starts_at or times.moment(occurrence.on, time.min, occurrence.zone)
            if occurrence.session is None:
                begins = ends  # as deadlines count in a programme
            changed = self._last_told_of(occurrence)
            found |= {begins - AHEAD, begins + PAST_STAYS, ends, changed, changed + CANCELLED_STAYS}
        return sorted(found | self._closings())

    def _closings(self) -> set[datetime]:
        """When cities' feeds come down to the one item that closes them, and when that is gone, too."""
        zone, members = self.in_force.network.zone, self.in_force.configuration.members
        ends = [(member, m.until) for member in members for m in member.memberships if m.until]
        last_days = {last_day for _, last_day in ends}
        closed = {self._closing_until(member, last_day) for member, last_day in ends}
        return {times.moment(day + date.resolution, time.min, zone) for day in last_days | closed}

    def _closing_until(self, member: Member, last_day: date) -> date:
        """The last day of the closing item: who hears late that it is over hears it for as long."""
        known_at = self.in_force.since.created.get(ending(member, last_day))
        if known_at is None:  # it came into force before that was written down
            return last_day + CLOSING_STAYS
        return max(last_day, times.local_date(known_at, self.in_force.network.zone)) + CLOSING_STAYS

    def city_feed(self, member: Member, words: Language | None = None) -> Feed:
        """What one city is invited to, and its own deadlines, on its own clock; of one whose membership is
        over, the one item that says so.

        words: another language than the one its mails are written in.
        """
        network = self.in_force.network
        words = words or language(member.languages[0], network.languages)
        last_day = member.ended_on(self._today)
        items = list(self._items_of(member, words)) if last_day is None else []
        if last_day:
            items.append(closing_item(member, last_day, network, words))
        name = words.say("{network}: {city}", network=network.name, city=member.name)
        return Feed(self.links.city_feed_path(member.slug), name, render_feed(name, items))

    def _items_of(self, member: Member, words: Language) -> Iterator[bytes]:
        for occurrence in self._programme:
            if self._concerns(occurrence, member):
                yield self._items.private(occurrence, member, words)

    def is_closed(self, member: Member) -> bool:
        """Its membership ended so long ago that nothing is at its address any more (story US-25.3)."""
        last_day = member.ended_on(self._today)
        return last_day is not None and self._closing_until(member, last_day) < self._today

    @cached_property
    def _today(self) -> date:
        return times.local_date(self.now, self.in_force.network.zone)

    @property
    def words(self) -> Language:
        """The language of public feeds, where no other is asked for."""
        return language("en", self.in_force.network.languages)

    @cached_property
    def _programme(self) -> tuple[Occurrence, ...]:
        """All that feeds show, in their order."""
        window = Window(self.now - PAST_STAYS, self.now + AHEAD)
        return tuple(o for o in build_programme(self.in_force.configuration, window) if self._shows(o))

    @cached_property
    def _calendars(self) -> dict[str, _Outline]:
        return {outline.path: outline for outline in self._outlines()}

    @cached_property
    def _files(self) -> dict[str, Occurrence]:
        return {f"/sessions/{o.id}.ics": o for o in self._programme if o.session}

    def _outlines(self) -> Iterator[_Outline]:
        """Every public feed, in the order of the page."""
        network, configuration = self.in_force.network, self.in_force.configuration
        crowd = _Crowd(tuple(o for o in self._programme if o.session), configuration.members)
        yield _Outline("/feeds/all.ics", lambda _: network.name, crowd.sessions)
        by_series = _by_series(crowd.sessions)
        for series in configuration.series:
            mine = tuple(by_series.get(series.id, ()))
            yield _Outline(f"/feeds/series/{series.id}.ics", _plainly(series.title), mine)
        for region in network.regions:
            cities = {member.slug for member in configuration.members if member.region == region.id}
            path = f"/feeds/region/{region.id}.ics"
            yield _Outline(path, self._part(region.name), crowd.sessions_for(cities))
        for code in sorted({member.languages[0] for member in configuration.members}):
            cities = {member.slug for member in configuration.members if member.languages[0] == code}
            path = f"/feeds/language/{code}.ics"
            yield _Outline(path, self._part_in(code), crowd.sessions_for(cities))
        for group, audiences in _groups(configuration.series).items():
            reached = frozenset[str]().union(*map(crowd.reach, audiences))
            path = f"/feeds/group/{group}.ics"
            yield _Outline(path, self._part(audiences[0].label), crowd.sessions_for(reached))
        public = tuple(o for o in crowd.sessions if o.session and o.session.public)
        for partner in network.partners:
            path = f"/feeds/partner/{partner.id}.ics"
            yield _Outline(path, self._part(partner.name), public, partner)
        deadlines = tuple(occurrence for occurrence in self._programme if occurrence.session is None)
        yield _Outline("/feeds/deadlines.ics", self._deadlines, deadlines)

    def _part(self, label: str) -> Callable[[Language], str]:
        """The name of a feed that is called in staff's own words."""
        network = self.in_force.network.name
        return lambda words: words.say("{network}: {part}", network=network, part=label)

    def _part_in(self, code: str) -> Callable[[Language], str]:
        network = self.in_force.network.name
        return lambda words: words.say("{network}: {part}", network=network, part=words.name_of(code))

    def _deadlines(self, words: Language) -> str:
        return words.say("{network}: deadlines", network=self.in_force.network.name)

    def _feed(self, outline: _Outline, words: Language) -> Feed:
        name = outline.name(words)
        items = [self._item(occurrence, outline.partner, words) for occurrence in outline.shown]
        if sum(map(len, items)) > MOST_OCTETS:
            past = [is_over(occurrence, self.now) for occurrence in outline.shown]
            items = list(_that_fit(items, past))
        return Feed(outline.path, name, render_feed(name, items))

    def _item(self, occurrence: Occurrence, partner: Partner | None, words: Language) -> bytes:
        if partner is None:
            return self._items.public(occurrence, words)
        return self._items.of_partner(occurrence, partner, words)

    def _file(self, occurrence: Occurrence, words: Language) -> Feed:
        octets = render_download(self._items.public(occurrence, words))
        return Feed(f"/sessions/{occurrence.id}.ics", occurrence.title, octets)

    def _concerns(self, occurrence: Occurrence, member: Member) -> bool:
        if isinstance(occurrence.of, Cycle):
            deadline_at = occurrence.of.deadline_of(member).instant
            day = times.local_date(deadline_at, self.in_force.network.zone)
            return occurrence.of.duty(member) is Duty.DUE and belongs(occurrence, member, day)
        return occurrence.invites(member, self.in_force.network)

    def _shows(self, occurrence: Occurrence) -> bool:
        """What was cancelled stays until its day is over and everybody could see it."""
        if not occurrence.is_cancelled or not is_over(occurrence, self.now):
            return True
        return self._last_told_of(occurrence) + CANCELLED_STAYS > self.now

    def _last_told_of(self, occurrence: Occurrence) -> datetime:
        """Its last significant change: another title brings nothing back that was cancelled long ago."""
        revision = self.in_force.revisions[occurrence.id]
        return self.in_force.since.occurrences.get(occurrence.id, revision.changed_at)


def _that_fit(items: Sequence[bytes], past: Sequence[bool]) -> Iterator[bytes]:
    """A calendar that is larger is not read at all (rule 56). The oldest that are over go first, and then
    what is furthest ahead, which will come nearer.

    past: whether it is over, of each item.
    """
    numbers = range(len(items))
    ahead = (number for number in reversed(numbers) if not past[number])
    octets, left_out = sum(map(len, items)), set()
    for number in (*(number for number in numbers if past[number]), *ahead):
        if octets <= MOST_OCTETS:
            break
        left_out.add(number)
        octets -= len(items[number])
    return (items[number] for number in numbers if number not in left_out)


def _plainly(name: str) -> Callable[[Language], str]:
    return lambda _: name


class _Crowd:
    """Sessions by whom they are for; of many sessions few audiences differ."""

    def __init__(self, sessions: tuple[Occurrence, ...], members: Sequence[Member]) -> None:
        self.sessions = sessions
        self._members = members
        self._reach: dict[Audience, frozenset[str]] = {}
        numbers: dict[Audience, int] = {}
        #: beside each session the number of its audience
        self._numbers = [numbers.setdefault(_audience(o), len(numbers)) for o in sessions]
        self._audiences = tuple(numbers)

    def reach(self, audience: Audience) -> frozenset[str]:
        """The short names of the cities that an audience means."""
        if audience not in self._reach:
            found = (member.slug for member in self._members if audience.includes(member))
            self._reach[audience] = frozenset(found)
        return self._reach[audience]

    def sessions_for(self, cities: Collection[str]) -> tuple[Occurrence, ...]:
        """Those that are for any of these cities, in their order."""
        meant = [not self.reach(audience).isdisjoint(cities) for audience in self._audiences]
        pairs = zip(self.sessions, self._numbers, strict=True)
        return tuple(session for session, number in pairs if meant[number])


def _audience(occurrence: Occurrence) -> Audience:
    assert occurrence.session is not None  # noqa: S101 - asked of sessions only
    return occurrence.session.audience


def _by_series(sessions: Iterable[Occurrence]) -> dict[str, list[Occurrence]]:
    found: dict[str, list[Occurrence]] = {}
    for occurrence in sessions:
        found.setdefault(occurrence.of.id, []).append(occurrence)
    return found


def _groups(series: Iterable[Series]) -> dict[str, list[Audience]]:
    """The audiences that sessions are for, other than everyone, under an id made of their words.

    Those of long ago too: nobody who has subscribed to a group may find that it is not there.
    """
    sessions = [session for one in series for session in one.sessions if not session.audience.everyone]
    by_words: dict[str, list[Audience]] = {}
    for audience in (session.audience for session in sessions):
        meant = by_words.setdefault(_words(audience.label), [])
        if audience not in meant:
            meant.append(audience)
    first_come = sorted((session.on, _words(session.audience.label)) for session in sessions)
    ids = _ids_of(dict.fromkeys(words for _, words in first_come))
    return {ids[words]: meant for words, meant in by_words.items()}


def _words(label: str) -> str:
    """What remains of a label when it is typed anew: letters in any script, no commas or capitals."""
    return " ".join(re.findall(r"\w+", normalize("NFKC", label).casefold())) or label


def _ids_of(labels: Iterable[str]) -> dict[str, str]:
    """Of labels that look alike in plain letters the first one, that of the earliest session, has these
    alone: a label that comes later takes no address from another."""
    found: dict[str, str] = {}
    taken = {""}
    for label in labels:
        plain = _plain(label)
        found[label] = f"{plain}-{_short_hash(label)}".lstrip("-") if plain in taken else plain
        taken.add(found[label])
    return found


def _plain(label: str) -> str:
    """Gives "latin-america-caribbean" of "Latin America / Caribbean"; nothing of Cyrillic letters."""
    plain = normalize("NFKD", label).encode("ascii", "ignore").decode().lower()
    return "-".join(re.findall("[a-z0-9]+", plain))


def _short_hash(label: str) -> str:
    return sha256(label.encode()).hexdigest()[:6]
