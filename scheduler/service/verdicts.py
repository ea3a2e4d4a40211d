"""Whether a row of the outbox still holds, by what is in force now and what its contact was told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from scheduler.mail.post import NOT_ALLOWED
from scheduler.model import times
from scheduler.model.cases import COME, LETTERS, Case
from scheduler.model.clocks import ClockChange
from scheduler.model.cycles import Cycle, Duty
from scheduler.model.history import NOTHING_PASSED, History
from scheduler.model.members import CHAIN, Member, Standing
from scheduler.model.notices import (
    NEAR,
    OF_CASES,
    OFFICE_OPENS,
    OUTCOMES,
    REMINDERS,
    REPORTS,
    Kind,
    NoticeRule,
    on_working_days,
)
from scheduler.model.programme import Occurrence, Window
from scheduler.model.series import Series
from scheduler.model.told import CANCEL
from scheduler.service.clock_changes import hours_moved
from scheduler.service.in_force import InForce
from scheduler.service.one_member import LONG_AGO, slots_of_one
from scheduler.store import outbox
from scheduler.store.duties import REPORT_CAME, RULE_CHANGED
from scheduler.store.outbox import Delivery

#: state and reason
Verdict = tuple[str, str]

#: Why news are none.
KNOWN = "the contact knows it already"
NEVER_INVITED = "the contact was never invited"
#: Why a letter about a case is none any more.
CASE_MOVED = "something else was decided of the case since"

#: Kinds that go out at one moment of their rule; others as soon as it has come.
_INSTANT = timedelta(microseconds=1)

#: What goes out so much after its moment goes out at another hour than the one that was chosen for it.
_LATE = timedelta(hours=1)


def rests_until(row: Delivery, in_force: InForce, now: datetime) -> datetime | None:
    """The end of the city's quiet hours for a mail that an outage has made late, or that is there because
    another one came back; None: it goes now.

    On its moment nothing is held back here, for the moment was chosen with the quiet hours in mind.
    """
    begins = row.starts_at or row.ends_at
    # a session that runs is near; a deadline that has passed is not
    is_past_deadline = row.kind in REPORTS and begins is not None and begins < now
    is_near = begins is not None and begins - now < NEAR and not is_past_deadline
    is_on_time = now - row.due_at < _LATE and not _stands_in(row, in_force)
    if is_on_time or is_near:
        return None
    member = in_force.members[row.member]
    morning = _working_morning(row, in_force, member, in_force.network.quiet_hours.wait(now, member.zone))
    return morning if morning > now else None


def _working_morning(row: Delivery, in_force: InForce, member: Member, at: datetime) -> datetime:
    """`at`, or the morning of the next working day there for what asks for a report on working days; not
    where that would be too late."""
    rule = _rule_of(row, in_force.cycles.get(row.occurrence))
    if rule is None or not on_working_days(rule.when):
        return at
    today = times.local_date(at, member.zone)
    day = times.working_day_on_or_after(today, member.weekend)
    morning = times.moment(day, max(in_force.network.quiet_hours.end, OFFICE_OPENS), member.zone)
    return at if day == today or morning >= row.useful_by else morning


def _stands_in(row: Delivery, in_force: InForce) -> bool:
    """Its rule names other contacts: it was passed on, at whatever hour the mail to one of them came back."""
    rule = _rule_of(row, in_force.cycles.get(row.occurrence))
    return rule is not None and row.role not in rule.to


def _rule_of(row: Delivery, part: Series | Cycle | None) -> NoticeRule | None:
    return next((rule for rule in part.rules if rule.id == row.rule), None) if part else None


def judge(
    rows: Sequence[Delivery], histories: Mapping[int, History], in_force: InForce, now: datetime
) -> Iterator[tuple[Delivery, Verdict | None]]:
    """Each row with why it must not be sent any more; None while it holds.

    histories: by row id. Of several mails of one occurrence to one contact that go into its calendar the
    newest is sent: SEQUENCE never falls.
    """
    newest: dict[tuple[int, str], int] = {}
    for row in rows:
        if row.method:
            place = row.contact_id, row.occurrence
            newest[place] = max(row.id, newest.get(place, row.id))
    for row in rows:
        is_older = row.method and row.id < newest[row.contact_id, row.occurrence]
        history = histories.get(row.id, NOTHING_PASSED)
        yield row, outbox.OLDER if is_older else why_not(row, in_force, now, history)


def why_not(
    row: Delivery, in_force: InForce, now: datetime, history: History = NOTHING_PASSED
) -> Verdict | None:
    """The state and reason of a row that must not be sent any more; None while it holds."""
    if now >= row.useful_by:
        return outbox.MISSED, "its moment had passed"
    member = in_force.members.get(row.member)
    if member is None or not row.is_listed:
        return outbox.WITHDRAWN, "the contact is no longer in members.csv"
    if not in_force.network.may_write_to(row.address):
        return outbox.FAILED, NOT_ALLOWED
    if row.barred is not None:
        return outbox.WITHDRAWN, f"nothing is sent to the address: {row.barred}"
    if row.is_suppressed and row.kind not in REPORTS:
        return outbox.WITHDRAWN, "the address gets no mails about webinars any more"
    if row.has_declined and row.kind is Kind.REMINDER:
        return outbox.WITHDRAWN, "the contact declined"
    today = times.local_date(now, in_force.network.zone)
    is_last_word = row.kind is Kind.CANCELLED or row.kind in OUTCOMES
    standing = member.standing(today)
    # who must report is known by then, though not since when it is a member
    may_be = standing is Standing.UNDECIDED and row.kind in REPORTS
    if not (is_last_word or may_be or standing is Standing.MEMBER):
        return outbox.WITHDRAWN, "the city is no member any more"
    if row.method and history.told and row.sequence < history.told.sequence:
        return outbox.OLDER
    if row.kind is Kind.ANNOUNCEMENT:
        series = in_force.series.get(row.occurrence)
        if series is None:
            return outbox.WITHDRAWN, "the series is no longer there"
        return _rule_verdict(row, series, member, in_force)
    if row.kind is Kind.CLOCKS_CHANGED:
        change = in_force.clock_changes.get(row.occurrence, ClockChange())
        is_needed = hours_moved(in_force, change, member, now)
        return None if is_needed else (outbox.WITHDRAWN, "no hour there differs any more")
    occurrence = in_force.occurrences.get(row.occurrence)
    # a letter that was released says what was decided, whatever became of the file since
    if occurrence is None or (occurrence.is_held and row.kind not in OF_CASES):
        return outbox.WITHDRAWN, "the session or round vanished from the files"
    if isinstance(occurrence.of, Cycle):
        verdict = _report_verdict(row, occurrence.for_member(member), occurrence.of.duty(member), history)
        if row.kind in OF_CASES:
            return verdict
    elif row.kind is Kind.CANCELLED:
        back = not occurrence.is_cancelled and occurrence.invites(member, in_force.network)
        takes_place = (outbox.WITHDRAWN, "the session takes place after all")
        # another city at that address was told of it since: it would strike out that city's entry
        is_older = not occurrence.is_cancelled and row.sequence < history.mailbox
        verdict = takes_place if back else outbox.OLDER if is_older else _cancellation_verdict(history)
    elif not occurrence.invites(member, in_force.network):
        verdict = outbox.WITHDRAWN, "the member is no longer invited"
    else:
        verdict = _session_verdict(row, occurrence) or _news_verdict(row, occurrence, history)
    return verdict or _rule_verdict(row, occurrence.of, member, in_force)


def _rule_verdict(row: Delivery, part: Series | Cycle, member: Member, in_force: InForce) -> Verdict | None:
    """A row whose rule was edited since it fell due goes only if the new rule says the same of it; else
    the new rule's own moment counts (P12)."""
    rule = _rule_of(row, part)
    if rule is None or not rule.enabled:
        return outbox.WITHDRAWN, "the rule was switched off"
    since = in_force.since.rules.get((part.id, row.rule))
    if since is None or row.due_at >= since:
        return None
    is_meant = row.role in rule.to or (row.kind in REPORTS and row.role in CHAIN)
    is_same = is_meant and _has_come(row, part, member, in_force)
    return None if is_same else (outbox.WITHDRAWN, RULE_CHANGED)


