"""Feeds: METHOD:PUBLISH, no attendee, organiser or alarm (rules 49, 50, 54). Same input, same bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache

from icalendar import Calendar, Event
from icalendar.prop import vDuration

from scheduler.ical.events import PRODID, Revision, Text, Words, content_lines, folded

#: What clients are asked to wait between two looks; what they do is another matter (rule 52).
REFRESH = timedelta(hours=6)
#: Properties whose values differ by reader.
_TEXTS = frozenset(("SUMMARY", "DESCRIPTION", "LOCATION"))


def feed_item(event: Event, revision: Revision) -> bytes:
    """A VEVENT as octets, stamped with its revision: equal for ever while nothing changes."""
    return folded(content_lines(_stamped(event, revision)))


@dataclass(frozen=True)
class Skeleton:
    """A session's VEVENT but for its words: made once for each revision, filled for each sort of reader."""

    #: folded lines, and between them the names of texts, in the order of the properties
    parts: tuple[bytes | str, ...]

    def filled(self, words: Words) -> bytes:
        """The same octets as `feed_item` gives of an event with these words."""
        texts = {"SUMMARY": words.summary, "DESCRIPTION": words.description, "LOCATION": words.location}
        return b"".join(part if isinstance(part, bytes) else _text(part, texts[part]) for part in self.parts)


def skeleton(event: Event, revision: Revision) -> Skeleton:
    """event: of a session, with some word for each text, or there would be no place for it."""
    lines = content_lines(_stamped(event, revision))
    return Skeleton(tuple(_parted(lines)))


def render_feed(name: str, items: Iterable[bytes]) -> bytes:
    """A whole feed from finished items, in their order."""
    head, tail = _named(name)
    return b"".join((head, *items, tail))


def render_download(item: bytes) -> bytes:
    """One item as a file: nothing that a program would subscribe to, or name a calendar by."""
    head, tail = _nameless()
    return b"".join((head, item, tail))


def _parted(lines: Iterable[str]) -> Iterator[bytes | str]:
    fixed: list[str] = []
    for line in lines:
        name = line.partition(":")[0]
        if name in _TEXTS:
            yield folded(fixed)
            yield name
            fixed = []
        else:
            fixed.append(line)
    yield folded(fixed)


def _text(name: str, text: str) -> bytes:
    """A summary is never left out; the other texts are where they are empty."""
    if not text and name != "SUMMARY":
        return b""
    return folded([f"{name}:{Text(text).to_ical().decode()}"])


@lru_cache(maxsize=2048)
def _named(name: str) -> tuple[bytes, bytes]:
    """What stands before and after the items of a feed: the same each time it is made anew."""
    calendar = _published()
    calendar.add("name", Text(name))
    calendar.add("x-wr-calname", Text(name))
    calendar.add("refresh-interval", vDuration(REFRESH), parameters={"VALUE": "DURATION"})
    calendar.add("x-published-ttl", vDuration(REFRESH))
    return _around(calendar)


@lru_cache(maxsize=1)
def _nameless() -> tuple[bytes, bytes]:
    return _around(_published())


def _around(calendar: Calendar) -> tuple[bytes, bytes]:
    lines = content_lines(calendar)
    return folded(lines[:-1]), folded(lines[-1:])


def _published() -> Calendar:
    calendar = Calendar()
    calendar.add("prodid", PRODID)
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", "PUBLISH")
    return calendar


def _stamped(event: Event, revision: Revision) -> Event:
    """Without CREATED: no rule wants it, and 2,000 items are to fit into 1 MB (rule 56)."""
    event.add("dtstamp", revision.changed_at)
    event.add("last-modified", revision.changed_at)
    return event
