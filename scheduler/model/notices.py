"""What to tell which roles when, relative to an occurrence. Rules stay rules and become instants late."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Literal

from scheduler.model import times

#: From here on a session is near: changes are told at once, and quiet hours no longer hold a mail back.
NEAR = timedelta(hours=24)
#: The hour at which something that is known as a day alone makes itself felt.
OFFICE_OPENS = time(9)


class Kind(StrEnum):
    """The kinds of mail; each has three templates in templates/mail/<kind>/."""

    ANNOUNCEMENT = "announcement"
    INVITATION = "invitation"
    CHANGED = "changed"
    CANCELLED = "cancelled"
    REMINDER = "reminder"
    FOLLOW_UP = "follow-up"
    REPORT_OPENED = "report-opened"
    #: the deadline is another one: the round's, or by an extension
    REPORT_MOVED = "report-moved"
    REPORT_REMINDER = "report-reminder"
    #: to national coordinators: whose report is still missing
    REPORT_DIGEST = "report-digest"
    REPORT_OVERDUE = "report-overdue"
    #: a receipt
    REPORT_RECEIVED = "report-received"
    # the letters in which a round ends; nobody gets one before a person has released it
    REPORT_RENEWED = "report-renewed"
    REPORT_INCOMPLETE = "report-incomplete"
    REPORT_NO_PROGRESS = "report-no-progress"
    REPORT_NOT_SUBMITTED = "report-not-submitted"
    #: of no rule: people release it when a new tz database has moved hours (US-16)
    CLOCKS_CHANGED = "clocks-changed"


#: Duties that compare what a contact should know with what it was last told. The others happen once, at
#: their moment, or not at all (DESIGN, 5.4).
STATEFUL = frozenset(
    {
        *(Kind.ANNOUNCEMENT, Kind.INVITATION, Kind.CHANGED, Kind.CANCELLED),
        *(Kind.REPORT_OPENED, Kind.REPORT_MOVED),
    },
)
#: Mails that remind of another one.
REMINDERS = frozenset({Kind.REMINDER, Kind.REPORT_REMINDER, Kind.REPORT_DIGEST, Kind.REPORT_OVERDUE})
#: The letters in which a round ends for a city.
OUTCOMES = frozenset(
    {Kind.REPORT_RENEWED, Kind.REPORT_INCOMPLETE, Kind.REPORT_NO_PROGRESS, Kind.REPORT_NOT_SUBMITTED}
)
#: Mails without a moment of their own: what a person or a program says of a case causes them.
OF_CASES = frozenset({Kind.REPORT_RECEIVED, *OUTCOMES})
#: Mails that ask for a report; none goes to a city whose report has come.
AWAITING = frozenset(
    {
        *(Kind.REPORT_OPENED, Kind.REPORT_MOVED, Kind.REPORT_REMINDER, Kind.REPORT_DIGEST),
        Kind.REPORT_OVERDUE,
    }
)
#: Mails of duties: no city ends them by ending the webinars'.
REPORTS = AWAITING | OF_CASES
#: Of both, what is for one city alone; a digest is for whoever follows many.
ASKING = AWAITING - {Kind.REPORT_DIGEST}
OF_ONE_CITY = REPORTS - {Kind.REPORT_DIGEST}
#: Mails that lead to the page on which their session is answered.
ANSWERED = frozenset({Kind.INVITATION, Kind.CHANGED, Kind.REMINDER})
#: Mails that exist only against what was told before.
CORRECTIONS = frozenset({Kind.CHANGED, Kind.CANCELLED, Kind.REPORT_MOVED})


@dataclass(frozen=True)
class Days:
    """So many calendar days before (negative) or after a date, at a wall time of the member's day."""

    days: int
    at: time
    #: moved back to the member's last working day on or before it
    on_working_day: bool = False
    form: Literal["days"] = "days"

    def due_at(self, on: date, zone: str, weekend: Collection[int]) -> datetime:
        day = on + timedelta(days=self.days)
        if self.on_working_day:
            day = times.working_day_on_or_before(day, weekend)
        return times.moment(day, self.at, zone)


@dataclass(frozen=True)
class WorkingDaysBefore:
    """So many of the member's working days before a date, at a wall time of the member's day."""

    days: int
    at: time
    form: Literal["working-days"] = "working-days"

    def due_at(self, on: date, zone: str, weekend: Collection[int]) -> datetime:
        day = on
        for _ in range(self.days):
            day = times.previous_working_day(day, weekend)
        return times.moment(day, self.at, zone)


@dataclass(frozen=True)
class WorkingDayAfter:
    """So many calendar days after a date, and then the member's next working day, at a wall time there."""

    days: int
    at: time
    form: Literal["working-day-after"] = "working-day-after"

    def due_at(self, on: date, zone: str, weekend: Collection[int]) -> datetime:
        day = times.working_day_on_or_after(on + timedelta(days=self.days), weekend)
        return times.moment(day, self.at, zone)


@dataclass(frozen=True)
class MinutesBefore:
    """So many minutes before the start, whatever the hour is there."""

    minutes: int
    form: Literal["minutes"] = "minutes"


When = Days | WorkingDaysBefore | WorkingDayAfter | MinutesBefore


def on_working_days(when: When | None) -> bool:
    """It keeps off the member's weekend."""
    return isinstance(when, WorkingDaysBefore | WorkingDayAfter) or (
        isinstance(when, Days) and when.on_working_day
    )


@dataclass(frozen=True)
class NoticeRule:
    """One line of notices.yaml."""

    #: the name in the file: "week-before", "invitation"
    id: str
    kind: Kind
    #: the roles it goes to
    to: tuple[str, ...]
    #: None: as soon as there is something to tell
    when: When | None
    enabled: bool = True

    @property
    def is_digest(self) -> bool:
        """Its mail is about other cities than the reader's own, so it takes the place of no other mail, and
        none takes its place."""
        return self.kind is Kind.REPORT_DIGEST


def hour_of(rules: Iterable[NoticeRule], kind: Kind) -> time:
    """The wall time at which the rule of a kind acts on its day, whether it is switched on or not."""
    whens = (rule.when for rule in rules if rule.kind is kind)
    return next(
        (when.at for when in whens if isinstance(when, Days | WorkingDaysBefore | WorkingDayAfter)),
        OFFICE_OPENS,
    )


@dataclass(frozen=True)
class QuietHours:
    """Hours of the member's night in which nothing is sent; they may run over midnight."""

    begin: time
    end: time

    def hold(self, at: time) -> bool:
        """This wall time is quiet; `begin` is, `end` is not."""
        if self.begin <= self.end:
            return self.begin <= at < self.end
        return at >= self.begin or at < self.end

    def wait(self, due_at: datetime, zone: str) -> datetime:
        """`due_at`, or the end of the quiet hours it lies in."""
        return _wait(self, due_at, zone)


@lru_cache(maxsize=100_000)
def _wait(quiet: QuietHours, due_at: datetime, zone: str) -> datetime:
    there = times.local(due_at, zone)
    if not quiet.hold(there.time()):
        return due_at
    day = there.date() if there.time() < quiet.end else there.date() + timedelta(days=1)
    return times.last_moment(day, quiet.end, zone)
