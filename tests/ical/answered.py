"""Answers by mail, in the shapes that calendar programs give them; written by hand, addresses invented."""

from __future__ import annotations

from base64 import b64encode
from quopri import encodestring

CONTACT = "contact@medellin.example"
UID = "first.talks@learning-cities.example"


def calendar(
    *lines: str,
    method: str = "REPLY",
    uid: str = UID,
    partstat: str = "ACCEPTED",
    attendee: str = f"mailto:{CONTACT}",
    stamp: str = "DTSTAMP:20270601T080000Z",
    start: str = "DTSTART:20270614T110000Z",
) -> str:
    """A VCALENDAR with one VEVENT. lines: more properties of it."""
    found = [
        "BEGIN:VCALENDAR",
        "PRODID:-//A program//EN",
        "VERSION:2.0",
        f"METHOD:{method}",
        "BEGIN:VEVENT",
        f"UID:{uid}",
        stamp,
        start,
        "ORGANIZER:mailto:webinars@learning-cities.example",
        f"ATTENDEE;PARTSTAT={partstat};CN=A contact:{attendee}" if attendee else "",
        *lines,
        "END:VEVENT",
        "END:VCALENDAR",
    ]
    return "\r\n".join(filter(None, found)) + "\r\n"


def part(text: str, kind: str = 'text/calendar; charset="utf-8"; method=REPLY', coding: str = "7bit") -> str:
    octets = text.encode()
    if coding == "base64":
        text = b64encode(octets).decode()
        text = "\r\n".join(text[at : at + 76] for at in range(0, len(text), 76))
    if coding == "quoted-printable":
        text = encodestring(octets).decode().replace("\r\n", "\n").replace("\n", "\r\n")
    return f"Content-Type: {kind}\r\nContent-Transfer-Encoding: {coding}\r\n\r\n{text}"


def several(kind: str, *parts: str, boundary: str = "x1") -> str:
    inside = "".join(f"--{boundary}\r\n{one}\r\n" for one in parts)
    return f'Content-Type: multipart/{kind}; boundary="{boundary}"\r\n\r\n{inside}--{boundary}--\r\n'


def mail(body: str, sender: str = f"A contact <{CONTACT}>", *headers: str) -> bytes:
    head = (
        f"From: {sender}",
        "To: webinars@learning-cities.example",
        "Subject: Accepted: A first session",
        "Date: Tue, 01 Jun 2027 10:00:30 +0200",
        "MIME-Version: 1.0",
        *headers,
    )
    return ("\r\n".join(head) + "\r\n" + body).encode()


_WORDS = "Content-Type: text/plain\r\n\r\nI come.\r\n"

#: The shapes, all of which say: accepted.
SHAPES = {
    # alternative and, once more, an attachment; capitals in the attendee, no CN
    "google": mail(
        several(
            "mixed",
            several("alternative", _WORDS, part(calendar("SEQUENCE:0", "STATUS:CONFIRMED")), boundary="x2"),
            part(
                calendar("SEQUENCE:0", "STATUS:CONFIRMED"),
                'application/ics; name="invite.ics"\r\nContent-Disposition: attachment; filename="i.ics"',
                "base64",
            ),
        )
    ),
    # MAILTO: in capitals, the hour in a zone of its own making, base64, no SEQUENCE
    "outlook": mail(
        several(
            "alternative",
            _WORDS,
            part(
                "BEGIN:VCALENDAR\r\nMETHOD:REPLY\r\nPRODID:Microsoft Exchange\r\nVERSION:2.0\r\n"
                "BEGIN:VTIMEZONE\r\nTZID:Romance Standard Time\r\n"
                "BEGIN:STANDARD\r\nDTSTART:16010101T030000\r\n"
                "TZOFFSETFROM:+0200\r\nTZOFFSETTO:+0100\r\nRRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10\r\n"
                "END:STANDARD\r\nBEGIN:DAYLIGHT\r\nDTSTART:16010101T020000\r\nTZOFFSETFROM:+0100\r\n"
                "TZOFFSETTO:+0200\r\nRRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3\r\nEND:DAYLIGHT\r\nEND:VTIMEZONE\r\n"
                f"BEGIN:VEVENT\r\nATTENDEE;PARTSTAT=ACCEPTED;CN=A contact:MAILTO:{CONTACT.title()}\r\n"
                'COMMENT;LANGUAGE=en-US:"\\n"\r\n'
                f"UID:{UID}\r\nSUMMARY;LANGUAGE=en-US:Accepted: A first session\r\n"
                "DTSTART;TZID=Romance Standard Time:20270614T130000\r\n"
                "DTEND;TZID=Romance Standard Time:20270614T140000\r\nCLASS:PUBLIC\r\nPRIORITY:5\r\n"
                "DTSTAMP:20270601T080000Z\r\nTRANSP:OPAQUE\r\nSTATUS:CONFIRMED\r\nX-MICROSOFT-CDO-APPT-SEQUENCE:0\r\n"
                "END:VEVENT\r\nEND:VCALENDAR\r\n",
                'text/calendar; charset="utf-8"; method=REPLY',
                "base64",
            ),
        ),
        f'"Contact, A" <{CONTACT.upper()}>',
    ),
    # quoted-printable, a long line folded, REQUEST-STATUS
    "apple": mail(
        several(
            "alternative",
            _WORDS,
            part(
                calendar("REQUEST-STATUS:2.0;Success", "SEQUENCE:0", f"DESCRIPTION:{'=é ' * 60}"),
                coding="quoted-printable",
            ),
        ),
        CONTACT,
    ),
    # the calendar alone, and small letters in METHOD
    "bare": mail(part(calendar(method="reply"))),
    # only an attachment, of a type that says nothing
    "file": mail(
        several("mixed", _WORDS, part(calendar(), 'application/octet-stream; name="reply.ics"', "base64"))
    ),
    # METHOD stands in the header only
    "in the header": mail(part(calendar(method="REPLY").replace("METHOD:REPLY\r\n", ""))),
}
