"""Reporting rounds: who must report, until when. One member in one cycle is a case."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, time
from enum import StrEnum

from scheduler.model import times
from scheduler.model.members import Member, Span
from scheduler.model.notices import NoticeRule


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

    def duty(self, member: Member) -> Duty:
        """A certain membership decides; where only doubtful ones could, the case is undecided."""
        if member.slug in self.also:
            return Duty.DUE
        if any(slug == member.slug for slug, _ in self.exempt):
            return Duty.EXCEPTED
        if any(member.joined_in(span) for span in self._due_spans()):
            return Duty.DUE
        if any(member.joined_in(span) for span in self.excepted):
            return Duty.EXCEPTED
        if any(member.may_have_joined_in(span) for span in self._due_spans()):
            return Duty.UNDECIDED
        return Duty.NOT_CONCERNED

    def _due_spans(self) -> tuple[Span, ...]:
        if self.joined_before is None:
            return self.joined
        return (*self.joined, Span(None, self.joined_before - date.resolution))


@dataclass(frozen=True)
class Deadline:
    """The last moment, as written; both readings (there and in Hamburg) are printed in every mail."""

    on: date
    at: time
    zone: str

    @property
    def instant(self) -> datetime:
        return times.last_moment(self.on, self.at, self.zone)


@dataclass(frozen=True)
class Cycle:
    id: str
    title: str
    #: the months that are reported on, as "2019-04"
    period: tuple[str, str]
    opens: date
    deadline: Deadline
    submit_at: str
    who: Cohort
    rules: tuple[NoticeRule, ...]
    #: vanished from the files while it was in force: it stays in the feeds, nothing is sent, staff decide
    held: bool = False

    def duty(self, member: Member) -> Duty:
        """Memberships that ended before the cycle opened count for nothing."""
        reaching = tuple(m for m in member.memberships if m.until is None or m.until >= self.opens)
        return self.who.duty(replace(member, memberships=reaching))
