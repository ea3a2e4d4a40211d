"""A mail that staff send to themselves: one letter as a city would get it, marked as a test.

It has a Message-ID of its own and, in the calendar, a UID of its own, so that no real entry is touched. It
is no row of the outbox and nobody was told anything.
"""

from __future__ import annotations

import html
import re
from dataclasses import replace
from datetime import datetime

from scheduler.ical.events import folded
from scheduler.mail.messages import Letter
from scheduler.mail.post import Outgoing
from scheduler.service.preview import Preview
from scheduler.stencil import Stencil

#: What filters and people tell a test by.
HEADER = b"X-Learning-Cities-Test: yes\r\n"
MARK = "[TEST] "
_NOTE = "This is a test. It went to you alone, no city has got it."
_BODY = re.compile(r"<body\b[^>]*>")


def as_test(preview: Preview, token: str, now: datetime) -> Outgoing:
    """The message, with its mark; token: what makes this test unlike any other one."""
    network = preview.letter.network
    # in a thread of its own, so that no client puts it among what was really sent
    envelope = replace(
        preview.envelope, message_id=f"<test.{token}@{network.uid_domain}>", date=now, first=""
    )
    calendar = _marked_calendar(preview.calendar, token) if preview.calendar else None
    octets = HEADER + _marked(preview.letter).addressed_to(envelope, calendar)
    return Outgoing(0, envelope.message_id, envelope.address, octets, network, now)


def _marked(letter: Letter) -> Letter:
    """In the subject, and in the first line of text and HTML."""
    first = f'<p style="margin:0;padding:12px;font:bold 16px sans-serif">{html.escape(_NOTE)}</p>'
    parts = (_BODY.sub(lambda body: body[0] + first, part) for part in letter.html.parts)
    return replace(
        letter,
        subject=_begun(letter.subject, MARK),
        plain=_begun(letter.plain, f"{_NOTE}\r\n\r\n"),
        html=replace(letter.html, parts=tuple(parts)),
    )


def _begun(stencil: Stencil, text: str) -> Stencil:
    return replace(stencil, parts=(text + stencil.parts[0], *stencil.parts[1:]))


def _marked_calendar(calendar: bytes, token: str) -> bytes:
    """A UID that no real entry has, and a title that says so."""
    lines = calendar.replace(b"\r\n ", b"").decode().removesuffix("\r\n").split("\r\n")
    marks = {"UID:": f"UID:test-{token}-", "SUMMARY:": f"SUMMARY:{MARK}"}
    for at, line in enumerate(lines):
        for name, begin in marks.items():
            if line.startswith(name):
                lines[at] = begin + line.removeprefix(name)
    return folded(lines)
