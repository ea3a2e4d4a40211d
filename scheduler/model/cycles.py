"""Reporting rounds: who must report, until when. One member in one cycle is a case."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, time
from enum import StrEnum
from functools import cached_property

from scheduler.model import times
from scheduler.model.members import Member, Span
from scheduler.model.notices import NoticeRule

#: In the place of a deadline's zone: each city's own, and the last one on Earth, UTC−12 (story US-23.2).
IN_THE_CITY, ANYWHERE = "the city", "-12:00"
#: Stands in `submit_at` where each city's own code goes.
CODE = "{code}"


class Duty(StrEnum):
    """Where a member stands in a cycle."""

    DUE = "due"
    EXCEPTED = "excepted"
    #: the day of joining is not known well enough: a person decides, nothing is sent before
    UNDECIDED = "undecided"
    NOT_CONCERNED = "not concerned"


@dataclass(frozen=True)
class Cohort:
    """Who must report, by membership history."""

    #: members whose membership began before this day are due
    joined_before: date | None = None
    #: or those who joined in one of these intakes
    joined: tuple[Span, ...] = ()
    #: who joined in one of these is excepted: its turn comes with another cycle
    excepted: tuple[Span, ...] = ()
    #: slugs that are due by a decision of staff
    also: tuple[str, ...] = ()
    #: slug -> reason of an exemption
    exempt: tuple[tuple[str, str], ...] = ()
    #: slug -> what a person decided of its case; wins over all of the above
    decided: tuple[tuple[str, Duty], ...] = ()
    #: slug -> why it stands in `also`, where staff say it
    also_because: tuple[tuple[str, str], ...] = ()

    @cached_property
    def named(self) -> frozenset[str]:
        """The slugs that it does not judge by their memberships alone."""
        return frozenset((*self.also, *(slug for slug, _ in (*self.exempt, *self.decided))))

    def duty(self, member: Member) -> Duty:
        """A certain membership decides; where only doubtful ones could, the case is undecided."""
        if decision := self.decision_of(member):
            return decision
        if member.slug in self.named:
            return Duty.EXCEPTED if member.slug in self._exemptions else Duty.DUE
        if any(member.joined_in(span) for span in self._due_spans()):
            return Duty.DUE
        if any(member.joined_in(span) for span in self.excepted):
            return Duty.EXCEPTED
        if any(member.may_have_joined_in(span) for span in self._due_spans()):
            return Duty.UNDECIDED
        return Duty.NOT_CONCERNED

    def decision_of(self, member: Member) -> Duty | None:
        """What a person decided of its case."""
        return self._decisions.get(member.slug)

    def exempts(self, member: Member) -> str:
        """The reason why, in staff's words; empty where it does not."""
        return self._exemptions.get(member.slug, "")

    @cached_property
    def _decisions(self) -> dict[str, Duty]:
        return dict(self.decided)

    @cached_property
    def _exemptions(self) -> dict[str, str]:
        return dict(self.exempt)

    def _due_spans(self) -> tuple[Span, ...]:
        if self.joined_before is None:
            return self.joined
        return (*self.joined, Span(None, self.joined_before - date.resolution))


@dataclass(frozen=True)
class Deadline:
    """The last moment, as written; both readings (there and in Hamburg) are printed in every mail."""

    on: date
    at: time
    #: IANA name, offset, or IN_THE_CITY
    zone: str

    @property
    def is_in_the_city(self) -> bool:
        """The same hour in each city, at another instant."""
        return self.zone == IN_THE_CITY

    def there(self, zone: str) -> Deadline:
        """As it is for a city in that zone."""
        return replace(self, zone=zone) if self.is_in_the_city else self

    @property
    def instant(self) -> datetime:
        """Where each city has its own: the last of them all."""
        return times.last_moment(self.on, self.at, self.there(ANYWHERE).zone)


