"""One occurrence as a VEVENT. UTC for every timed item, so that no VTIMEZONE can be wrong (rule 28)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime

from icalendar import Component, Event, vText
from icalendar.prop import vUri

from scheduler.model.programme import Occurrence

PRODID = "-//Learning Cities Scheduler//EN"
#: The longest line without its end (RFC 5545, section 3.1).
_LINE_OCTETS = 75
#: Signs that some reader takes for the end of a line, or for the end of everything. Files cannot hold them; a
#: calendar never does.
CONTROLS = dict.fromkeys((*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029), " ")
_ESCAPES = {**CONTROLS, **str.maketrans({"\\": "\\\\", ";": "\\;", ",": "\\,", "\n": "\\n"})}


class Text(vText):
    """A text of people, escaped once (rule 58). The library takes "C:\\New" for a text with a line end."""

    __slots__ = ()

    def to_ical(self) -> bytes:
        return self.replace("\r\n", "\n").replace("\r", "\n").translate(_ESCAPES).encode()


@dataclass(frozen=True)
class Revision:
    """How often an occurrence changed in a way that calendars must know, and when last."""

    sequence: int
    #: the last change of anything that shows, for DTSTAMP and LAST-MODIFIED of feeds (rule 25)
    changed_at: datetime


@dataclass(frozen=True)
class Words:
    """What an item says, in one language and for one circle of readers."""

    summary: str
    description: str
    location: str = ""
    url: str = ""


def session_event(occurrence: Occurrence, uid: str, sequence: int, words: Words) -> Event:
    """A session: timed, or all-day and tentative while its time is to be announced (story US-03)."""
    event = _event(uid, sequence, words)
    if occurrence.starts_at is None:
        _all_day(event, occurrence.on, occurrence.last_day)
    else:
        event.add("dtstart", occurrence.starts_at)
        event.add("dtend", occurrence.ends_at)
    event.add("status", _status(occurrence))
    takes_time = occurrence.starts_at and not occurrence.is_cancelled
    event.add("transp", "OPAQUE" if takes_time else "TRANSPARENT")
    return event


def deadline_event(uid: str, starts_at: datetime, ends_at: datetime, sequence: int, words: Words) -> Event:
    """A deadline that ends at its last second; it does not block the day (rules 45 to 47)."""
    event = _event(uid, sequence, words)
    event.add("dtstart", starts_at)
    event.add("dtend", ends_at)
    event.add("status", "CONFIRMED")
    event.add("transp", "TRANSPARENT")
    return event


def day_event(uid: str, on: date, sequence: int, words: Words) -> Event:
    """An all-day item that does not block the day."""
    event = _event(uid, sequence, words)
    _all_day(event, on, on)
    event.add("status", "CONFIRMED")
    event.add("transp", "TRANSPARENT")
    return event


def content_lines(component: Component) -> list[str]:
    """The lines of a component, unfolded."""
    return [str(line) for line in component.content_lines() if line]


def folded(lines: Iterable[str]) -> bytes:
    """Content lines as they go over the wire: CRLF, at most 75 octets, cut between characters (rule 58)."""
    return b"".join(folded_line(line.encode()) for line in lines)


def folded_line(octets: bytes) -> bytes:
    if len(octets) <= _LINE_OCTETS:
        return octets + b"\r\n"
    return b"\r\n ".join(_pieces(octets)) + b"\r\n"


def _pieces(octets: bytes) -> Iterator[bytes]:
    """The library now and then cuts between a backslash and its letter, which Outlook shows."""
    start, room = 0, _LINE_OCTETS
    while len(octets) - start > room:
        end = _cut(octets, start, start + room)
        yield octets[start:end]
        start, room = end, _LINE_OCTETS - 1
    yield octets[start:]


def _cut(octets: bytes, start: int, end: int) -> int:
    """The last place before `end` that is neither inside a character nor inside an escape."""
    while octets[end] & 0xC0 == 0x80:
        end -= 1
    piece = octets[start:end]
    backslashes = len(piece) - len(piece.rstrip(b"\\"))
    return end - backslashes % 2


def _event(uid: str, sequence: int, words: Words) -> Event:
    event = Event()
    event.add("uid", uid)
    event.add("sequence", sequence)
    event.add("summary", Text(words.summary))
    if words.description:
        event.add("description", Text(words.description))
    if words.location:
        event.add("location", Text(words.location))
    if words.url:
        event.add("url", vUri(words.url))
    return event


def _all_day(event: Event, on: date, last: date) -> None:
    """DTEND is the day after the last one (RFC 5545, section 3.6.1)."""
    event.add("dtstart", on)
    event.add("dtend", last + date.resolution)
    event.add("X-MICROSOFT-CDO-ALLDAYEVENT", "TRUE")


def _status(occurrence: Occurrence) -> str:
    if occurrence.is_cancelled:
        return "CANCELLED"
    return "TENTATIVE" if occurrence.is_tentative else "CONFIRMED"
