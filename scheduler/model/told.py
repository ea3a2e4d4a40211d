"""What a contact was last told of an occurrence, and whether there is something else to tell it now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property

from scheduler.model.answers import Answer, AnswerCount, Said, count_answers
from scheduler.model.members import OFFICES, Contact, Member
from scheduler.model.network import Network
from scheduler.model.notices import REMINDERS, REPORTS, Kind
from scheduler.model.programme import Occurrence

#: Methods of an invitation and of a cancellation (RFC 5546); mails without a calendar have none.
REQUEST, CANCEL = "REQUEST", "CANCEL"
#: What a mail of each kind does to the reader's calendar.
METHODS = {Kind.INVITATION: REQUEST, Kind.CHANGED: REQUEST, Kind.CANCELLED: CANCEL}


@dataclass(frozen=True)
class Told:
    """What a contact was last told of an occurrence."""

    sequence: int
    method: str
    starts_at: datetime | None
    ends_at: datetime | None
    status: str
    #: as `Occurrence.place` gives it
    place: str
    #: as `Occurrence.days` gives them; None: not written down, so that they make no difference
    days: str | None = None

    @classmethod
    def of(cls, occurrence: Occurrence, sequence: int, method: str) -> Told:
        """What a mail says of an occurrence as it is."""
        return cls(
            sequence,
            method,
            occurrence.starts_at,
            occurrence.ends_at,
            occurrence.status.value,
            occurrence.place,
            occurrence.days,
        )

    @property
    def is_invited(self) -> bool:
        """It stands in the contact's calendar."""
        return self.method == REQUEST

    def differs_from(self, occurrence: Occurrence) -> bool:
        """The contact's calendar says something that no longer holds."""
        known = (self.starts_at, self.ends_at, self.status, self.place)
        now = (occurrence.starts_at, occurrence.ends_at, occurrence.status.value, occurrence.place)
        return known != now or self.days not in (None, occurrence.days)

    def still_holds(self, occurrence: Occurrence) -> bool:
        """A mail that says this may leave: nothing has changed since it was written."""
        if self.method == CANCEL:
            return occurrence.is_cancelled
        return self.method == "" or not (occurrence.is_off or self.differs_from(occurrence))


@dataclass(frozen=True)
class Tellings:
    """What all contacts were last told, by occurrence: few different things, each to many."""

    #: (slug, role, address) -> a number for that contact
    contacts: Mapping[tuple[str, str, str], int] = field(default_factory=dict)
    #: occurrence id -> what was told -> the numbers of those who were told it last
    by_occurrence: Mapping[str, Mapping[Told, AbstractSet[int]]] = field(default_factory=dict)
    #: the same of what is written but not sent yet: it goes out only while it still holds
    pending: Mapping[str, Mapping[Told, AbstractSet[int]]] = field(default_factory=dict)
    #: (occurrence id, rule id, what the words rest on) -> who was sent such a mail, or will not be any more
    done: Mapping[tuple[str, str, str], AbstractSet[int]] = field(default_factory=dict)
    #: occurrence id -> what was answered, and to which hour -> the numbers of those who said it
    answers: Mapping[str, Mapping[Said, AbstractSet[int]]] = field(default_factory=dict)
    #: addresses, in small letters, that get no mails about webinars any more
    ended: AbstractSet[str] = frozenset()
    #: the numbers of those who are in members.csv no more
    gone: AbstractSet[int] = frozenset()
    #: addresses, in small letters, to which nothing is sent at all: mail came back, or somebody complained
    barred: AbstractSet[str] = frozenset()
    #: cycle -> slugs of those who are asked for no report any more
    come: Mapping[str, AbstractSet[str]] = field(default_factory=dict)

    def number(self, member: Member, contact: Contact) -> int:
        """0 for a contact that was never in force."""
        return self.contacts.get((member.slug, contact.role, contact.address), 0)

    def states(self, occurrence: str) -> Mapping[Told, AbstractSet[int]]:
        """The different things that were told of an occurrence, each with who was told it."""
        return self.by_occurrence.get(occurrence, {})

    def is_known(self, occurrence: str) -> bool:
        """Somebody was told, or is about to be."""
        return occurrence in self.by_occurrence or occurrence in self.pending

    def declined(self, occurrence: str) -> AbstractSet[int]:
        """The numbers of those who do not come, whatever its hour was when they said so."""
        said = self.answers.get(occurrence, {})
        no = (numbers for (answer, _), numbers in said.items() if answer is Answer.DECLINED)
        return frozenset().union(*no)

    def said_by(self, member: Member, occurrence: str) -> Iterator[tuple[Contact, Answer, datetime | None]]:
        """What each contact of a city answered, and to which hour."""
        said = self.answers.get(occurrence, {})
        for contact in member.contacts if said else ():
            number = self.number(member, contact)
            found = (what for what, numbers in said.items() if number in numbers)
            yield from ((contact, answer, starts_at) for answer, starts_at in found)

    def has_ended(self, contact: Contact) -> bool:
        """It gets no mails about webinars any more, only those of duties."""
        return contact.address.lower() in self.ended

    def is_barred(self, contact: Contact) -> bool:
        """Nothing at all is sent to it."""
        return contact.address.lower() in self.barred

    def count_answers(self, occurrence: Occurrence) -> AnswerCount | None:
        """Of those whose invitation stands and who are still written to; None where nobody answered."""
        said = self.answers.get(occurrence.id)
        if not said:
            return None
        return count_answers(occurrence, self._invited(occurrence.id) - self.gone, said, self._people)

    def left_behind(self, occurrences: Iterable[str], members: Iterable[Member]) -> int:
        """How many people of today are none of these members' any more, and keep one of the occurrences in
        their calendars, of which they hear nothing more."""
        there = {(member.slug, contact.address.lower()) for member in members for contact in member.contacts}
        numbers = {number for occurrence in occurrences for number in self._invited(occurrence)}
        people = (
            (slug, address.lower()) for slug, address in map(self._people.__getitem__, numbers - self.gone)
        )
        return len(set(people) - there)

    def kept(self, occurrence: Occurrence, members: Iterable[Member], network: Network) -> AbstractSet[int]:
        """The numbers of those in whose mailbox it stands for a city that is still meant, too, so that it is
        not cancelled there for another one."""
        if occurrence.is_cancelled or not self._shared:
            return frozenset()
        invited = self._invited(occurrence.id)
        boxes = [box for box in self._shared if not invited.isdisjoint(box)]
        cities = {slug for box in boxes for slug in box.values()}
        meant = {m.slug for m in members if m.slug in cities and occurrence.invites(m, network)}
        stands = [box for box in boxes if any(box[number] in meant for number in invited & box.keys())]
        return frozenset(number for box in stands for number in box)

    @cached_property
    def _shared(self) -> tuple[Mapping[int, str], ...]:
        """The mailboxes that several contacts have in common: the number of each -> its city. Not those of
        the countries' offices, which get no calendar."""
        boxes: dict[str, dict[int, str]] = {}
        for (slug, role, address), number in self.contacts.items():
            if role in OFFICES:
                continue
            boxes.setdefault(address.lower(), {})[number] = slug
        return tuple(box for box in boxes.values() if len(box) > 1)

    def _invited(self, occurrence: str) -> AbstractSet[int]:
        states = self.states(occurrence).items()
        return {number for told, numbers in states if told.is_invited for number in numbers}

    @cached_property
    def _people(self) -> Mapping[int, tuple[str, str]]:
        """Number of a contact -> city and address: who holds two roles is one person."""
        return {number: (slug, address) for (slug, _, address), number in self.contacts.items()}

    def knows(self, occurrence: Occurrence, number: int) -> Told | None:
        """What a contact knows once everything that still holds has been sent."""
        pending = _of(self.pending.get(occurrence.id, {}), number)
        if pending and pending.still_holds(occurrence):
            return pending
        return _of(self.states(occurrence.id), number)


