"""Whether a row of the outbox still holds, by what is in force now."""

from __future__ import annotations

from datetime import datetime, timedelta

from scheduler.mail.post import NOT_ALLOWED
from scheduler.model import times
from scheduler.model.cycles import Cycle, Duty
from scheduler.model.members import Standing
from scheduler.model.notices import NEAR, Kind
from scheduler.model.programme import Occurrence
from scheduler.service.in_force import InForce
from scheduler.store import outbox
from scheduler.store.outbox import Delivery

#: state and reason
Verdict = tuple[str, str]


#: What goes out so much after its moment goes out at another hour than the one that was chosen for it.
_LATE = timedelta(hours=1)


def rests_until(row: Delivery, in_force: InForce, now: datetime) -> datetime | None:
    """The end of the city's quiet hours for a mail that an outage has made late; None: it goes now.

    On its moment nothing is held back here, for the moment was chosen with the quiet hours in mind.
    """
    begins = row.starts_at or row.ends_at
    is_near = begins is not None and begins - now < NEAR
    if now - row.due_at < _LATE or is_near:
        return None
    morning = in_force.network.quiet_hours.wait(now, in_force.members[row.member].zone)
    return morning if morning > now else None


def why_not(row: Delivery, in_force: InForce, now: datetime) -> Verdict | None:
    """The state and reason of a row that must not be sent any more; None while it holds."""
    if now >= row.useful_by:
        return outbox.MISSED, "its moment had passed"
    member = in_force.members.get(row.member)
    if member is None or not row.is_listed:
        return outbox.WITHDRAWN, "the contact is no longer in members.csv"
    if not in_force.network.may_write_to(row.address):
        return outbox.FAILED, NOT_ALLOWED
    today = times.local_date(now, in_force.network.zone)
    if row.kind is not Kind.CANCELLED and member.standing(today) is not Standing.MEMBER:
        return outbox.WITHDRAWN, "the city is no member any more"
    if row.kind is Kind.ANNOUNCEMENT:
        gone = row.occurrence not in in_force.series
        return (outbox.WITHDRAWN, "the series is no longer there") if gone else None
    occurrence = in_force.occurrences.get(row.occurrence)
    if occurrence is None or occurrence.is_held:
        return outbox.WITHDRAWN, "the session or round vanished from the files"
    if isinstance(occurrence.of, Cycle):
        return _report_verdict(row, occurrence, occurrence.of.duty(member))
    if row.kind is Kind.CANCELLED:
        back = not occurrence.is_cancelled and occurrence.invites(member, in_force.network)
        return (outbox.WITHDRAWN, "the session takes place after all") if back else None
    if not occurrence.invites(member, in_force.network):
        return outbox.WITHDRAWN, "the member is no longer invited"
    return _session_verdict(row, occurrence)


def _session_verdict(row: Delivery, occurrence: Occurrence) -> Verdict | None:
    if occurrence.is_cancelled:
        return outbox.WITHDRAWN, "the session was cancelled"
    if row.starts_at != occurrence.starts_at or row.status != occurrence.status:
        return outbox.WITHDRAWN, "the session was moved"
    if row.method and (row.ends_at != occurrence.ends_at or row.place != occurrence.place):
        return outbox.WITHDRAWN, "the session was changed"
    return None


def _report_verdict(row: Delivery, occurrence: Occurrence, duty: Duty) -> Verdict | None:
    if duty is not Duty.DUE:
        return outbox.WITHDRAWN, "the member is not due in this round"
    if row.ends_at != occurrence.ends_at:
        return outbox.WITHDRAWN, "the deadline was moved"
    return None
