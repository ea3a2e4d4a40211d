"""A calendar program as strict as iTIP (RFC 5546) allows: what a real one drops in silence, it refuses."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any

from icalendar import Calendar, Event

REQUEST, CANCEL = "REQUEST", "CANCEL"


class NotApplied(AssertionError):
    """A calendar that a real program would ignore, or take for another session."""


@dataclass(frozen=True)
class Entry:
    """One item, as a calendar program keeps it."""

    uid: str
    sequence: int
    #: DTSTAMP
    stamp: datetime
    status: str
    #: aware UTC, or days where the item is all-day; DTEND is the day after
    starts: date
    ends: date
    summary: str
    description: str
    location: str
    organizer: str = ""

    @property
    def is_cancelled(self) -> bool:
        return self.status == "CANCELLED"

    @property
    def hours(self) -> tuple[str, date, date]:
        """What a reader's week shows of it."""
        return self.status, self.starts, self.ends

    @property
    def texts(self) -> tuple[str, str, str]:
        return self.summary, self.description, self.location

    def is_over(self, now: datetime) -> bool:
        return self.ends <= (now if isinstance(self.ends, datetime) else now.date())


def entries(octets: bytes) -> dict[str, Entry]:
    """The items of a calendar, by UID."""
    head, *items = octets.removesuffix(b"END:VCALENDAR\r\n").split(b"BEGIN:VEVENT\r\n")
    assert head.startswith(b"BEGIN:VCALENDAR\r\n")
    found = [_read(item) for item in items]
    assert len({entry.uid for entry in found}) == len(found)
    return {entry.uid: entry for entry in found}


@lru_cache(maxsize=4096)
def _read(item: bytes) -> Entry:
    """What follows BEGIN:VEVENT; octets that were read before are not read again."""
    return _entry(Event.from_ical(b"BEGIN:VEVENT\r\n" + item))


@dataclass
class CalendarClient:
    """The calendar of one contact: what the mails made of it, in the order in which they came."""

    address: str
    entries: dict[str, Entry] = field(default_factory=dict)

    def receive(self, octets: bytes, *, is_news: bool) -> Entry:
        """Applies the calendar of a mail (RFC 5546, sections 2.1.5, 3.2.2 and 3.2.5).

        is_news: the mail says that it invites; others speak of what the reader has.
        """
        calendar: Any = Calendar.from_ical(octets)
        (event,) = calendar.walk("VEVENT")
        entry, method = _entry(event), str(calendar["method"])
        if str(event["attendee"]) != f"mailto:{self.address}":
            raise NotApplied(f"{self.address} is no attendee of {entry.uid}")
        if (method == CANCEL) != entry.is_cancelled:
            raise NotApplied(f"{entry.uid}: METHOD:{method} with STATUS:{entry.status}")
        self._check(self.entries.get(entry.uid), entry, method, is_news=is_news)
        self.entries[entry.uid] = entry
        return entry

    def _check(self, known: Entry | None, entry: Entry, method: str, *, is_news: bool) -> None:
        has_it = known is not None and not known.is_cancelled
        # a session that was off, and is on again before it has an hour, is a change of what is known
        is_expected = not has_it if is_news else has_it if method == CANCEL else known is not None
        if not is_expected:
            kept = "is in the calendar" if has_it else "is not in the calendar"
            raise NotApplied(f"{self.address}: {method} of {entry.uid}, which {kept}")
        if known is None:
            return
        if entry.stamp <= known.stamp:
            raise NotApplied(f"{entry.uid}: DTSTAMP {entry.stamp} after {known.stamp}")
        if entry.sequence < known.sequence or (method == CANCEL and entry.sequence == known.sequence):
            raise NotApplied(f"{entry.uid}: {method} with SEQUENCE {entry.sequence} after {known.sequence}")
        if entry.organizer != known.organizer:
            raise NotApplied(f"{entry.uid}: another organiser")


def _entry(event: Any) -> Entry:
    return Entry(
        uid=str(event["uid"]),
        sequence=int(event["sequence"]),
        stamp=event["dtstamp"].dt,
        status=str(event["status"]),
        starts=_utc(event["dtstart"].dt),
        ends=_utc(event["dtend"].dt),
        summary=str(event["summary"]),
        description=str(event.get("description", "")),
        location=str(event.get("location", "")),
        organizer=str(event.get("organizer", "")),
    )


def _utc(at: date) -> date:
    return at.astimezone(UTC) if isinstance(at, datetime) else at