def _has_come(row: Delivery, part: Series | Cycle, member: Member, in_force: InForce) -> bool:
    """The rule as it is now would have let this mail go at the moment it fell due."""
    is_timed = row.kind in REMINDERS and not _stands_in(row, in_force)
    start = row.due_at if is_timed else LONG_AGO
    announced_at = in_force.since.occurrences.get(part.id, in_force.since.applied_at)
    window = Window(start, row.due_at + _INSTANT)
    slots = slots_of_one(in_force.configuration, part, member, window, announced_at)
    return any((slot.occurrence.id, slot.rule.id) == (row.occurrence, row.rule) for slot in slots)


def _session_verdict(row: Delivery, occurrence: Occurrence) -> Verdict | None:
    if occurrence.is_cancelled:
        return outbox.WITHDRAWN, "the session was cancelled"
    if row.starts_at != occurrence.starts_at or row.status != occurrence.status:
        return outbox.WITHDRAWN, "the session was moved"
    if row.method and row.days not in (None, occurrence.days):
        return outbox.WITHDRAWN, "the session was moved"
    if row.method and (row.ends_at != occurrence.ends_at or row.place != occurrence.place):
        return outbox.WITHDRAWN, "the session was changed"
    return None


def _news_verdict(row: Delivery, occurrence: Occurrence, history: History) -> Verdict | None:
    """What was on its way when the row was written may have failed since, and the contact know less."""
    told = history.told
    is_known = told is not None and told.is_invited and not told.differs_from(occurrence)
    if row.method and is_known and not history.is_in_doubt:
        return outbox.WITHDRAWN, KNOWN
    if row.kind is Kind.CHANGED and told is None and occurrence.is_tentative:
        return outbox.WITHDRAWN, NEVER_INVITED
    return None


