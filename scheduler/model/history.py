"""What passed between us and one contact about one occurrence, as the next mail must know it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from scheduler.model.answers import Answer
from scheduler.model.cases import Case
from scheduler.model.notices import Kind
from scheduler.model.told import Told

#: Calendars count DTSTAMP in whole seconds.
_NEXT = timedelta(seconds=1)


@dataclass(frozen=True)
class History:
    """Before one mail."""

    #: what the contact was last told; what may have reached it from a service that died counts. None: nothing
    told: Told | None = None
    #: DTSTAMP of the calendar that told it
    stamped_at: datetime | None = None
    #: Message-ID of the first mail that was sent; empty: this is the first
    first: str = ""
    #: what it answered to just this hour, before the mail was tried
    answer: Answer | None = None
    #: it was told by a mail of which nobody knows whether it arrived
    is_in_doubt: bool = False
    #: SEQUENCE that another contact of the same mailbox was told last
    mailbox: int = 0
    #: of a mail about a report: the case as it is now; None where it is no such mail
    case: Case | None = None
    #: of a digest: the slugs of the cities whose report is still missing
    missing: tuple[str, ...] = ()
    #: the city's own code, where the survey has made it
    code: str = field(default="", repr=False)

    @property
    def is_invited(self) -> bool:
        return self.told is not None and self.told.is_invited

    @property
    def stands(self) -> Answer | None:
        """The answer that an update keeps; who is invited anew is asked anew."""
        return self.answer if self.is_invited else None

    def stamp(self, made_at: datetime) -> datetime:
        """DTSTAMP for a calendar made at this instant: later than the last one, in whole seconds, for
        clients break ties of SEQUENCE with it (rule 24)."""
        stamp = made_at.replace(microsecond=0)
        return max(stamp, self.stamped_at + _NEXT) if self.stamped_at else stamp

    def beside(self, sequence: int, stamped_at: datetime) -> History:
        """The same where another contact of the mailbox was told this in the meantime, or before."""
        latest = max(stamped_at, self.stamped_at) if self.stamped_at else stamped_at
        return replace(self, mailbox=sequence, stamped_at=latest)

    def kind(self, kind: Kind, starts_at: datetime | None) -> Kind:
        """The kind of mail that a row has become since it was written: nobody gets a change of what it was
        never invited to, nor a second invitation to what stands in its calendar (P08).

        The mail that was on its way when the row was written may have failed, or have been withdrawn.
        """
        if kind is Kind.INVITATION and self.is_invited:
            return Kind.CHANGED
        if kind is Kind.CHANGED and not self.is_invited and starts_at:
            return Kind.INVITATION
        return kind


#: Of a contact that was never written to.
NOTHING_PASSED = History()