@dataclass(frozen=True)
class Extension:
    """More time for some cities, or for all; hour and zone stay those of the round."""

    until: date
    #: in staff's words; mails print it
    because: str
    #: slugs
    members: tuple[str, ...] = ()
    #: ISO 3166-1 alpha-2
    countries: tuple[str, ...] = ()

    @property
    def is_for_all(self) -> bool:
        return not (self.members or self.countries)


@dataclass(frozen=True)
class Cycle:
    id: str
    title: str
    #: the months that are reported on, as "2019-04"
    period: tuple[str, str]
    opens: date
    #: as it was announced, before any extension
    deadline: Deadline
    #: may hold CODE
    submit_at: str
    who: Cohort
    rules: tuple[NoticeRule, ...]
    #: vanished from the files while it was in force: it stays in the feeds, nothing is sent, staff decide
    held: bool = False
    extensions: tuple[Extension, ...] = ()
    #: the first day on which a city whose membership is not renewed is no member any more
    membership_ends: date | None = None
    #: first and last day on which it can apply to come back
    reapply: tuple[date, date] | None = None
    #: number of a question -> most words of its answer
    word_limits: tuple[tuple[int, int], ...] = ()

    def duty(self, member: Member) -> Duty:
        """Memberships that ended before the cycle opened count for nothing."""
        reaching = tuple(m for m in member.memberships if m.until is None or m.until >= self.opens)
        return self.who.duty(replace(member, memberships=reaching))

    @cached_property
    def named(self) -> frozenset[str]:
        """The slugs of members that it may treat otherwise than others with the same memberships."""
        return self.who.named.union(*(extension.members for extension in self.extensions))

    @cached_property
    def is_alike_for_all(self) -> bool:
        """One deadline holds for all cities."""
        return not self.deadline.is_in_the_city and all(e.is_for_all for e in self.extensions)

    def extension_of(self, member: Member) -> Extension | None:
        """The one that counts: the longest of those that name the member, or all."""
        places = (("", ""), ("slug", member.slug), ("country", member.country))
        found = [self._longest[place] for place in places if place in self._longest]
        return max(found, key=lambda extension: extension.until, default=None)

    @cached_property
    def _longest(self) -> dict[tuple[str, str], Extension]:
        """What an extension names (a slug, a country, or nothing: all) -> the longest of those that name it.
        Asked of each city, so that many extensions cost no more than one."""
        found: dict[tuple[str, str], Extension] = {}
        for extension in self.extensions:
            named = [("slug", slug) for slug in extension.members]
            named += [("country", country) for country in extension.countries]
            for place in named or [("", "")]:
                known = found.get(place)
                later = known is None or extension.until > known.until
                if extension.until > self.deadline.on and later:
                    found[place] = extension
        return found

    def last_day_of(self, member: Member) -> date:
        """The date of its deadline, as the policy writes it."""
        extension = self.extension_of(member)
        return extension.until if extension else self.deadline.on

    def deadline_of(self, member: Member) -> Deadline:
        """In the member's own zone, where that is the policy."""
        return replace(self.deadline, on=self.last_day_of(member)).there(member.zone)

    @cached_property
    def deadline_of_all(self) -> Deadline:
        """What holds where nothing else is said; of each city's own the words, without a zone."""
        days = (extension.until for extension in self.extensions if extension.is_for_all)
        return replace(self.deadline, on=max((self.deadline.on, *days)))

    @cached_property
    def last_instant(self) -> datetime:
        """After it no case waits for a report any more."""
        latest = max((self.deadline.on, *(extension.until for extension in self.extensions)))
        return replace(self.deadline, on=latest).instant

    @cached_property
    def public_address(self) -> str:
        """Where to submit, without anything that is personal."""
        if CODE not in self.submit_at:
            return self.submit_at
        before, _, _ = self.submit_at.partition(CODE)
        return before.rpartition("?" if "?" in before else "/")[0]

    def address_of(self, code: str) -> str:
        """Where one city submits."""
        return self.submit_at.replace(CODE, code)
