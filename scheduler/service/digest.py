"""What staff should know of mails that did not go out: sentences with counts, never an address."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from scheduler.model.notices import Kind
from scheduler.store.holds import Hold
from scheduler.store.losses import Loss

#: What is found so much after its moment was found by a service that did not run at that moment.
_LATE = timedelta(minutes=10)

#: One mail of a kind, in staff's words.
_NAMES = {
    Kind.ANNOUNCEMENT: "announcement",
    Kind.INVITATION: "invitation",
    Kind.CHANGED: "change",
    Kind.CANCELLED: "cancellation",
    Kind.REMINDER: "reminder",
    Kind.FOLLOW_UP: "follow-up",
    Kind.REPORT_OPENED: "opening of a report",
    Kind.REPORT_MOVED: "new deadline of a report",
    Kind.REPORT_REMINDER: "reminder of a report",
    Kind.REPORT_DIGEST: "list of missing reports",
    Kind.REPORT_OVERDUE: "mail about an overdue report",
    Kind.REPORT_RECEIVED: "receipt for a report",
    Kind.REPORT_RENEWED: "letter of renewal",
    Kind.REPORT_INCOMPLETE: "letter about an incomplete report",
    Kind.REPORT_NO_PROGRESS: "letter about a report without progress",
    Kind.REPORT_NOT_SUBMITTED: "letter about a report that did not come",
    Kind.CLOCKS_CHANGED: "mail about new clocks",
}
_SEVERAL = {
    Kind.REPORT_OPENED: "openings of reports",
    Kind.REPORT_MOVED: "new deadlines of reports",
    Kind.REPORT_REMINDER: "reminders of reports",
    Kind.REPORT_DIGEST: "lists of missing reports",
    Kind.REPORT_OVERDUE: "mails about overdue reports",
    Kind.REPORT_RECEIVED: "receipts for reports",
    Kind.REPORT_RENEWED: "letters of renewal",
    Kind.REPORT_INCOMPLETE: "letters about incomplete reports",
    Kind.REPORT_NO_PROGRESS: "letters about reports without progress",
    Kind.REPORT_NOT_SUBMITTED: "letters about reports that did not come",
    Kind.CLOCKS_CHANGED: "mails about new clocks",
}

#: How people speak of an instant.
Shown = Callable[[datetime], str]


def said_of(kinds: Mapping[Kind, int]) -> str:
    """Gives "12 invitations, 1 reminder", the most first; empty for none."""
    return ", ".join(_counted(kind, number) for kind, number in Counter(kinds).most_common() if number)


def digest(losses: Sequence[Loss], shown: Shown) -> Iterator[str]:
    """Gives "since ...: 12 reminders missed: its moment had passed; the service did not look before ..."."""
    for loss in _joined(losses):
        since, late = loss.due_from, loss.found_from - loss.due_from > _LATE
        down = f"; the service did not look before {shown(loss.found_from)}" if late else ""
        yield f"since {shown(since)}: {_counted(loss.kind, loss.mails)} {loss.state}: {loss.reason}{down}"


def asks(hold: Hold, kinds: Mapping[Kind, int]) -> str:
    """What a hold of the service's own asks of a person."""
    waiting = said_of(kinds) or "nothing"
    wait = "wait" if sum(kinds.values()) > 1 else "waits"
    return (
        f"held by the service: {hold.subject}, for {hold.because}; {waiting} {wait}; let it go with: "
        f"scheduler resume {hold.subject} (with --skip: what waits is not sent any more)"
    )


def _counted(kind: Kind, number: int) -> str:
    if number == 1:
        return f"1 {_NAMES[kind]}"
    return f"{number:,} {_SEVERAL.get(kind, _NAMES[kind] + 's')}"


def _joined(losses: Sequence[Loss]) -> list[Loss]:
    """Of one kind and one reason in our own words: a mail server's may name an address."""
    found: dict[tuple[Kind, str, str], list[Loss]] = defaultdict(list)
    for loss in losses:
        found[loss.kind, loss.state, re.split(r"[:(]", loss.reason)[0].strip()].append(loss)
    return [
        replace(
            some[0],
            reason=reason,
            mails=sum(loss.mails for loss in some),
            due_from=min(loss.due_from for loss in some),
            found_from=min(loss.found_from for loss in some),
        )
        for (_, _, reason), some in found.items()
    ]
