"""The calendar of one mail: METHOD:REQUEST or CANCEL for one session and one contact (rules 8 to 12, 18).

It is built once by icalendar for all who read it on the same clock; the attendee and the moment of making
are joined in per mail, with the encoder of their place.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from urllib.parse import quote

from icalendar import Calendar, vCalAddress, vText

from scheduler.ical.events import CONTROLS, PRODID, Words, content_lines, folded, session_event
from scheduler.model.answers import Answer
from scheduler.model.network import Network
from scheduler.model.programme import Occurrence
from scheduler.stencil import Stencil, mark


class Method(StrEnum):
    REQUEST = "REQUEST"
    CANCEL = "CANCEL"


@dataclass(frozen=True)
class Invitation:
    """A calendar with the places of one attendee left open."""

    method: Method
    #: folded octets before, between and after the lines that are personal
    fixed: tuple[bytes, ...]
    #: the lines with marks, unfolded
    personal: tuple[Stencil, ...]

    def addressed_to(self, name: str, address: str, stamp: datetime, answer: Answer | None = None) -> bytes:
        """The finished calendar; stamp: DTSTAMP, aware; answer: what the contact said and an update keeps."""
        values = {
            "stamp": stamp.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ"),
            "name": _parameter(name),
            "address": _in_uri(address),
            "answer": answer.value.upper() if answer else "NEEDS-ACTION",
        }
        parts = [self.fixed[0]]
        for line, fixed in zip(self.personal, self.fixed[1:], strict=True):
            parts += (folded([line.fill(values)]), fixed)
        return b"".join(parts)


def build_invitation(
    occurrence: Occurrence, method: Method, sequence: int, network: Network, words: Words
) -> Invitation:
    """words: as the reader's own feed has them. A city that is no longer meant gets the title alone."""
    if method is Method.CANCEL and not occurrence.is_cancelled:
        words = Words(words.summary, "")
    event = session_event(occurrence, occurrence.uid(network), sequence, words)
    if method is Method.CANCEL:
        event["status"] = vText("CANCELLED")
    organiser = vCalAddress(f"mailto:{_in_uri(network.sender.address)}")
    organiser.params["CN"] = network.sender.name
    event.add("organizer", organiser)
    calendar = Calendar()
    calendar.add("prodid", PRODID)
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", method.value)
    head, tail = content_lines(calendar)[:-1], ["END:VCALENDAR"]
    first, *properties, last = content_lines(event)
    return _cut(
        method, [*head, first, f"DTSTAMP:{mark('stamp')}", *properties, _attendee(method), last, *tail]
    )


def _attendee(method: Method) -> str:
    """Without RSVP=TRUE there are no buttons (rule 12); a cancellation asks nothing."""
    asks = f";PARTSTAT={mark('answer')};RSVP=TRUE" if method is Method.REQUEST else ""
    return (
        f'ATTENDEE;CUTYPE=INDIVIDUAL;ROLE=REQ-PARTICIPANT{asks};CN="{mark("name")}":mailto:{mark("address")}'
    )


def _cut(method: Method, lines: list[str]) -> Invitation:
    fixed: list[list[str]] = [[]]
    personal = []
    for line in lines:
        stencil = Stencil.cut(line)
        if stencil.names:
            personal.append(stencil)
            fixed.append([])
        else:
            fixed[-1].append(line)
    return Invitation(method, tuple(folded(part) for part in fixed), tuple(personal))


def _in_uri(address: str) -> str:
    """An address after "mailto:", its reserved signs with percent (RFC 6068, section 2)."""
    return quote(address, safe="@!$'*+")


def _parameter(text: str) -> str:
    """A parameter value inside double quotes (RFC 6868)."""
    return text.replace("^", "^^").replace('"', "^'").replace("\n", "^n").translate(CONTROLS)
