"""Calendar items as octets: made once for each revision and each sort of reader, kept from one edition of the
feeds to the next."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time
from typing import NamedTuple

from scheduler.ical.events import Revision, Words, day_event, deadline_event, session_event
from scheduler.ical.feeds import Skeleton, feed_item, skeleton
from scheduler.ical.words import (
    case_words,
    closing_words,
    cycle_words,
    partner_words,
    private_words,
    public_words,
)
from scheduler.languages import Language
from scheduler.model import times
from scheduler.model.changes import ending
from scheduler.model.cycles import Cycle
from scheduler.model.members import Member
from scheduler.model.network import Network, Partner
from scheduler.model.programme import Occurrence
from scheduler.model.series import Series
from scheduler.service.in_force import InForce

#: What holds the places of the words.
_SOME_WORDS = Words("-", "-", "-")


class Reader(NamedTuple):
    """Who reads the same octets."""

    language: Language
    #: IANA name, of the cities on one clock; empty for everybody
    zone: str = ""
    #: slug, where it is one city's own case
    city: str = ""
    #: who republishes it
    partner: Partner | None = None


@dataclass
class _Kept:
    """The items of one occurrence."""

    #: all that they rest on, besides who reads them: equal values give equal octets
    rests_on: tuple[object, ...]
    made: dict[Reader, bytes] = field(default_factory=dict)
    #: of a session: what is the same for every reader
    skeleton: Skeleton | None = None


class Items:
    """The items of one edition. What is the same as in the edition before is taken from there."""

    def __init__(
        self, in_force: InForce, programme: Iterable[Occurrence], now: datetime, before: Items | None = None
    ) -> None:
        self._in_force = in_force
        self._now = now
        members = in_force.configuration.members
        self._readers = {("", ""), *((m.zone, city) for m in members for city in ("", m.slug))}
        known = before._kept if before and before._in_force.network == in_force.network else {}
        heads = {part.id: _without_dates(part) for part in in_force.configuration.parts}
        self._kept: dict[str, _Kept] = {
            occurrence.id: self._carried_over(occurrence, heads[occurrence.of.id], known.get(occurrence.id))
            for occurrence in programme
        }

    def public(self, occurrence: Occurrence, words: Language) -> bytes:
        """For everybody: no link, number or pass code."""
        return self._item(occurrence, Reader(words))

    def of_partner(self, occurrence: Occurrence, partner: Partner, words: Language) -> bytes:
        """For everybody, too: with the organisers, and with the hours of a partner's places."""
        return self._item(occurrence, Reader(words, partner=partner))

    def private(self, occurrence: Occurrence, member: Member, words: Language) -> bytes:
        """For the invited: the same for all on one clock; a deadline is the city's own."""
        city = member.slug if occurrence.session is None else ""
        return self._item(occurrence, Reader(words, member.zone, city))

    def _carried_over(self, occurrence: Occurrence, head: object, kept: _Kept | None) -> _Kept:
        """Nothing of what has changed, and nothing for a city or a clock that is no longer there."""
        rests_on = (*self._rests_on(occurrence), head)
        if kept is None or kept.rests_on != rests_on:
            return _Kept(rests_on)
        # a copy: in another thread the edition before may still be read
        made = kept.made.copy().items()
        used = {reader: item for reader, item in made if (reader.zone, reader.city) in self._readers}
        return _Kept(rests_on, used, kept.skeleton)

    def _rests_on(self, occurrence: Occurrence) -> tuple[object, ...]:
        """The occurrence by value, and its revision."""
        is_now_over = is_over(occurrence, self._now)
        revision = self._in_force.revisions[occurrence.id]
        hours = (occurrence.on, occurrence.starts_at, occurrence.ends_at, occurrence.zone)
        return (revision, is_now_over, *hours, occurrence.session)

    def _item(self, occurrence: Occurrence, reader: Reader) -> bytes:
        made = self._kept[occurrence.id].made
        if reader not in made:
            made[reader] = self._make(occurrence, reader)
        return made[reader]

    def _make(self, occurrence: Occurrence, reader: Reader) -> bytes:
        if isinstance(occurrence.of, Cycle):
            return self._deadline(occurrence, occurrence.of, reader)
        return self._session(occurrence, reader, self._revision(occurrence))

    def _revision(self, occurrence: Occurrence) -> Revision:
        """A recording that was written down before the end shows from then on: that is a change (rule 25)."""
        revision, session = self._in_force.revisions[occurrence.id], occurrence.session
        has_more = session is not None and (session.recording or session.summary)
        if not has_more or not is_over(occurrence, self._now):
            return revision
        return replace(revision, changed_at=max(revision.changed_at, over_at(occurrence)))

    def _session(self, occurrence: Occurrence, reader: Reader, revision: Revision) -> bytes:
        network, over = self._in_force.network, is_over(occurrence, self._now)
        if reader.partner:
            said = partner_words(occurrence, reader.partner, network, reader.language, is_over=over)
        elif reader.zone:
            said = private_words(occurrence, reader.zone, network, reader.language, is_over=over)
        else:
            said = public_words(occurrence, network, reader.language, is_over=over)
        return self._skeleton(occurrence, revision).filled(said)

    def _skeleton(self, occurrence: Occurrence, revision: Revision) -> Skeleton:
        kept = self._kept[occurrence.id]
        if kept.skeleton is None:
            uid = occurrence.uid(self._in_force.network)
            kept.skeleton = skeleton(session_event(occurrence, uid, revision.sequence, _SOME_WORDS), revision)
        return kept.skeleton

    def _deadline(self, occurrence: Occurrence, cycle: Cycle, reader: Reader) -> bytes:
        """A city's own, with a UID of its own; or that of all, as a day."""
        network = self._in_force.network
        if not reader.city:
            revision = self._in_force.revisions[occurrence.id]
            said = cycle_words(cycle, network, reader.language)
            event = day_event(occurrence.uid(network), occurrence.on, revision.sequence, said)
            return feed_item(event, revision)
        member = self._in_force.members[reader.city]
        there, revision = occurrence.for_member(member), self._in_force.revision_of(occurrence, member)
        assert there.starts_at and there.ends_at  # noqa: S101, PT018 - a deadline has an hour
        said = case_words(there, reader.zone, network, reader.language)
        uid = f"{cycle.id}.{reader.city}@{network.uid_domain}"
        event = deadline_event(uid, there.starts_at, there.ends_at, revision.sequence, said)
        return feed_item(event, revision)


def closing_item(member: Member, last_day: date, network: Network, words: Language) -> bytes:
    """What is left in the feed of a city whose membership is over: on the day after its last one, all day.

    Stamped with the beginning of that day in the home zone, so that its octets never change.
    """
    on = last_day + date.resolution
    since = times.moment(on, time.min, network.zone)
    uid = f"{ending(member, last_day)}@{network.uid_domain}"
    event = day_event(uid, on, 0, closing_words(member, last_day, network, words))
    return feed_item(event, Revision(0, since))


def is_over(occurrence: Occurrence, now: datetime) -> bool:
    """Feeds and pages change at the same instant. What is postponed is not over, however old its day is."""
    return not occurrence.is_postponed and over_at(occurrence) <= now


def over_at(occurrence: Occurrence) -> datetime:
    """Without an hour: as soon as its day is over, in UTC."""
    midnight = datetime.combine(occurrence.last_day + date.resolution, time.min, UTC)
    return occurrence.ends_at or midnight


def _without_dates(part: Series | Cycle) -> Series | Cycle:
    """What an item can show of the whole it belongs to: another session of it is no change."""
    return replace(part, sessions=(), rules=()) if isinstance(part, Series) else part
