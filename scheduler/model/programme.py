"""Configuration + window -> all dated things, with true instants, moves and cancellations applied."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from functools import cached_property

from scheduler.errors import SchedulerError
from scheduler.model import times
from scheduler.model.cycles import ANYWHERE, Cycle, Deadline
from scheduler.model.members import Member, Standing
from scheduler.model.network import Configuration, Network
from scheduler.model.series import Series, Session, Status

#: Wall time and zone -> instant.
Moment = Callable[[date, time, str], datetime]

#: A deadline shows in calendars as an item of this length that ends at the deadline (DESIGN, section 6).
DEADLINE_LENGTH = timedelta(minutes=30)
#: No clock is moved by so much, and no deadline by less than a day.
_HALF_A_DAY = timedelta(hours=12)
#: A summary that comes on this day after the session, or later, is late.
SUMMARY_LATE_FROM = 15


@dataclass(frozen=True)
class Occurrence:
    """One dated thing: a session of a series, the deadline of a cycle, or a series as it is announced."""

    #: readable and fixed for life: "inclusion.covid-19-recovery", "report-2021"
    id: str
    #: the day it is dated on, in its own zone
    on: date
    #: aware UTC; both None while the time is to be announced
    starts_at: datetime | None
    ends_at: datetime | None
    #: where its wall time was written: IANA name or fixed offset
    zone: str
    of: Series | Cycle
    #: None for a deadline and for a series as a whole
    session: Session | None = None

    @property
    def last_day(self) -> date:
        """The day it ends on, in its own zone."""
        return self.session.last_day if self.session else self.on

    @property
    def days(self) -> str:
        """The first and the last day, as they are remembered, while nothing but the days is known:
        "2027-03-17/2027-03-18". Empty where there is an hour.

        Calendars show a postponed one on its old day, so that day must not change without a word either.
        """
        if self.starts_at:
            return ""
        return f"{self.on.isoformat()}/{self.last_day.isoformat()}"

    @property
    def title(self) -> str:
        return self.session.title if self.session else self.of.title

    @property
    def is_cancelled(self) -> bool:
        return self.session is not None and self.session.status is Status.CANCELLED

    @property
    def is_tentative(self) -> bool:
        """Announced without a time, or postponed: nothing to accept yet."""
        return self.starts_at is None

    @property
    def is_postponed(self) -> bool:
        return self.session is not None and self.session.status is Status.POSTPONED

    @property
    def status(self) -> Status:
        return self.session.status if self.session else Status.CONFIRMED

    @cached_property
    def place(self) -> str:
        """How to join, a line each, as it is remembered: what must not change without a word."""
        return "\n".join(self.session.places) if self.session else ""

    @property
    def slack(self) -> timedelta:
        """By how much its instant may move and still be the same deadline to who reads it: what is written in
        the city's own hour moves in UTC when the city's clock does."""
        is_own = isinstance(self.of, Cycle) and self.of.deadline.is_in_the_city
        return _HALF_A_DAY if is_own else timedelta(0)

    @property
    def is_held(self) -> bool:
        """Vanished from the files: nothing at all is sent for it until staff decide."""
        return self.session.held if self.session else isinstance(self.of, Cycle) and self.of.held

    @property
    def is_off(self) -> bool:
        """Nothing is sent for it but its cancellation: cancelled, or held until staff decide."""
        return self.is_cancelled or self.is_held

    @property
    def last_moment(self) -> datetime:
        """Its end; without an hour, the end of its last day in its own zone."""
        return self.ends_at or times.end_of_day(self.last_day, self.zone)

    def is_over(self, now: datetime) -> bool:
        """A postponed one is not, however old its old day is."""
        return not self.is_postponed and self.last_moment <= now

    def uid(self, network: Network) -> str:
        return f"{self.id}@{network.uid_domain}"

    def invites(self, member: Member, network: Network) -> bool:
        """The member is in the audience, and a member on the day (counted in the secretariat's zone)."""
        return self.invites_on(self.day_in(network.zone), member)

    def invites_on(self, day: date, member: Member) -> bool:
        """The same, for who knows its day in the secretariat's zone already."""
        if self.session is None or not self.session.audience.includes(member):
            return False
        return member.standing(day) is Standing.MEMBER

    def for_member(self, member: Member) -> Occurrence:
        """The same as it is for one member: the deadline of its own case. A session is one for all."""
        if not isinstance(self.of, Cycle) or self.of.is_alike_for_all:
            return self
        return _deadline(self.of, self.of.deadline_of(member))

    def day_in(self, zone: str) -> date:
        return times.local_date(self.starts_at, zone) if self.starts_at else self.on


@dataclass(frozen=True)
class Window:
    """Half-open: [start, end), aware UTC instants."""

    start: datetime
    end: datetime

    def __contains__(self, at: datetime) -> bool:
        return self.start <= at < self.end


def build_programme(configuration: Configuration, window: Window) -> tuple[Occurrence, ...]:
    """All occurrences whose start lies in `window`, ordered by start, then id.

    A session whose time is to be announced counts with the beginning of its day. A cancelled one stays
    in, because feeds must announce it (RFC 5545, section 3.8.1.11). A deadline counts with its instant.
    """
    found = (
        occurrence
        for part in configuration.parts
        for occurrence in occurrences_of(part)
        if _order(occurrence)[0] in window
    )
    return tuple(sorted(found, key=_order))


def occurrences_of(part: Series | Cycle) -> tuple[Occurrence, ...]:
    """All occurrences of one series or cycle, in the order of their days."""
    if isinstance(part, Cycle):
        return (_deadline(part, part.deadline_of_all),)
    return tuple(sorted(_sessions(part), key=_order))


def only(configuration: Configuration, parts: Collection[str]) -> Configuration:
    """The configuration with just these series and cycles; all of them where none is named.

    Raises SchedulerError for a name that is neither.
    """
    known = [part.id for part in configuration.parts]
    unknown = [part for part in parts if part not in known]
    if unknown:
        raise SchedulerError(f'"{unknown[0]}" is no series and no cycle; known: {", ".join(known)}')
    if not parts:
        return configuration
    return replace(
        configuration,
        series=tuple(series for series in configuration.series if series.id in parts),
        cycles=tuple(cycle for cycle in configuration.cycles if cycle.id in parts),
    )


def summaries_late(configuration: Configuration, on: date) -> list[tuple[Occurrence, int]]:
    """Sessions without a summary, or whose summary took longer than two weeks: (session, days).

    The summaries of 2020 took 14, 16 and 19 days: the first is in time, the other two are late.
    """
    sessions = (o for series in configuration.series for o in occurrences_of(series) if not o.is_off)
    taken = ((o, _days_to_summary(o, on)) for o in sessions if o.starts_at)
    return [(occurrence, days) for occurrence, days in taken if days >= SUMMARY_LATE_FROM]


def _days_to_summary(occurrence: Occurrence, on: date) -> int:
    session = occurrence.session
    there_on = session.summary_on if session and session.summary else None
    if session and session.summary and there_on is None:
        return 0
    return (min(there_on, on) if there_on else on).toordinal() - occurrence.on.toordinal()


def sessions_for(series: Series, member: Member, network: Network) -> tuple[Occurrence, ...]:
    """The sessions of a series that a member is invited to, in the order of their days."""
    return tuple(o for o in occurrences_of(series) if not o.is_off and o.invites(member, network))


def _deadline(cycle: Cycle, deadline: Deadline) -> Occurrence:
    """Where each city has its own, the zone is that of the last of them."""
    ends_at, zone = deadline.instant, deadline.there(ANYWHERE).zone
    return Occurrence(cycle.id, deadline.on, ends_at - DEADLINE_LENGTH, ends_at, zone, cycle)


def _sessions(series: Series) -> Iterator[Occurrence]:
    for session in series.sessions:
        starts_at, ends_at = span_of(session)
        occurrence_id = f"{session.id}.{series.id}"
        yield Occurrence(occurrence_id, session.on, starts_at, ends_at, session.zone, series, session)


def span_of(session: Session, moment: Moment = times.moment) -> tuple[datetime | None, datetime | None]:
    """When a session begins and ends; None while that is open. moment: by other clocks than today's."""
    if session.start is None or session.status is Status.POSTPONED:
        return None, None
    starts_at = moment(session.on, session.start, session.zone)
    if session.end is None:
        return starts_at, starts_at + timedelta(minutes=session.length_minutes)
    return starts_at, moment(session.last_day, session.end, session.zone)


def _order(occurrence: Occurrence) -> tuple[datetime, str]:
    starts_at = occurrence.ends_at if occurrence.session is None else occurrence.starts_at
    if starts_at is None:
        starts_at = times.moment(occurrence.on, datetime.min.time(), occurrence.zone)
    return starts_at, occurrence.id
