"""From a row of the outbox to a finished message, made once for all who read it on the same clock."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from typing import Any, TypeVar

from scheduler.ical.invitations import Invitation, Method, build_invitation
from scheduler.ical.words import private_words
from scheduler.languages import Language, language
from scheduler.mail import views
from scheduler.mail.messages import Envelope, Letter
from scheduler.mail.templates import render
from scheduler.model import times
from scheduler.model.cycles import Cycle
from scheduler.model.history import History
from scheduler.model.members import Member
from scheduler.model.notices import ANSWERED, REPORTS, Kind
from scheduler.model.programme import Occurrence
from scheduler.model.series import Series, Status
from scheduler.model.told import CANCEL, Told
from scheduler.service.clock_changes import hours_moved
from scheduler.service.in_force import InForce
from scheduler.service.links import Links
from scheduler.store.outbox import Delivery

T = TypeVar("T")
#: Letters kept for the next reader on the same clock; a fan-out needs one for each zone it reaches.
_KEPT = 512
#: Small things: what surrounds a mail for so many groups of members, and the calendar addresses of so many
#: cities, each of which has more contacts than one.
_KEPT_AROUND = _KEPT_FEEDS = 10_000


@dataclass(frozen=True)
class _Sheet:
    """What is the same for many readers: the texts, and the calendar that goes with them."""

    letter: Letter
    invitation: Invitation | None


@dataclass(frozen=True, eq=False)
class _Around:
    """The sessions that decide notes and what is next; one object wherever they are the same."""

    sessions: tuple[Occurrence, ...]
    #: (id, it has not begun)
    states: tuple[tuple[str, bool], ...]


@dataclass
class _Instant:
    """What was found for rows that are written in one second; whatever depends on time, sessions that begin
    and days that end, changes at whole seconds."""

    at: datetime
    #: by what a mail is about, and who stands for all that hear of the same
    around: dict[tuple[str, str], _Around] = field(default_factory=dict)
    by_states: dict[Hashable, _Around] = field(default_factory=dict)
    sheets: dict[Hashable, _Sheet] = field(default_factory=dict)

    def serves(self, now: datetime) -> bool:
        """It is of this second, and there is room for more."""
        has_room = len(self.sheets) < _KEPT and len(self.around) < _KEPT_AROUND
        return has_room and (now == self.at or now.replace(microsecond=0) == self.at.replace(microsecond=0))


@dataclass
class Letters:
    """Writes messages for what is in force; a new one for each configuration."""

    in_force: InForce
    links: Links
    _made: OrderedDict[Hashable, Any] = field(default_factory=OrderedDict)
    _instant: _Instant = field(default_factory=lambda: _Instant(datetime.min.replace(tzinfo=UTC)))

    @cached_property
    def _city_feed(self) -> Callable[[str, int], str]:
        return lru_cache(maxsize=_KEPT_FEEDS)(self.links.city_feed)

    def write(self, delivery: Delivery, history: History, now: datetime) -> bytes:
        """history: what passed between us and the contact about the occurrence before."""
        letter, envelope, calendar = self.compose(delivery, history, now)
        return letter.addressed_to(envelope, calendar)

    def write_at_once(self, delivery: Delivery, history: History, now: datetime) -> bytes | None:
        """The same; None where what it shares with others must be made first, which can take so long that it
        belongs in a thread."""
        member = self.in_force.members[delivery.member]
        sheet = self._made_sheet(delivery, member, _told(delivery, history), now)
        if sheet is None:
            return None
        letter, envelope, calendar = self._fill(sheet, delivery, history, member)
        return letter.addressed_to(envelope, calendar)

    def compose(
        self, delivery: Delivery, history: History, now: datetime
    ) -> tuple[Letter, Envelope, bytes | None]:
        """The same before it is joined: the letter, what is personal, and the calendar that goes with it."""
        member, told = self.in_force.members[delivery.member], _told(delivery, history)
        sheet = self._made_sheet(delivery, member, told, now) or self._make_sheet(delivery, member, told, now)
        return self._fill(sheet, delivery, history, member)

    def _fill(
        self, sheet: _Sheet, delivery: Delivery, history: History, member: Member
    ) -> tuple[Letter, Envelope, bytes | None]:
        envelope = Envelope(
            name=delivery.name or member.name,
            address=delivery.address,
            city=member.name,
            feed=self._city_feed(member.slug, delivery.feed_generation),
            answer=self._answer(delivery),
            stop=self.links.stop(delivery.contact_id),
            message_id=delivery.message_id,
            # of the row, not of this attempt: a second one has the same header
            date=delivery.inserted_at,
            first=history.first,
        )
        if sheet.invitation is None:
            return sheet.letter, envelope, None
        stamp = history.stamp(delivery.inserted_at)
        calendar = sheet.invitation.addressed_to(envelope.name, delivery.address, stamp, history.stands)
        return sheet.letter, envelope, calendar

    def _answer(self, delivery: Delivery) -> str:
        """The page on which to answer; mails that ask nothing have none."""
        if delivery.kind not in ANSWERED:
            return ""
        return self.links.answer(delivery.contact_id, delivery.occurrence)

    def _reader(self, member: Member) -> views.Reader:
        network = self.in_force.network
        return views.Reader(language(member.languages[0], network.languages), member.zone, network)

    def _made_sheet(
        self, delivery: Delivery, member: Member, told: Told | None, now: datetime
    ) -> _Sheet | None:
        """By what tells one row from another at the least cost; most are like one before."""
        instant = self._at(now)
        around = instant.around.get((delivery.occurrence, self.in_force.likeness[member.slug]))
        return None if around is None else instant.sheets.get(_key(delivery, member, told, around))

    def _make_sheet(self, delivery: Delivery, member: Member, told: Told | None, now: datetime) -> _Sheet:
        instant = self._at(now)
        around = self._around(instant, delivery, member, now)
        reader = self._reader(member)
        letter = self._letter(delivery, member, reader, around, told, now)
        sheet = _Sheet(letter, self._invitation(delivery, reader) if delivery.method else None)
        instant.sheets[_key(delivery, member, told, around)] = sheet
        return sheet

    def _at(self, now: datetime) -> _Instant:
        if not self._instant.serves(now):
            self._instant = _Instant(now)
        return self._instant

    def _around(self, instant: _Instant, delivery: Delivery, member: Member, now: datetime) -> _Around:
        key = (delivery.occurrence, self.in_force.likeness[member.slug])
        around = instant.around.get(key)
        if around is None:
            sessions = self._surroundings(delivery, member, now)
            states = tuple((o.id, o.starts_at is None or o.starts_at > now) for o in sessions)
            around = instant.by_states.setdefault(states, _Around(sessions, states))
            instant.around[key] = around
        return around

    def _letter(
        self,
        delivery: Delivery,
        member: Member,
        reader: views.Reader,
        around: _Around,
        told: Told | None,
        now: datetime,
    ) -> Letter:
        words_rest_on = (delivery.kind, delivery.occurrence, delivery.sequence, delivery.method, told)
        only_in = self._only_in(delivery, member, reader)
        read_on = times.local_date(now, reader.zone)
        key = (*words_rest_on, around.states, reader.language, reader.zone, read_on, only_in)

        def make() -> Letter:
            view = replace(self._view(delivery, around.sessions, reader, told, now), only_in=only_in)
            texts = render(delivery.kind, view, reader.language)
            can_be_stopped = delivery.kind not in REPORTS
            return Letter.of(texts, reader.network, delivery.method, can_be_stopped=can_be_stopped)

        return self._kept(key, make)

    def _only_in(self, delivery: Delivery, member: Member, reader: views.Reader) -> str:
        """ "Spanish" where the session is held in none of the city's languages (story US-17)."""
        occurrence = self.in_force.occurrences.get(delivery.occurrence)
        session = occurrence.session if occurrence else None
        if session is None or not session.languages or {*session.languages} & {*member.languages}:
            return ""
        return reader.language.listed(map(reader.language.name_of, session.languages))

    def _invitation(self, delivery: Delivery, reader: views.Reader) -> Invitation:
        occurrence = self.in_force.occurrences[delivery.occurrence]
        method = Method(str(delivery.method))

        def make() -> Invitation:
            words = private_words(occurrence, reader.zone, reader.network, reader.language)
            return build_invitation(occurrence, method, delivery.sequence, reader.network, words)

        key = (delivery.occurrence, method, delivery.sequence, reader.language, reader.zone)
        return self._kept(key, make)

    def _surroundings(self, delivery: Delivery, member: Member, now: datetime) -> tuple[Occurrence, ...]:
        """The sessions of the series that this member is invited to; they decide notes and what is next. Of
        clocks that changed: what it reads at another hour."""
        if delivery.kind is Kind.CLOCKS_CHANGED:
            change = self.in_force.clock_changes[delivery.occurrence]
            return hours_moved(self.in_force, change, member, now)
        occurrence = self.in_force.occurrences.get(delivery.occurrence)
        series = occurrence.of if occurrence else self.in_force.series.get(delivery.occurrence)
        return self.in_force.sessions_of(series, member) if isinstance(series, Series) else ()

    def _view(
        self,
        delivery: Delivery,
        sessions: tuple[Occurrence, ...],
        reader: views.Reader,
        told: Told | None,
        now: datetime,
    ) -> views.View:
        network, say = reader.network, reader.language.say
        if delivery.kind is Kind.ANNOUNCEMENT:
            series = self.in_force.series[delivery.occurrence]
            ahead = views.sessions_ahead(sessions, now, reader)
            return views.View(network, self._why_member(reader.language), series=series, sessions=ahead)
        if delivery.kind is Kind.CLOCKS_CHANGED:
            before = self.in_force.clock_changes[delivery.occurrence].zones[reader.zone]
            clocks = views.clocks_view(sessions, before, reader)
            return views.View(network, self._why_member(reader.language), clocks=clocks)
        occurrence = self.in_force.occurrences[delivery.occurrence]
        if isinstance(occurrence.of, Cycle):
            why = say("You get this mail because this city must report in this round.")
            return views.View(
                network, why, report=views.report_view(occurrence, reader, times.local_date(now, reader.zone))
            )
        previous, following = _neighbours(occurrence, sessions, now)
        return views.View(
            network,
            self._why_session(occurrence, reader.language),
            session=views.session_view(occurrence, reader, previous),
            ahead=_ahead(occurrence, reader, now),
            changes=views.changes(occurrence, told, reader) if told else (),
            keeps_answers=told is not None and views.keeps_answers(occurrence, told),
            is_way_in=told is not None and views.is_way_in(occurrence, told),
            is_on_again=told is not None and told.method == CANCEL and told.status == Status.CANCELLED,
            following=views.session_view(following, reader) if following else None,
        )

    def _why_member(self, words: Language) -> str:
        network = self.in_force.network.name
        return words.say("You get this mail because your city is a member of the {network}.", network=network)

    def _why_session(self, occurrence: Occurrence, words: Language) -> str:
        assert occurrence.session is not None  # noqa: S101 - asked of sessions only
        label, network = occurrence.session.audience.label, self.in_force.network.name
        return words.say(
            "You get this mail because your city is a member of the {network}"
            " and this webinar is for: {audience}.",
            network=network,
            audience=label,
        )

    def _kept(self, key: Hashable, make: Callable[[], T]) -> T:
        if key in self._made:
            self._made.move_to_end(key)
        else:
            self._made[key] = make()
            if len(self._made) > _KEPT:
                self._made.popitem(last=False)
        made: T = self._made[key]
        return made


