"""When one rule is due for one member: the instant, or none. One function for each kind of mail.

Every function gets the same question of rule and occurrence, and a member, and gives instants that may lie
in the past; `due_moments` keeps those that count.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import cached_property

from scheduler.model import times
from scheduler.model.audience import Audience
from scheduler.model.cycles import Cycle, Duty
from scheduler.model.members import Member, Standing
from scheduler.model.network import Network
from scheduler.model.notices import (
    CORRECTIONS,
    NEAR,
    OF_CASES,
    OFFICE_OPENS,
    Kind,
    MinutesBefore,
    NoticeRule,
    hour_of,
    on_working_days,
)
from scheduler.model.programme import Occurrence, occurrences_of
from scheduler.model.series import Series

#: How long recording and summary are worth a mail of their own.
FOLLOW_UP_USEFUL = timedelta(days=90)
#: A last call, so few minutes before the start, is worth reading for so long after it: who is late comes in.
LAST_CALL, LAST_CALL_USEFUL = 10, timedelta(minutes=5)
#: How long after its old day people are still told what became of a postponed session.
POSTPONED_USEFUL = timedelta(days=365)
#: How long it is worth saying that a report is overdue, or what became of it.
OVERDUE_USEFUL, LETTER_USEFUL = timedelta(days=30), timedelta(days=90)


@dataclass(frozen=True)
class Since:
    """When what is in force came into force. Nothing is due for a moment that lies before."""

    applied_at: datetime
    #: occurrence id -> when it last changed in a way that is told, (series or cycle id, rule id) -> since
    #: when the rule is as it is; missing = at `applied_at`
    occurrences: Mapping[str, datetime] = field(default_factory=dict)
    rules: Mapping[tuple[str, str], datetime] = field(default_factory=dict)
    #: occurrence id -> when it first came into force
    created: Mapping[str, datetime] = field(default_factory=dict)
    #: occurrence id -> when it was to start before it was moved
    started: Mapping[str, datetime] = field(default_factory=dict)

    def of(self, occurrence: Occurrence, rule: NoticeRule) -> datetime:
        return max(
            self.occurrences.get(occurrence.id, self.applied_at),
            self.rules.get((occurrence.of.id, rule.id), self.applied_at),
        )

    def rule_changed_at(self, occurrence: Occurrence, rule: NoticeRule) -> datetime | None:
        """When the rule became what it is; None where the occurrence has known no other."""
        changed_at = self.rules.get((occurrence.of.id, rule.id))
        created_at = self.created.get(occurrence.id)
        return changed_at if changed_at and created_at and changed_at > created_at else None


@dataclass(frozen=True)
class Question:
    """When is `rule` due, of `occurrence`? Asked of one member after the other: what is the same for all
    is found out once."""

    occurrence: Occurrence
    rule: NoticeRule
    network: Network
    since: Since

    @cached_property
    def useful_by(self) -> datetime:
        return useful_by(self.occurrence, self.rule)

    @cached_property
    def settled_at(self) -> datetime:
        """When the last change has rested long enough to be told; at once where the session is near."""
        applied_at = self.since.applied_at
        return applied_at if self._is_near(applied_at) else applied_at + self.network.settle

    @cached_property
    def opened_at(self) -> datetime | None:
        """When the series is announced, in Hamburg; a round opens at an hour of each city (None)."""
        part = self.occurrence.of
        if isinstance(part, Cycle):
            return None
        on = _announced_on(part, self.since, self.network)
        return self.in_hamburg(on, hour_of(part.rules, Kind.ANNOUNCEMENT))

    @cached_property
    def audiences(self) -> tuple[Audience, ...]:
        """Of a series as a whole."""
        part = self.occurrence.of
        return () if isinstance(part, Cycle) else tuple({session.audience for session in part.sessions})

    @cached_property
    def sessions(self) -> tuple[tuple[datetime, int, date], ...]:
        """Of a series as a whole, those that will take place: when they begin, the number of their audience,
        the day in Hamburg."""
        part = self.occurrence.of
        if isinstance(part, Cycle):
            return ()
        taking_place = (o for o in occurrences_of(part) if not o.is_off)
        return tuple(
            (_begins(o), self.audiences.index(o.session.audience), o.day_in(self.network.zone))
            for o in taking_place
            if o.session
        )

    @cached_property
    def counts_from(self) -> datetime:
        """A moment before this one is older than the rule or the occurrence as they are in force."""
        return self.since.of(self.occurrence, self.rule)

    @cached_property
    def is_open(self) -> bool:
        """The session will take place, at a known time."""
        return not self.occurrence.is_off and self.occurrence.starts_at is not None

    @cached_property
    def _home_day(self) -> date:
        return self.occurrence.day_in(self.network.zone)

    def invites(self, member: Member) -> bool:
        return self.occurrence.invites_on(self._home_day, member)

    def awake(self, at: datetime, member: Member) -> datetime:
        """`at`, or the end of the member's quiet hours, unless the session is near."""
        return at if self._is_near(at) else self.network.quiet_hours.wait(at, member.zone)

    def _is_near(self, at: datetime) -> bool:
        """It begins within a day; for who must hear of a change, also while it runs, or if it was to begin
        then before."""
        starts_at, is_correction = self.occurrence.starts_at, self.rule.kind in CORRECTIONS
        counts_until = self.occurrence.last_moment if is_correction else starts_at
        if starts_at and counts_until and starts_at - NEAR <= at <= counts_until:
            return True
        # of a round only the deadline that holds now: more time can wait for the morning
        if not is_correction or isinstance(self.occurrence.of, Cycle):
            return False
        started_at = self.since.started.get(self.occurrence.id)
        return bool(started_at and at <= started_at <= at + NEAR)

    def in_hamburg(self, day: date, at: time) -> datetime:
        return times.moment(day, at, self.network.zone)


