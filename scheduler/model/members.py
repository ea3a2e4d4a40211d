"""Member cities: where they are, since when they belong, and who is written to."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from functools import cached_property

_DAY = timedelta(days=1)
#: The roles of a city's own contacts, and those of its country's two offices, which follow its reports.
COORDINATOR, DEPUTY, MAYOR = "coordinator", "deputy", "mayor"
CITY_ROLES = (COORDINATOR, DEPUTY, MAYOR)
NATIONAL_COORDINATOR, NATIONAL_COMMISSION = "national-coordinator", "national-commission"
OFFICES = (NATIONAL_COORDINATOR, NATIONAL_COMMISSION)
#: Who is told of a report where nobody of those who should be can be written to, in this order.
CHAIN = (*CITY_ROLES, NATIONAL_COORDINATOR)


class Standing(StrEnum):
    """What is known of a membership on one day."""

    MEMBER = "member"
    UNDECIDED = "undecided"
    NO_MEMBER = "no member"


@dataclass(frozen=True)
class Span:
    """Calendar days from `first` to `last`, both included; None = not known, or open."""

    first: date | None
    last: date | None

    def __contains__(self, day: date) -> bool:
        return (self.first is None or self.first <= day) and (self.last is None or day <= self.last)

    def lies_in(self, other: Span) -> bool:
        """Every day of this span is a day of the other."""
        first = other.first is None or (self.first is not None and self.first >= other.first)
        last = other.last is None or (self.last is not None and self.last <= other.last)
        return first and last

    def meets(self, other: Span) -> bool:
        """Some day may be a day of both."""
        return not (_ends_before(self, other) or _ends_before(other, self))


def _ends_before(one: Span, other: Span) -> bool:
    return one.last is not None and other.first is not None and one.last < other.first


@dataclass(frozen=True)
class Membership:
    """One period of belonging to the network; a city can leave and come back."""

    #: the days on which it may have begun: one day where it is known exactly
    began: Span
    #: the last day that belongs to it; None = it goes on
    until: date | None
    #: how well the beginning is known, in staff's words: "announced", "not-later-than" ...
    certainty: str

    @cached_property
    def certain_from(self) -> date | None:
        """The first day on which it surely holds. DESIGN, section 4: a month alone counts from the first
        of the next, a year alone from 1 January of the next, "not later than" from the day after it."""
        if self.began.last is None:
            return None
        return self.began.last if self.began.first == self.began.last else self.began.last + _DAY

    def standing(self, day: date) -> Standing:
        if self.until and day > self.until:
            return Standing.NO_MEMBER
        if self.certain_from and day >= self.certain_from:
            return Standing.MEMBER
        return Standing.NO_MEMBER if self.began.first and day < self.began.first else Standing.UNDECIDED


@dataclass(frozen=True)
class Contact:
    """A person or mailbox at a member."""

    #: one of CITY_ROLES, or of an office of the country
    role: str
    address: str
    #: empty where only a mailbox is known
    name: str = ""


@dataclass(frozen=True)
class Member:
    """A member city (or county, district, consortium)."""

    #: ASCII key, the same for ever
    slug: str
    name: str
    aliases: tuple[str, ...]
    #: ISO 3166-1 alpha-2
    country: str
    #: id of a region in network.yaml
    region: str
    #: IANA name of the city itself
    zone: str
    #: ISO 639 codes; the first is the one mails are written in
    languages: tuple[str, ...]
    #: weekday numbers, Monday is 0
    weekend: tuple[int, ...]
    memberships: tuple[Membership, ...]
    contacts: tuple[Contact, ...]

    @property
    def without_offices(self) -> Member:
        """With the city's own contacts alone; those of its country stand in another list."""
        return replace(self, contacts=tuple(one for one in self.contacts if one.role in CITY_ROLES))

    def standing(self, day: date) -> Standing:
        """Member on that day (a calendar day in the secretariat's zone), undecided, or neither."""
        standing = Standing.NO_MEMBER
        for membership in self.memberships:
            match membership.standing(day):
                case Standing.MEMBER:
                    return Standing.MEMBER
                case Standing.UNDECIDED:
                    standing = Standing.UNDECIDED
        return standing

    def ended_on(self, day: date) -> date | None:
        """The last day of belonging, where all periods ended before this day; None where one goes on, is to
        come, or never was."""
        ends = [membership.until for membership in self.memberships]
        return max((end for end in ends if end), default=None) if all(e and e < day for e in ends) else None

    def joined_in(self, span: Span) -> bool:
        """A membership surely began in that span."""
        return any(membership.began.lies_in(span) for membership in self.memberships)

    def may_have_joined_in(self, span: Span) -> bool:
        return any(membership.began.meets(span) for membership in self.memberships)


def first_of_each_address(contacts: Sequence[Contact], positions: Iterable[int]) -> tuple[int, ...]:
    """Who holds two roles with one address is written to once, in the first of them."""
    by_address: dict[str, int] = {}
    for position in sorted(positions):
        by_address.setdefault(contacts[position].address, position)
    return tuple(by_address.values())


def asked_of(roles: Collection[str]) -> tuple[str, ...]:
    """Those of the roles of a rule that must be reached: of the chain, where any is."""
    return tuple(role for role in roles if role in CHAIN) or tuple(roles)


def stand_ins(contacts: Sequence[Contact], roles: Collection[str], barred: Container[int]) -> tuple[int, ...]:
    """The positions of those who are next in the chain, where none of the contacts in these roles can be
    written to; nobody where one can, or none is left. A copy to an office outside the chain does not count:
    it tells the city nothing. barred: positions.

    The outbox asks the same in SQL (store/duties.py); a test holds the two together.
    """
    open_to = [position for position in range(len(contacts)) if position not in barred]
    asked = asked_of(roles)
    if any(contacts[position].role in asked for position in open_to):
        return ()
    for role in CHAIN:
        found = {contacts[at].address: at for at in reversed(open_to) if contacts[at].role == role}
        if found:
            return tuple(sorted(found.values()))
    return ()
