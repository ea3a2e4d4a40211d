"""What a contact was last told of an occurrence, and whether there is something else to tell it now."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime

from scheduler.model.members import Contact, Member
from scheduler.model.notices import REMINDERS, Kind
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

    def differs_from(self, occurrence: Occurrence) -> bool:
        """The contact's calendar says something that no longer holds."""
        known = (self.starts_at, self.ends_at, self.status, self.place)
        return known != (occurrence.starts_at, occurrence.ends_at, occurrence.status.value, occurrence.place)

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

    def number(self, member: Member, contact: Contact) -> int:
        """0 for a contact that was never in force."""
        return self.contacts.get((member.slug, contact.role, contact.address), 0)

    def states(self, occurrence: str) -> Mapping[Told, AbstractSet[int]]:
        """The different things that were told of an occurrence, each with who was told it."""
        return self.by_occurrence.get(occurrence, {})

    def is_known(self, occurrence: str) -> bool:
        """Somebody was told, or is about to be."""
        return occurrence in self.by_occurrence or occurrence in self.pending

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
    if kind is Kind.ANNOUNCEMENT:
        return "1"
    basis = f"{at:%Y%m%dT%H%MZ}" if at else "open"
    if rule_changed_at and kind in REMINDERS:
        # a reminder of the rule as it was before may have been sent: this is another one
        basis += f"-{rule_changed_at:%Y%m%dT%H%M%SZ}"
    return basis


def is_needed(kind: Kind, told: Told | None, occurrence: Occurrence, at: datetime) -> bool:
    """Whether a contact that knows this needs a mail of this kind at `at` (DESIGN, 5.4).

    The outbox asks the same of its rows in SQL (store/duties.py); a test holds the two together.
    """
    is_invited = told is not None and told.method == REQUEST
    match kind:
        case Kind.ANNOUNCEMENT | Kind.REPORT_OPENED:
            return told is None
        case Kind.INVITATION:
            return told is None or told.method == CANCEL
        case Kind.CHANGED:
            return told is not None and is_invited and told.differs_from(occurrence)
        case Kind.CANCELLED:
            return told is not None and is_invited and (told.starts_at is None or told.starts_at > at)
        case Kind.FOLLOW_UP:
            return is_invited
        case _:
            return True


def tell(kind: Kind, told: Told | None, occurrence: Occurrence) -> Told:
    """What the contact knows after such a mail; only stateful kinds are remembered."""
    method, sequence = METHODS.get(kind, ""), told.sequence + 1 if told else 0
    return Told(
        sequence, method, occurrence.starts_at, occurrence.ends_at, occurrence.status.value, occurrence.place
    )