def due_moments(question: Question, member: Member) -> tuple[datetime, ...]:
    """The instants at which it is due there, in order; usually one, none where it does not concern."""
    found = [at for at in _MOMENTS[question.rule.kind](question, member) if at < question.useful_by]
    return tuple(sorted(set(found))) if len(found) > 1 else tuple(found)


def useful_by(occurrence: Occurrence, rule: NoticeRule) -> datetime:
    """The latest moment at which this notice is still worth reading.

    A change is worth it until the end: the link may be another one while the session runs. A cancellation
    is worth it until the end that a contact was told (US-13), which may have been postponed without a date:
    the outbox knows that; here is only how long it is asked.
    """
    if occurrence.is_postponed or rule.kind is Kind.CANCELLED:
        return occurrence.last_moment + POSTPONED_USEFUL
    if rule.kind is Kind.FOLLOW_UP:
        return occurrence.last_moment + FOLLOW_UP_USEFUL
    if rule.kind is Kind.REPORT_OVERDUE:
        return occurrence.last_moment + OVERDUE_USEFUL
    if isinstance(occurrence.of, Cycle) or rule.kind is Kind.CHANGED:
        return occurrence.last_moment
    is_last_call = isinstance(rule.when, MinutesBefore) and rule.when.minutes <= LAST_CALL
    return _begins(occurrence) + (LAST_CALL_USEFUL if is_last_call else timedelta(0))


def announced_as_a_whole(series: Series, since: Since, network: Network) -> Occurrence | None:
    """The series as the occurrence of its announcement, useful until its last session begins."""
    sessions = [occurrence for occurrence in occurrences_of(series) if not occurrence.is_off]
    if not sessions:
        return None
    on = _announced_on(series, since, network)
    begins, ends = max(map(_begins, sessions)), max(o.last_moment for o in sessions)
    return Occurrence(series.id, on, begins, ends, network.zone, series)


def belongs(occurrence: Occurrence, member: Member, day: date) -> bool:
    """It is a member on that day as far as mails about this are concerned: who must report, by what is
    certain or by what a person decided, is asked to, unless it surely is no member."""
    standing = member.standing(day)
    is_round = isinstance(occurrence.of, Cycle)
    return standing is Standing.MEMBER or (is_round and standing is Standing.UNDECIDED)


