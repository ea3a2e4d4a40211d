"""Feeds: METHOD:PUBLISH, no attendee, organiser or alarm (rules 49, 50, 54). Same input, same bytes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from icalendar import Calendar, Event
from icalendar.prop import vDuration

from scheduler.ical.events import PRODID, Revision, Text, content_lines, folded

#: What clients are asked to wait between two looks; what they do is another matter (rule 52).
REFRESH = timedelta(hours=6)


def feed_item(event: Event, revision: Revision) -> bytes:
    """A VEVENT as octets, stamped with its revision: equal for ever while nothing changes."""
    event.add("dtstamp", revision.changed_at)
    event.add("created", revision.created_at)
    event.add("last-modified", revision.changed_at)
    return folded(content_lines(event))


def render_feed(name: str, items: Iterable[bytes]) -> bytes:
    """A whole feed from finished items, in their order."""
    calendar = _published()
    calendar.add("name", Text(name))
    calendar.add("x-wr-calname", Text(name))
    calendar.add("refresh-interval", vDuration(REFRESH), parameters={"VALUE": "DURATION"})
    calendar.add("x-published-ttl", vDuration(REFRESH))
    return _joined(calendar, items)


def render_download(item: bytes) -> bytes:
    """One item as a file: nothing that a program would subscribe to, or name a calendar by."""
    return _joined(_published(), [item])


def _published() -> Calendar:
    calendar = Calendar()
    calendar.add("prodid", PRODID)
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", "PUBLISH")
    return calendar


def _joined(calendar: Calendar, items: Iterable[bytes]) -> bytes:
    lines = content_lines(calendar)
    return b"".join((folded(lines[:-1]), *items, folded(lines[-1:])))
