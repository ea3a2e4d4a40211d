"""The calendar of one mail: METHOD:REQUEST or CANCEL for one session and one contact (rules 8 to 12, 18).

It is built once by icalendar for all who read it on the same clock; the attendee and the moment of making
are joined in per mail, with the encoder of their place.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from urllib.parse import quote

from icalendar import Calendar, vCalAddress, vText

from scheduler.ical.events import CONTROLS, PRODID, Words, content_lines, folded, folded_line, session_event
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
    #: folded octets until the value of DTSTAMP, from there to the attendee, and behind it
    fixed: tuple[bytes, bytes, bytes]
    #: the line of the attendee, unfolded
    attendee: Stencil

    def addressed_to(self, name: str, address: str, stamp: datetime, answer: Answer | None = None) -> bytes:
        """The finished calendar; stamp: DTSTAMP, aware; answer: what the contact said and an update keeps."""
        attendee = self.attendee.fill(
            {
                "name": _parameter(name),
                "address": _in_uri(address),
                "answer": answer.value.upper() if answer else "NEEDS-ACTION",
            }
        )
        before, between, after = self.fixed
        return b"".join((before, _instant(stamp), between, folded_line(attendee.encode()), after))


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
    head, tail = content_lines(calendar)[:-1], "END:VCALENDAR"
    first, *properties, last = content_lines(event)
    before, after = folded([*head, first]) + b"DTSTAMP:", folded([last, tail])
    fixed = (before, b"\r\n" + folded(properties), after)
    return Invitation(method, fixed, Stencil.cut(_attendee(method)))


def _attendee(method: Method) -> str:
    """Without RSVP=TRUE there are no buttons (rule 12); a cancellation asks nothing."""
    asks = f";PARTSTAT={mark('answer')};RSVP=TRUE" if method is Method.REQUEST else ""
    return (
        f'ATTENDEE;CUTYPE=INDIVIDUAL;ROLE=REQ-PARTICIPANT{asks};CN="{mark("name")}":mailto:{mark("address")}'
    )


@lru_cache(maxsize=64)
def _instant(stamp: datetime) -> bytes:
    """Rows that were written at once have one."""
    return stamp.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ").encode()


def _in_uri(address: str) -> str:
    """An address after "mailto:", its reserved signs with percent (RFC 6068, section 2)."""
    return quote(address, safe="@!$'*+")


def _parameter(text: str) -> str:
    """A parameter value inside double quotes (RFC 6868)."""
    encoded = text.replace("^", "^^").replace('"', "^'")
    return encoded if encoded.isprintable() else encoded.replace("\n", "^n").translate(CONTROLS)