# the moments of each kind


def _announcement(question: Question, member: Member) -> Iterator[datetime]:
    at = _told_at(question, member)
    if at is None:
        return
    heard = [audience.includes(member) for audience in question.audiences]
    ahead = ((number, day) for begins, number, day in question.sessions if begins > at and heard[number])
    if any(member.standing(day) is Standing.MEMBER for _, day in ahead):
        yield at


def _invitation(question: Question, member: Member) -> Iterator[datetime]:
    if not question.is_open or question.rule.when is None or not question.invites(member):
        return
    announced_at = _told_at(question, member)
    if announced_at is None:
        return
    at = _told_from(question, member, max(_named(question, member), announced_at))
    if at is not None:
        yield at


def _changed(question: Question, member: Member) -> Iterator[datetime]:
    """Who is no member for a while hears of it on coming back, before any reminder."""
    if question.occurrence.is_off or not question.invites(member):
        return
    at = _told_from(question, member, question.settled_at)
    if at is not None:
        yield at


def _cancelled(question: Question, member: Member) -> Iterator[datetime]:
    """For all who were invited to a session that is off, else for who is no longer meant: not in the
    audience any more, or no member on the day of the session."""
    if question.occurrence.is_cancelled or not question.invites(member):
        yield question.awake(question.settled_at, member)


def _reminder(question: Question, member: Member) -> Iterator[datetime]:
    """One whose day lies before the announcement is skipped, not sent late."""
    if not question.is_open or not question.invites(member):
        return
    due_at = _named(question, member)
    if not isinstance(question.rule.when, MinutesBefore):
        due_at = question.network.quiet_hours.wait(due_at, member.zone)
    if _counts(question, member, due_at) and _is_known(question, member, due_at):
        yield due_at


def _follow_up(question: Question, member: Member) -> Iterator[datetime]:
    """When recording and summary are there, or on the day of the rule with what is there.

    Nothing for sessions that were over before they, or the rule, came into force.
    """
    session = question.occurrence.session
    if not question.is_open or session is None or not (session.recording or session.summary):
        return
    if not question.invites(member):
        return
    if _came_into_force(question) > question.occurrence.last_moment:
        return
    earliest = _named(question, member)
    if session.recording and session.summary:
        earliest = question.occurrence.last_moment
        if session.summary_on:
            earliest = max(earliest, question.in_hamburg(session.summary_on, OFFICE_OPENS))
    due_at = question.network.quiet_hours.wait(max(earliest, question.settled_at), member.zone)
    if _is_member(question, member, due_at):
        yield due_at


def _report_opened(question: Question, member: Member) -> Iterator[datetime]:
    opened_at = _told_at(question, member)
    if opened_at is not None:
        yield opened_at


def _report_moved(question: Question, member: Member) -> Iterator[datetime]:
    """Whoever was told another deadline hears of this one before any reminder of it."""
    told_at = _told_at(question, member)
    if told_at is not None:
        yield told_at


def _report_reminder(question: Question, member: Member) -> Iterator[datetime]:
    """A rung that lies before the opening is skipped, not sent late; so are digest and overdue notice."""
    named = _named(question, member)
    due_at = question.network.quiet_hours.wait(named, member.zone)
    if on_working_days(question.rule.when):
        due_at = _off_the_weekend(named, due_at, member)
    if _counts(question, member, due_at) and _is_known(question, member, due_at):
        yield due_at


def _off_the_weekend(named: datetime, due_at: datetime, member: Member) -> datetime:
    """An hour of the night waits for the next morning; where that is the weekend, the morning before it."""
    if times.local_date(due_at, member.zone).weekday() not in member.weekend:
        return due_at
    return times.moment(times.local_date(named, member.zone), OFFICE_OPENS, member.zone)


def _never(_question: Question, _member: Member) -> Iterator[datetime]:
    """A letter about a case: what is said of the case causes it, not the calendar."""
    return iter(())


