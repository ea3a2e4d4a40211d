"""A mail with METHOD:REPLY, as calendar programs answer an invitation (RFC 5546, section 3.2.3; RFC 6047).

Everything in it is hostile, and every program writes it otherwise: the calendar is a part of the text or an
attachment, in base64 or quoted-printable, with MAILTO: in capitals, with or without SEQUENCE.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import Message
from email.utils import getaddresses, parsedate_to_datetime
from typing import Any
from urllib.parse import unquote

from icalendar import Calendar

from scheduler.errors import ReplyRefused
from scheduler.incoming import Bounds
from scheduler.model.answers import Answer

#: Octets of a mail: an answer with a long thread below it and a picture in the signature.
LARGEST = 1_000_000
_BOUNDS = Bounds("answer", LARGEST, lines=20_000, boundaries=12)
#: Octets of one calendar, and how many copies of it are compared.
_LARGEST_CALENDAR, _MOST_CALENDARS = 100_000, 4
_CALENDARS = ("text/calendar", "application/ics")

_ADDRESS = re.compile(r"[^@\s<>\"(),:;\\\[\]]+@[^@\s<>\"(),:;\\\[\]]+")
_ANSWERS = {answer.value.upper(): answer for answer in Answer}
_OTHER_ANSWERS = {
    "DELEGATED": "it hands the invitation on to somebody else; write the other address into members.csv",
    "NEEDS-ACTION": "it says neither yes nor no",
}
_OTHER_METHODS = {
    "COUNTER": "it proposes another time (METHOD:COUNTER), which only people can decide; answer it by mail",
    "DECLINECOUNTER": "it turns a proposal down (METHOD:DECLINECOUNTER), and none was made",
    "REFRESH": "it asks for the invitation once more (METHOD:REFRESH); use scheduler send-test or the feed",
    "REQUEST": "it is an invitation itself (METHOD:REQUEST), not an answer",
}


@dataclass(frozen=True)
class Reply:
    """What one mail says; addresses are in small letters."""

    uid: str
    #: for whom it answers, and who sent it: the same, or somebody who says so with SENT-BY
    address: str
    sender: str
    answer: Answer
    #: DTSTAMP, or the date of the mail; None where neither can be read
    stamped_at: datetime | None
    #: of the session as the answering program knew it; None where it does not say
    starts_at: datetime | None


def read_reply(octets: bytes) -> Reply:
    """The answer in a mail. Raises ReplyRefused with one sentence for whatever is none."""
    if why := _BOUNDS.why_not(octets):
        raise ReplyRefused(why)
    try:
        return _read(octets)
    except ReplyRefused:
        raise
    # the parsers of mails and calendars raise anything for what was made to break them
    except Exception as error:
        raise ReplyRefused("it cannot be read as a mail with a calendar") from error


def _read(octets: bytes) -> Reply:
    message = message_from_bytes(octets)
    sender, sent_at = _sender(message), _sent_at(message)
    found = {_reply_of(calendar, method, sender, sent_at) for calendar, method in _calendars(message)}
    if not found:
        raise ReplyRefused("there is no calendar in it; a person has to read it")
    if len(found) > 1:
        raise ReplyRefused("the calendars in it say different things")
    return found.pop()


def _sender(message: Message) -> str:
    """The one address in From, read so that no trick with quotes or comments gives another one."""
    values = [str(value).strip() for value in message.get_all("From", [])]
    pairs = getaddresses(values)
    if len(values) == len(pairs) == 1:
        address = pairs[0][1]
        if _ADDRESS.fullmatch(address) and (values[0] == address or values[0].endswith(f"<{address}>")):
            return address.lower()
    raise ReplyRefused("it does not come from one plain From address")


def _sent_at(message: Message) -> datetime | None:
    try:
        sent_at = parsedate_to_datetime(str(message["Date"]))
    except ValueError:
        return None
    return sent_at.astimezone(UTC) if sent_at.tzinfo else None


def _calendars(message: Message) -> Iterator[tuple[Any, str]]:
    """Each calendar in the mail, with the method that its part names."""
    parts = [part for part in _leaves(message) if _is_calendar(part)]
    if len(parts) > _MOST_CALENDARS:
        raise ReplyRefused("there are too many calendars in it")
    for part in parts:
        (calendar,) = Calendar.from_ical(_text(part), multiple=True)
        yield calendar, str(part.get_param("method") or "")


def _leaves(message: Message) -> Iterator[Message]:
    """All parts but those of a mail inside the mail, which somebody else wrote."""
    waiting = [message]
    while waiting:
        part = waiting.pop(0)
        if part.get_content_maintype() == "multipart" and part.is_multipart():
            waiting += part.get_payload()  # type: ignore[arg-type]
        elif not part.is_multipart():
            yield part


def _is_calendar(part: Message) -> bool:
    return part.get_content_type() in _CALENDARS or (part.get_filename() or "").lower().endswith(".ics")


def _text(part: Message) -> str:
    octets = part.get_payload(decode=True)
    assert isinstance(octets, bytes)  # noqa: S101 - it is no multipart
    if len(octets) > _LARGEST_CALENDAR:
        raise ReplyRefused("the calendar in it is longer than any answer")
    try:
        return octets.decode(part.get_content_charset() or "utf-8")
    except (LookupError, UnicodeDecodeError):
        return octets.decode("utf-8", "replace")


def _reply_of(calendar: Any, named: str, sender: str, sent_at: datetime | None) -> Reply:
    method = str(calendar.get("METHOD") or named).strip().upper()
    if method != "REPLY":
        otherwise = "its calendar is no answer (METHOD:REPLY)"
        raise ReplyRefused(_OTHER_METHODS.get(method, otherwise))
    events = [one for one in calendar.subcomponents if one.name == "VEVENT"]
    if len(events) != 1:
        raise ReplyRefused("it answers for several sessions, or for none; one mail answers one")
    (event,) = events
    attendee = event.get("ATTENDEE")
    if attendee is None or isinstance(attendee, list):
        raise ReplyRefused("it answers for several people, or for nobody; one mail answers for one address")
    address, sent_by = _address(attendee), _address(attendee.params.get("SENT-BY", ""))
    if sender not in (address, sent_by):
        raise ReplyRefused("it does not come from the address that it answers for")
    stamped_at, starts_at = _instant(event.get("DTSTAMP")), _instant(event.get("DTSTART"))
    uid = str(event.get("UID") or "").strip()
    return Reply(uid, address, sender, _answer(attendee), stamped_at or sent_at, starts_at)


def _address(value: object) -> str:
    """Of "MAILTO:Anna@City.example" the address, its signs with percent resolved; empty where it is none."""
    scheme, _, written = str(value).strip().partition(":")
    scheme, address = scheme.lower(), unquote(written).lower()
    return address if scheme == "mailto" and _ADDRESS.fullmatch(address) else ""


def _answer(attendee: Any) -> Answer:
    said = str(attendee.params.get("PARTSTAT", "NEEDS-ACTION")).upper()
    if said not in _ANSWERS:
        otherwise = "its answer (PARTSTAT) is none of accepted, tentative, declined"
        raise ReplyRefused(_OTHER_ANSWERS.get(said, otherwise))
    return _ANSWERS[said]


def _instant(value: object) -> datetime | None:
    """None for a day without an hour, and for an hour without a zone."""
    found = getattr(value, "dt", None)
    is_instant = isinstance(found, datetime) and found.tzinfo is not None
    return found.astimezone(UTC) if is_instant else None  # type: ignore[union-attr]
