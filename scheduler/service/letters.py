"""From a row of the outbox to a finished message, made once for all who read it on the same clock."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from functools import cached_property, lru_cache
from typing import Any, TypeVar
from urllib.parse import quote

from scheduler.ical.invitations import Invitation, Method, build_invitation
from scheduler.ical.words import private_words
from scheduler.languages import Language, language
from scheduler.mail import report_views, views
from scheduler.mail.messages import Envelope, Letter
from scheduler.mail.report_views import OF_ENDS, OFFICES, Facts
from scheduler.mail.templates import render
from scheduler.model import times
from scheduler.model.cases import Case
from scheduler.model.cycles import CODE, Cycle
from scheduler.model.history import History
from scheduler.model.members import Member
from scheduler.model.notices import ANSWERED, AWAITING, OF_CASES, OUTCOMES, REPORTS, Kind
from scheduler.model.programme import Occurrence
from scheduler.model.series import Series, Status
from scheduler.model.told import CANCEL, Told
from scheduler.service.clock_changes import hours_moved
from scheduler.service.in_force import InForce
from scheduler.service.links import Links
from scheduler.store.outbox import Delivery

T = TypeVar("T")
#: What a mail says beside what is in force: of a session what the contact knows, of a report its case.
_Basis = Told | Facts | None
#: Letters kept for the next reader on the same clock; a fan-out needs one for each zone it reaches.
_KEPT = 512
#: Small things: what surrounds a mail for so many groups of members, and the calendar addresses of so many
#: cities, each of which has more contacts than one.
_KEPT_AROUND = _KEPT_FEEDS = 10_000
#: They ask for a report that can be begun already, so they say how far it is.
_OF_DRAFTS = frozenset({Kind.REPORT_REMINDER, Kind.REPORT_OVERDUE})
#: They say why there is more time than was announced, while there is any.
_OF_EXTENSIONS = frozenset({Kind.REPORT_OPENED, Kind.REPORT_MOVED, Kind.REPORT_REMINDER})


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
        sheet = self._made_sheet(delivery, member, self._basis(delivery, member, history), now)
        if sheet is None:
            return None
        letter, envelope, calendar = self._fill(sheet, delivery, history, member)
        return letter.addressed_to(envelope, calendar)

    def compose(
        self, delivery: Delivery, history: History, now: datetime
    ) -> tuple[Letter, Envelope, bytes | None]:
        """The same before it is joined: the letter, what is personal, and the calendar that goes with it."""
        member = self.in_force.members[delivery.member]
        basis = self._basis(delivery, member, history)
        sheet = self._made_sheet(delivery, member, basis, now)
        sheet = sheet or self._make_sheet(delivery, member, basis, now)
        return self._fill(sheet, delivery, history, member)

    def _fill(
        self, sheet: _Sheet, delivery: Delivery, history: History, member: Member
    ) -> tuple[Letter, Envelope, bytes | None]:
        is_of_office = delivery.role in OFFICES
        envelope = Envelope(
            name=delivery.name or (self._office_name(delivery, member) if is_of_office else member.name),
            address=delivery.address,
            city=member.name,
            feed="" if is_of_office else self._city_feed(member.slug, delivery.feed_generation),
            answer=self._answer(delivery),
            stop=self.links.stop(delivery.contact_id),
            submit="" if is_of_office else self._submit_at(delivery, history),
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

    def _submit_at(self, delivery: Delivery, history: History) -> str:
        """Where this city submits, with its own code; empty where the address is the same for all."""
        if delivery.kind not in AWAITING:
            return ""
        cycle = self.in_force.cycles[delivery.occurrence]
        if CODE not in cycle.submit_at:
            return ""
        code = history.code or self.links.code(cycle.id, delivery.member)
        return cycle.address_of(quote(code, safe=""))

    def _office_name(self, delivery: Delivery, member: Member) -> str:
        words = language(member.languages[0], self.in_force.network.languages)
        return report_views.office_name(delivery.role, member.country, words)

    def _reader(self, member: Member) -> views.Reader:
        network = self.in_force.network
        return views.Reader(language(member.languages[0], network.languages), member.zone, network)

    def _made_sheet(self, delivery: Delivery, member: Member, basis: _Basis, now: datetime) -> _Sheet | None:
        """By what tells one row from another at the least cost; most are like one before."""
        instant = self._at(now)
        around = instant.around.get((delivery.occurrence, self.in_force.likeness[member.slug]))
        return None if around is None else instant.sheets.get(_key(delivery, member, basis, around))

    def _make_sheet(self, delivery: Delivery, member: Member, basis: _Basis, now: datetime) -> _Sheet:
        instant = self._at(now)
        around = self._around(instant, delivery, member, now)
        reader = self._reader(member)
        letter = self._letter(delivery, member, reader, around, basis, now)
        sheet = _Sheet(letter, self._invitation(delivery, reader) if delivery.method else None)
        instant.sheets[_key(delivery, member, basis, around)] = sheet
        return sheet

    def _basis(self, delivery: Delivery, member: Member, history: History) -> _Basis:
        """What the words of a mail rest on beside what is in force, and makes sheets differ."""
        if delivery.kind in REPORTS:
            return self._facts(delivery, member, history)
        return history.told if delivery.method else None

    def _facts(self, delivery: Delivery, member: Member, history: History) -> Facts:
        kind, role = delivery.kind, delivery.role
        cycle, case = self.in_force.cycles[delivery.occurrence], history.case
        if kind is Kind.REPORT_DIGEST:
            return self._facts_of_digest(delivery, cycle, member, history)
        deadline, is_of_office = cycle.deadline_of(member), role in OFFICES
        extension = cycle.extension_of(member) if kind in _OF_EXTENSIONS else None
        rule = next((rule for rule in cycle.rules if rule.id == delivery.rule), None)
        return Facts(
            kind=kind,
            deadline=deadline,
            until=delivery.ends_at or deadline.instant,
            country=member.country if is_of_office else "",
            role=role if is_of_office or kind in OUTCOMES else "",
            stands_in=rule is not None and role not in rule.to,
            because=extension.because if extension else "",
            told_until=history.told.ends_at if kind is Kind.REPORT_MOVED and history.told else None,
            draft=case.draft if case and kind in _OF_DRAFTS and not is_of_office else None,
            submitted_at=delivery.starts_at if kind in OF_CASES else None,
            ends_on=_last_day(cycle, case) if kind in OF_ENDS else None,
        )

    def _facts_of_digest(self, delivery: Delivery, cycle: Cycle, member: Member, history: History) -> Facts:
        """With the deadline of most: the city on whose clock it goes out may have one of its own."""
        members = [self.in_force.members[slug] for slug in history.missing]
        missing = tuple((city.name, city.zone, cycle.deadline_of(city)) for city in members)
        deadlines = Counter(deadline for _, _, deadline in missing).most_common(1)
        deadline = deadlines[0][0] if deadlines else cycle.deadline_of(member)
        return Facts(
            delivery.kind, deadline, deadline.instant, member.country, delivery.role, missing=missing
        )

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
        basis: _Basis,
        now: datetime,
    ) -> Letter:
        is_of_office = delivery.role in OFFICES
        words_rest_on = (delivery.kind, delivery.occurrence, delivery.sequence, delivery.method, basis)
        only_in = self._only_in(delivery, member, reader)
        read_on = times.local_date(now, reader.zone)
        key = (*words_rest_on, around.states, reader.language, reader.zone, read_on, only_in, is_of_office)

        def make() -> Letter:
            view = replace(self._view(delivery, around.sessions, reader, basis, now), only_in=only_in)
            if is_of_office:
                view = replace(view, feed="")
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
        basis: _Basis,
        now: datetime,
    ) -> views.View:
        network = reader.network
        if delivery.kind is Kind.ANNOUNCEMENT:
            series = self.in_force.series[delivery.occurrence]
            ahead = views.sessions_ahead(sessions, now, reader)
            return views.View(network, self._why_member(reader.language), series=series, sessions=ahead)
        if delivery.kind is Kind.CLOCKS_CHANGED:
            before = self.in_force.clock_changes[delivery.occurrence].zones[reader.zone]
            clocks = views.clocks_view(sessions, before, reader)
            return views.View(network, self._why_member(reader.language), clocks=clocks)
        occurrence = self.in_force.occurrences[delivery.occurrence]
        if isinstance(basis, Facts):
            assert isinstance(occurrence.of, Cycle)  # noqa: S101 - mails about reports are of rounds
            why = report_views.why(basis, reader.language, network.name)
            today = times.local_date(now, reader.zone)
            report = report_views.report_view(occurrence.of, reader, today, basis)
            feed = views.FEED if basis.has_calendar else ""
            return views.View(network, why, feed=feed, report=report)
        told = basis
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


def _last_day(cycle: Cycle, case: Case | None) -> date | None:
    """Of a membership that is not renewed: as it was noted with the letter, else as the round has it."""
    if case and case.ends_on:
        return case.ends_on
    return cycle.membership_ends - date.resolution if cycle.membership_ends else None


def _key(delivery: Delivery, member: Member, basis: _Basis, around: _Around) -> Hashable:
    """Of the sheet that a mail is written on."""
    words_rest_on = (delivery.kind, delivery.occurrence, delivery.sequence, delivery.method, basis)
    return *words_rest_on, delivery.role in OFFICES, around, member.zone, member.languages


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
