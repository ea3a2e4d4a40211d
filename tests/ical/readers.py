"""The same calendar in the eyes of four programs that know nothing of each other."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import ics
import vobject
from ical.calendar_stream import IcsCalendarStream
from icalendar import Calendar


@dataclass(frozen=True, order=True)
class Item:
    """What every program must find in an item; moments as text: "2027-06-14T11:00:00Z", "2027-06-14"."""

    uid: str
    sequence: int
    status: str
    starts: str
    ends: str
    summary: str


def by_icalendar(octets: bytes) -> list[Item]:
    calendar: Any = Calendar.from_ical(octets)
    return sorted(
        Item(
            str(event["uid"]),
            int(event["sequence"]),
            str(event["status"]),
            _said(event["dtstart"].dt),
            _said(event["dtend"].dt),
            str(event["summary"]),
        )
        for event in calendar.walk("VEVENT")
    )


def by_vobject(octets: bytes) -> list[Item]:
    calendar = vobject.readOne(octets.decode())
    return sorted(
        Item(
            event.uid.value,
            int(event.sequence.value),
            event.status.value,
            _said(event.dtstart.value),
            _said(event.dtend.value),
            event.summary.value,
        )
        for event in calendar.contents.get("vevent", ())
    )


def by_ics(octets: bytes) -> list[Item]:
    """It has no name for SEQUENCE, and keeps an all-day item as two midnights."""
    with warnings.catch_warnings(category=DeprecationWarning, action="ignore"):
        calendar = ics.Calendar(octets.decode())
    found = []
    for event in calendar.events:
        (sequence,) = (line.value for line in event.extra if line.name == "SEQUENCE")
        starts, ends = event.begin.datetime, event.end.datetime
        if event.all_day:
            starts, ends = starts.date(), ends.date()
        found.append(Item(event.uid, int(sequence), event.status, _said(starts), _said(ends), event.name))
    return sorted(found)


def by_ical(octets: bytes) -> list[Item]:
    calendar = IcsCalendarStream.calendar_from_ics(octets.decode())
    return sorted(
        Item(
            str(event.uid),
            int(event.sequence or 0),
            str(event.status.value if event.status else ""),
            _said(event.dtstart),
            _said(event.dtend),
            str(event.summary),
        )
        for event in calendar.events
    )


#: By the name that people know the program by; ics takes ten times as long as the others together.
READERS: dict[str, Callable[[bytes], list[Item]]] = {
    "icalendar": by_icalendar,
    "vobject": by_vobject,
    "ics": by_ics,
    "ical": by_ical,
}
QUICK = ("icalendar", "vobject", "ical")


def agreed(octets: bytes, readers: Iterable[str] = tuple(READERS)) -> list[Item]:
    """What all of them find; fails where one finds something else."""
    found = {name: READERS[name](octets) for name in readers}
    first = found["icalendar"]
    assert found == dict.fromkeys(found, first)
    return first


def _said(at: date | datetime | None) -> str:
    if isinstance(at, datetime):
        assert at.utcoffset() is not None
        return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert at is not None
    return at.isoformat()