def _cancellation_verdict(history: History) -> Verdict | None:
    if history.is_invited:
        return None
    is_off = history.told is not None and history.told.method == CANCEL
    return outbox.WITHDRAWN, KNOWN if is_off else NEVER_INVITED


def _report_verdict(row: Delivery, occurrence: Occurrence, duty: Duty, history: History) -> Verdict | None:
    case = history.case
    if row.kind in OF_CASES:
        return None if case and _still_says(row.kind, case) else (outbox.WITHDRAWN, CASE_MOVED)
    if row.kind is Kind.REPORT_DIGEST:
        if row.ends_at != occurrence.ends_at:
            return outbox.WITHDRAWN, "the deadline was moved"
        return None if history.missing else (outbox.WITHDRAWN, "all the country's reports have come")
    if duty is not Duty.DUE:
        return outbox.WITHDRAWN, "the member is not due in this round"
    if row.ends_at != occurrence.ends_at:
        return outbox.WITHDRAWN, "the deadline was moved"
    if case and case.state in COME:
        return outbox.WITHDRAWN, REPORT_CAME
    if row.kind is Kind.REPORT_MOVED and history.told and history.told.ends_at == row.ends_at:
        return outbox.WITHDRAWN, KNOWN
    return None


def _still_says(kind: Kind, case: Case) -> bool:
    """The case is what the letter says it is."""
    if kind is Kind.REPORT_RECEIVED:
        return case.submitted_at is not None
    return LETTERS.get(case.state) is kind and case.released_at is not None