def _told(delivery: Delivery, history: History) -> Told | None:
    """What the words of a mail rest on."""
    return history.told if delivery.method else None


def _key(delivery: Delivery, member: Member, told: Told | None, around: _Around) -> Hashable:
    """Of the sheet that a mail is written on."""
    words_rest_on = (delivery.kind, delivery.occurrence, delivery.sequence, delivery.method, told)
    return *words_rest_on, around, member.zone, member.languages


def _ahead(occurrence: Occurrence, reader: views.Reader, now: datetime) -> str:
    days = occurrence.day_in(reader.zone) - times.local_date(now, reader.zone)
    return views.ahead(days.days, reader.language)


def _neighbours(
    occurrence: Occurrence, sessions: tuple[Occurrence, ...], now: datetime
) -> tuple[Occurrence | None, Occurrence | None]:
    """The session before, and the next one that has not begun, of those with a known time."""
    starts_at = occurrence.starts_at
    timed = [other for other in sessions if other.starts_at and other.id != occurrence.id]
    if starts_at is None:
        return None, None
    before = [other for other in timed if other.starts_at and other.starts_at < starts_at]
    after = [other for other in timed if other.starts_at and other.starts_at > max(starts_at, now)]
    return (before[-1] if before else None), (after[0] if after else None)
