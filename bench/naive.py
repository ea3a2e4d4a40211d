"""A mail as its libraries make it: EmailMessage and icalendar, from the beginning for each reader.

It is what the service would do without stencils: the measure of `writing`, and the oracle of
`tests/service/test_letters.py`.
"""

from __future__ import annotations

import re
from email.headerregistry import Address
from email.message import EmailMessage

from icalendar import Calendar, Event, vCalAddress, vText

from scheduler.ical.events import PRODID, Text, session_event
from scheduler.ical.words import private_words
from scheduler.languages import language
from scheduler.mail.messages import Envelope, Letter
from scheduler.model.history import History
from scheduler.service.in_force import InForce
from scheduler.store.outbox import Delivery

#: What the library refuses in a header, or takes for something encoded (CVE-2024-6923).
_UNFIT = re.compile(r"[^ -~\xa1-\ud7ff]|=\?")


def naive(
    in_force: InForce, row: Delivery, history: History, letter: Letter, envelope: Envelope
) -> EmailMessage:
    """letter, envelope: as `Letters.compose` gives them. Names are tamed where they stand in headers."""
    personal = {
        name: getattr(envelope, name) for name in ("city", "feed", "answer", "stop", "submit")
    }  # filled in as text, before anything is encoded
    message = EmailMessage()
    for name, value in _headers(letter, envelope, _tamed(letter.subject.fill(personal))):
        message[name] = value
    message.set_content(letter.plain.fill(personal), cte="base64")
    message.add_alternative(letter.html.fill(personal), subtype="html", cte="base64")
    if row.method:
        octets = naive_calendar(in_force, row, envelope, history).to_ical()
        how = {"method": row.method, "component": "VEVENT", "charset": "utf-8"}
        message.add_alternative(octets, "text", "calendar", cte="base64", params=how)
        name = "cancellation.ics" if row.method == "CANCEL" else "invitation.ics"
        message.add_attachment(octets, "application", "ics", filename=name, params={"name": name})
    return message


def _headers(letter: Letter, envelope: Envelope, subject: str) -> list[tuple[str, object]]:
    network = letter.network
    found: list[tuple[str, object]] = [
        ("From", Address(network.sender.name, addr_spec=network.sender.address)),
        ("To", Address(_tamed(envelope.name), addr_spec=envelope.address)),
        ("Reply-To", Address(addr_spec=network.reply_to)),
        ("Subject", subject),
        ("Date", envelope.date),
        ("Message-ID", envelope.message_id),
        ("Auto-Submitted", "auto-generated"),
        ("List-Id", f"<{'webinars' if letter.can_be_stopped else 'reports'}.{network.uid_domain}>"),
    ]
    if envelope.first:
        found += [("In-Reply-To", envelope.first), ("References", envelope.first)]
    if letter.can_be_stopped:
        found += [
            ("List-Unsubscribe", f"<{envelope.stop}>, <mailto:{network.reply_to}?subject=stop>"),
            ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
        ]
    return found


def naive_calendar(in_force: InForce, row: Delivery, envelope: Envelope, history: History) -> Calendar:
    """The calendar of a row that has a method."""
    network, member = in_force.network, in_force.members[row.member]
    occurrence = in_force.occurrences[row.occurrence]
    words = private_words(occurrence, member.zone, network, language(member.languages[0], network.languages))
    event = session_event(occurrence, occurrence.uid(network), row.sequence, words)
    event.add("dtstamp", history.stamp(row.inserted_at))
    organiser = vCalAddress(f"mailto:{network.sender.address}")
    organiser.params["CN"] = network.sender.name
    event.add("organizer", organiser)
    event.add("attendee", _attendee(envelope, row, history))
    if row.method == "CANCEL":
        event["status"] = vText("CANCELLED")
        if not occurrence.is_cancelled:
            event["summary"] = Text(words.summary)
            for name in ("description", "location", "url"):
                event.pop(name, None)
    return _calendar_of(event, str(row.method))


def _attendee(envelope: Envelope, row: Delivery, history: History) -> vCalAddress:
    attendee = vCalAddress(f"mailto:{envelope.address}")
    attendee.params["CUTYPE"] = "INDIVIDUAL"
    attendee.params["ROLE"] = "REQ-PARTICIPANT"
    if row.method == "REQUEST":
        attendee.params["PARTSTAT"] = history.stands.value.upper() if history.stands else "NEEDS-ACTION"
        attendee.params["RSVP"] = "TRUE"
    attendee.params["CN"] = _tamed(envelope.name)
    return attendee


def _calendar_of(event: Event, method: str) -> Calendar:
    calendar = Calendar()
    calendar.add("prodid", PRODID)
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", method)
    calendar.add_component(event)
    return calendar


def _tamed(text: str) -> str:
    return " ".join(_UNFIT.sub(" ", text).replace('"', "'").split())
