"""Every feed as bytes, under the path it has over HTTP."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from functools import cached_property
from unicodedata import normalize

from scheduler.ical.events import Revision, day_event, deadline_event, session_event
from scheduler.ical.feeds import feed_item, render_download, render_feed
from scheduler.ical.words import case_words, cycle_words, private_words, public_words
from scheduler.languages import Language, language
from scheduler.model import times
from scheduler.model.audience import Audience
from scheduler.model.cycles import Cycle, Duty
from scheduler.model.members import Member, Standing
from scheduler.model.programme import DEADLINE_LENGTH, Occurrence, Window, build_programme
from scheduler.model.series import Series
from scheduler.service.in_force import InForce
from scheduler.service.links import Links

#: How long what is over stays in a feed, with the link to its recording.
PAST_STAYS = timedelta(days=365)
#: How far ahead feeds look.
AHEAD = timedelta(days=5 * 365)
#: How long a cancelled session stays, so that every client hears of it (rule 53).
CANCELLED_STAYS = timedelta(days=30)


@dataclass(frozen=True)
class Feed:
    """One calendar to subscribe to."""

    #: as over HTTP, "/feeds/all.ics"
    path: str
    name: str
    octets: bytes


@dataclass
class Feeds:
    """The feeds of one configuration at one moment; each item is built once."""

    in_force: InForce
    links: Links
    now: datetime
    _items: dict[tuple[object, ...], bytes] = field(default_factory=dict)

    def all_feeds(self) -> Iterator[Feed]:
        """Every public feed, then every city's own."""
        yield from self.public_feeds()
        for member in self.in_force.configuration.members:
            yield self.city_feed(member)

    def public_feeds(self) -> Iterator[Feed]:
        network, configuration = self.in_force.network, self.in_force.configuration
        sessions = [occurrence for occurrence in self._programme if occurrence.session]
        yield self._public("/feeds/all.ics", network.name, sessions)
        for series in configuration.series:
            mine = [o for o in sessions if o.of.id == series.id]
            yield self._public(f"/feeds/series/{series.id}.ics", series.title, mine)
        for region in network.regions:
            members = [member for member in configuration.members if member.region == region.id]
            yield self._shared(f"/feeds/region/{region.id}.ics", region.name, sessions, members)
        for code in sorted({member.languages[0] for member in configuration.members}):
            members = [member for member in configuration.members if member.languages[0] == code]
            yield self._shared(f"/feeds/language/{code}.ics", self._words.name_of(code), sessions, members)
        for group, audiences in _groups(configuration.series).items():
            members = [m for m in configuration.members if any(a.includes(m) for a in audiences)]
            yield self._shared(f"/feeds/group/{group}.ics", audiences[0].label, sessions, members)
        yield self._deadlines()

    def downloads(self) -> Iterator[Feed]:
        """Each session that has a time as a file of its own; what was cancelled says so."""
        for occurrence in self._programme:
            if occurrence.session and occurrence.starts_at:
                octets = render_download(self._public_item(occurrence))
                yield Feed(f"/sessions/{occurrence.id}.ics", occurrence.title, octets)

    def turns(self) -> list[datetime]:
        """The instants at which feeds change by themselves, in order: a session is over and names its
        recording, or has been there long enough. Until the next of them all bytes stay as they are."""
        found = {self.in_force.since.applied_at}
        for occurrence in self.in_force.occurrences.values():
            last_midnight = datetime.combine(occurrence.last_day, time.min, UTC)
            ends = occurrence.ends_at or last_midnight + timedelta(days=1)
            begins = occurrence.starts_at or times.moment(occurrence.on, time.min, occurrence.zone)
            if occurrence.session is None:
                begins = ends  # as deadlines count in a programme
            changed = self._revision(occurrence).changed_at
            found |= {begins - AHEAD, begins + PAST_STAYS, ends, changed, changed + CANCELLED_STAYS}
        return sorted(found)

    def city_feed(self, member: Member) -> Feed:
        """What one city is invited to, and its own deadlines, on its own clock."""
        network = self.in_force.network
        words = language(member.languages[0], network.languages)
        items = [
            self._private_item(occurrence, member, words)
            for occurrence in self._programme
            if self._concerns(occurrence, member)
        ]
        name = words.say("{network}: {city}", network=network.name, city=member.name)
        return Feed(self.links.city_feed_path(member.slug), name, render_feed(name, items))

    @property
    def _words(self) -> Language:
        return language("en", self.in_force.network.languages)

    @cached_property
    def _programme(self) -> tuple[Occurrence, ...]:
        """All that feeds show, in their order."""
        window = Window(self.now - PAST_STAYS, self.now + AHEAD)
        return tuple(o for o in build_programme(self.in_force.configuration, window) if self._shows(o))

    def _concerns(self, occurrence: Occurrence, member: Member) -> bool:
        if isinstance(occurrence.of, Cycle):
            day = times.local_date(occurrence.of.deadline.instant, self.in_force.network.zone)
            return occurrence.of.duty(member) is Duty.DUE and member.standing(day) is Standing.MEMBER
        return occurrence.invites(member, self.in_force.network)

    def _shows(self, occurrence: Occurrence) -> bool:
        """What was cancelled stays until its day is over and everybody could see it."""
        if not occurrence.is_cancelled or not self._is_over(occurrence):
            return True
        return self._revision(occurrence).changed_at + CANCELLED_STAYS > self.now

    def _is_over(self, occurrence: Occurrence) -> bool:
        return occurrence.ends_at <= self.now if occurrence.ends_at else occurrence.last_day < self.now.date()

    def _public(self, path: str, name: str, sessions: Iterable[Occurrence]) -> Feed:
        return Feed(path, name, render_feed(name, [self._public_item(occurrence) for occurrence in sessions]))

    def _shared(self, path: str, of: str, sessions: Iterable[Occurrence], members: Sequence[Member]) -> Feed:
        """The sessions that are for any of these members."""
        name = self._words.say("{network}: {part}", network=self.in_force.network.name, part=of)
        return self._public(path, name, [o for o in sessions if _is_for(o, members)])

    def _deadlines(self) -> Feed:
        network = self.in_force.network
        name = self._words.say("{network}: deadlines", network=network.name)
        items = [self._cycle_item(o) for o in self._programme if isinstance(o.of, Cycle)]
        return Feed("/feeds/deadlines.ics", name, render_feed(name, items))

    def _public_item(self, occurrence: Occurrence) -> bytes:
        key = ("public", occurrence.id)
        if key not in self._items:
            network, revision = self.in_force.network, self._revision(occurrence)
            words = public_words(occurrence, network, self._words, is_over=self._is_over(occurrence))
            event = session_event(occurrence, occurrence.uid(network), revision.sequence, words)
            self._items[key] = feed_item(event, revision)
        return self._items[key]

    def _private_item(self, occurrence: Occurrence, member: Member, words: Language) -> bytes:
        """The same for all on one clock; a deadline is the city's own, with a UID of its own."""
        cycle = occurrence.of
        own = (member.slug,) if isinstance(cycle, Cycle) else ()
        key = ("private", occurrence.id, member.zone, words, *own)
        if key not in self._items:
            network, revision = self.in_force.network, self._revision(occurrence)
            if isinstance(cycle, Cycle):
                uid = f"{cycle.id}.{member.slug}@{network.uid_domain}"
                ends_at = cycle.deadline.instant
                said = case_words(cycle, member.zone, network, words)
                event = deadline_event(uid, ends_at - DEADLINE_LENGTH, ends_at, revision.sequence, said)
            else:
                is_over = self._is_over(occurrence)
                said = private_words(occurrence, member.zone, network, words, is_over=is_over)
                event = session_event(occurrence, occurrence.uid(network), revision.sequence, said)
            self._items[key] = feed_item(event, revision)
        return self._items[key]

    def _cycle_item(self, occurrence: Occurrence) -> bytes:
        cycle, network, revision = occurrence.of, self.in_force.network, self._revision(occurrence)
        assert isinstance(cycle, Cycle)  # noqa: S101 - asked of deadlines only
        words = cycle_words(cycle, network, self._words)
        event = day_event(occurrence.uid(network), cycle.deadline.on, revision.sequence, words)
        return feed_item(event, revision)

    def _revision(self, occurrence: Occurrence) -> Revision:
        return self.in_force.revisions[occurrence.id]


def _is_for(occurrence: Occurrence, members: Sequence[Member]) -> bool:
    return occurrence.session is not None and any(map(occurrence.session.audience.includes, members))


def _groups(series: Iterable[Series]) -> dict[str, list[Audience]]:
    """The audiences that sessions are for, other than everyone, under an id made of their words.

    Those of long ago too: nobody who has subscribed to a group may find that it is not there.
    """
    found: dict[str, list[Audience]] = {}
    for audience in (session.audience for one in series for session in one.sessions):
        group = _id_of(audience.label)
        if group and not audience.everyone and audience not in found.get(group, ()):
            found.setdefault(group, []).append(audience)
    return found


def _id_of(label: str) -> str:
    """Gives "latin-america-caribbean" of "Latin America / Caribbean"."""
    plain = normalize("NFKD", label).encode("ascii", "ignore").decode().lower()
    return "-".join(re.findall("[a-z0-9]+", plain))