_MOMENTS = {
    **dict.fromkeys(OF_CASES, _never),
    Kind.ANNOUNCEMENT: _announcement,
    Kind.INVITATION: _invitation,
    Kind.CHANGED: _changed,
    Kind.CANCELLED: _cancelled,
    Kind.REMINDER: _reminder,
    Kind.FOLLOW_UP: _follow_up,
    Kind.REPORT_OPENED: _report_opened,
    Kind.REPORT_MOVED: _report_moved,
    Kind.REPORT_REMINDER: _report_reminder,
    Kind.REPORT_DIGEST: _report_reminder,
    Kind.REPORT_OVERDUE: _report_reminder,
}


# what they have in common


def _named(question: Question, member: Member) -> datetime:
    """The moment that the rule's words name, on the member's own calendar.

    Sessions count from their date there; a deadline from the date as it was written, so that "30 days
    before 31 December" is the same day for all (story US-24).
    """
    occurrence, when = question.occurrence, question.rule.when
    if isinstance(when, MinutesBefore):
        return _begins(occurrence) - timedelta(minutes=when.minutes)
    assert when is not None  # noqa: S101 - the reader of notices.yaml demands it for these kinds
    on = occurrence.on if isinstance(occurrence.of, Cycle) else occurrence.day_in(member.zone)
    if question.rule.kind is Kind.REPORT_OVERDUE:
        # where the deadline is there, which may be the day after: nothing is overdue before
        on = times.local_date(occurrence.last_moment, member.zone)
    return when.due_at(on, member.zone, member.weekend)


def _opens_at(question: Question, member: Member) -> datetime | None:
    """When the series is announced, or the round opens there; None where the member need not report."""
    part = question.occurrence.of
    if not isinstance(part, Cycle):
        return question.opened_at
    if part.duty(member) is not Duty.DUE:
        return None
    return times.moment(part.opens, hour_of(part.rules, Kind.REPORT_OPENED), member.zone)


def _announced_on(series: Series, since: Since, network: Network) -> date:
    """The day staff wrote; else the day the series came into force, in Hamburg."""
    in_force_at = since.occurrences.get(series.id, since.applied_at)
    return series.announced or times.local_date(in_force_at, network.zone)


def _told_at(question: Question, member: Member) -> datetime | None:
    """When a member hears of the series or the round: at its opening, or when it joins later."""
    opens_at = _opens_at(question, member)
    return _told_from(question, member, max(opens_at, question.settled_at)) if opens_at else None


def _is_known(question: Question, member: Member, at: datetime) -> bool:
    """The member could have heard of it by then; what was edited since then does not count."""
    opens_at = _opens_at(question, member)
    told_at = _told_from(question, member, opens_at) if opens_at else None
    return told_at is not None and told_at <= at


def _told_from(question: Question, member: Member, earliest: datetime) -> datetime | None:
    """The first moment from `earliest` on at which the member belongs to the network and is awake."""
    while True:
        day = times.local_date(earliest, question.network.zone)
        if belongs(question.occurrence, member, day):
            return question.awake(earliest, member)
        later = [m.certain_from for m in member.memberships if m.certain_from and m.certain_from > day]
        if not later:
            return None
        earliest = max(earliest, question.in_hamburg(min(later), OFFICE_OPENS))


def _counts(question: Question, member: Member, due_at: datetime) -> bool:
    """Not older than the rule and the occurrence are in force, and due to a member of that day."""
    return due_at >= question.counts_from and _is_member(question, member, due_at)


def _came_into_force(question: Question) -> datetime:
    """When the occurrence was first known under the rule; later edits of it do not count."""
    since, occurrence, applied_at = question.since, question.occurrence, question.since.applied_at
    rule = since.rules.get((occurrence.of.id, question.rule.id), applied_at)
    return max(since.created.get(occurrence.id, applied_at), rule)


def _is_member(question: Question, member: Member, at: datetime) -> bool:
    return belongs(question.occurrence, member, times.local_date(at, question.network.zone))


def _begins(occurrence: Occurrence) -> datetime:
    return occurrence.starts_at or times.end_of_day(occurrence.on, occurrence.zone)