def _of(states: Mapping[Told, AbstractSet[int]], number: int) -> Told | None:
    return next((told for told, numbers in states.items() if number in numbers), None)


def words_rest_on(kind: Kind, at: datetime | None, rule_changed_at: datetime | None) -> str:
    """What a mail without a calendar says anew when it changes: the start or deadline, and of a reminder
    its rule. Such a mail goes to each contact once (DESIGN, 5.6: the notice key).

    at: when the session starts, or the deadline; None while the hour is open.
    """
    if kind in (Kind.ANNOUNCEMENT, Kind.CLOCKS_CHANGED):
        return "1"
    basis = f"{at:%Y%m%dT%H%MZ}" if at else "open"
    if rule_changed_at and kind in REMINDERS:
        # a reminder of the rule as it was before may have been sent: this is another one
        basis += f"-{rule_changed_at:%Y%m%dT%H%M%SZ}"
    return basis


def is_wanted(kind: Kind, has_ended: bool, has_declined: bool) -> bool:
    """Who ended the webinars' mails gets those of duties only; who declined is not reminded.

    The outbox asks the same of its rows in SQL (store/duties.py); a test holds the two together.
    """
    if has_ended and kind not in REPORTS:
        return False
    return not (has_declined and kind is Kind.REMINDER)


def is_needed(kind: Kind, told: Told | None, occurrence: Occurrence, at: datetime) -> bool:
    """Whether a contact that knows this needs a mail of this kind at `at` (DESIGN, 5.4).

    Who was told that it is off hears that it is on again: by an invitation, or by a change while it has no
    hour to be invited to. The outbox asks the same of its rows in SQL (store/duties.py); a test holds the
    two together.
    """
    is_invited = told is not None and told.is_invited
    is_off = told is not None and told.method == CANCEL
    match kind:
        case Kind.ANNOUNCEMENT | Kind.REPORT_OPENED:
            return told is None
        case Kind.INVITATION:
            return told is None or is_off
        case Kind.CHANGED:
            return (told is not None and is_invited and told.differs_from(occurrence)) or (
                is_off and occurrence.is_tentative
            )
        case Kind.CANCELLED:
            return told is not None and is_invited and (told.ends_at is None or told.ends_at > at)
        case Kind.REPORT_MOVED:
            return told is not None and _is_another(told.ends_at, occurrence)
        case Kind.FOLLOW_UP:
            return is_invited
        case _:
            return True


def _is_another(told_at: datetime | None, occurrence: Occurrence) -> bool:
    if told_at is None or occurrence.ends_at is None:
        return told_at != occurrence.ends_at
    return abs(told_at - occurrence.ends_at) > occurrence.slack


def tell(kind: Kind, told: Told | None, occurrence: Occurrence) -> Told:
    """What the contact knows after such a mail; only stateful kinds are remembered."""
    return Told.of(occurrence, told.sequence + 1 if told else 0, METHODS.get(kind, ""))


def days_of(remembered: str) -> tuple[date, date] | None:
    """The first and the last day of what `Occurrence.days` gave; None where it was empty."""
    if not remembered:
        return None
    first, last = map(date.fromisoformat, remembered.split("/"))
    return first, last
