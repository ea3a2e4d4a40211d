"""Whole messages, whatever stands in titles, names and reasons: X01, X02 and X04 of the reliability rules."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import time
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import Message
from functools import lru_cache

import pytest

from scheduler.model.history import NOTHING_PASSED, History
from scheduler.model.network import Configuration
from scheduler.model.notices import Kind
from scheduler.model.programme import Occurrence, occurrences_of
from scheduler.model.series import ProgrammeItem, Speaker, Status
from scheduler.model.told import Told
from scheduler.service.letters import Letters
from tests.cast import MELTON, a_configuration, a_series, a_session
from tests.ical.reading import names
from tests.mail.desk import HOSTILE
from tests.service.force import LINKS, in_force
from tests.service.rows import ADDRESS, NOW, a_row

FIRST = "<first.talks.invitation.0.1@learning-cities.example>"
KINDS = (Kind.ANNOUNCEMENT, Kind.INVITATION, Kind.CHANGED, Kind.CANCELLED, Kind.REMINDER)
HEADERS = [
    "From", "To", "Reply-To", "Subject", "Date", "Message-ID", "MIME-Version", "Auto-Submitted", "List-Id",
    "In-Reply-To", "References", "List-Unsubscribe", "List-Unsubscribe-Post", "Content-Type",
]  # fmt: skip
#: Besides what a mail must survive: what a calendar must.
TEXTS = [
    *HOSTILE,
    "a\r\nATTENDEE:mailto:evil@x.example\r\nEND:VEVENT",
    "BEGIN:VALARM;,\\\\n\x00\x0b\x1f\x7f\x9b",
]
EVERYTHING = pytest.mark.parametrize("text", TEXTS, ids=lambda text: ascii(text)[:30])
C0 = re.compile(rb"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f]")


def saying(text: str, kind: Kind) -> tuple[Configuration, Occurrence]:
    """A session whose every text is this one."""
    status = Status.CANCELLED if kind is Kind.CANCELLED else Status.CONFIRMED
    session = a_session(
        title=text, reason=text, description=text, organisers=(text,), status=status,
        programme=(ProgrammeItem(text, (Speaker(text, text, text),)),),
    )  # fmt: skip
    series = a_series(session, title=text, description=text)
    plain = a_configuration(series, members=(MELTON,))
    city = replace(plain.members[0], name=text)
    return replace(plain, members=(city,)), occurrences_of(series)[0]


@lru_cache(maxsize=256)
def written(text: str, kind: Kind) -> bytes:
    configuration, occurrence = saying(text, kind)
    before = occurrences_of(a_series(a_session(start=time(9), end=time(10))))[0]
    history = History(Told.of(before, 0, "REQUEST"), NOW, FIRST)
    if kind is Kind.ANNOUNCEMENT:
        history = replace(NOTHING_PASSED, first=FIRST)
    row = a_row(kind, "talks" if kind is Kind.ANNOUNCEMENT else occurrence.id, text)
    return Letters(in_force(configuration), LINKS).write(row, history, NOW)


def the_calendar(message: Message) -> bytes:
    (part,) = (part for part in message.walk() if part.get_content_type() == "text/calendar")
    octets = part.get_payload(decode=True)
    assert isinstance(octets, bytes)
    return octets


@EVERYTHING
@pytest.mark.parametrize("kind", KINDS)
def test_the_headers_of_a_whole_mail_are_those_that_were_meant(kind: Kind, text: str) -> None:
    octets = written(text, kind)

    for rules in (policy.SMTP, policy.compat32):
        message = message_from_bytes(octets, policy=rules)
        assert message.keys() == HEADERS
        assert not message.defects
    assert message_from_bytes(octets)["To"].replace("\r\n", "").endswith(f"<{ADDRESS}>")
    assert octets.count(b"@melton.example") == 1


@EVERYTHING
@pytest.mark.parametrize("kind", KINDS)
def test_the_lines_of_a_whole_mail_are_short(kind: Kind, text: str) -> None:
    octets = written(text, kind)

    head, _, body = octets.partition(b"\r\n\r\n")
    assert max(map(len, head.split(b"\r\n"))) <= 78 + len(LINKS.stop(1))
    assert max(map(len, body.split(b"\r\n"))) <= 78
    assert not C0.search(octets)
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n", octets)


@EVERYTHING
@pytest.mark.parametrize("kind", [Kind.INVITATION, Kind.CHANGED, Kind.CANCELLED])
def test_the_calendar_of_a_whole_mail_has_the_properties_that_were_meant(kind: Kind, text: str) -> None:
    calendar = the_calendar(message_from_bytes(written(text or "x", kind)))

    assert names(calendar) == names(the_calendar(message_from_bytes(written("A text", kind))))
    assert not C0.search(calendar)
    assert len(calendar.decode().splitlines()) == calendar.count(b"\r\n")


@EVERYTHING
def test_a_title_stands_in_the_subject_as_it_was_written(text: str) -> None:
    subject = message_from_bytes(written(text, Kind.INVITATION))["Subject"].replace("\r\n", "")

    said = "".join(str(make_header(decode_header(subject))).split())
    assert said.startswith("Invitation:" + "".join(text.split()))
