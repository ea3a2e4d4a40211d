"""The finished message, as mail programs must find it: rules 1 to 8, 12 to 18 of iMIP."""

from __future__ import annotations

import re
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from html import escape

import pytest

from scheduler.ical.invitations import Method, build_invitation
from scheduler.ical.words import private_words
from scheduler.mail.messages import Letter
from scheduler.mail.templates import Texts
from scheduler.model.cases import ENDING, LETTERS
from scheduler.model.notices import Kind
from tests.cast import MELTON
from tests.mail.desk import (
    EN,
    HOSTILE,
    NETWORK,
    NOW,
    about,
    arrived,
    envelope,
    html,
    letter,
    part,
    plain,
    posted,
    reader_in,
    report,
    the_session,
    views_of_all_kinds,
)

HERE = reader_in(MELTON)
KINDS = {Method.REQUEST: Kind.INVITATION, Method.CANCEL: Kind.CANCELLED}
HEADERS = [
    "From", "To", "Reply-To", "Subject", "Date", "Message-ID", "MIME-Version", "Auto-Submitted", "List-Id",
    "List-Unsubscribe", "List-Unsubscribe-Post", "Content-Type",
]  # fmt: skip
STRUCTURE = [
    "multipart/mixed", "multipart/alternative", "text/plain", "text/html", "text/calendar", "application/ics",
]  # fmt: skip


def calendar(method: Method, name: str = "Melton") -> bytes:
    occurrence = the_session()
    words = private_words(occurrence, HERE.zone, NETWORK, EN)
    made = build_invitation(occurrence, method, 0, NETWORK, words)
    return made.addressed_to(name, "learningcity@melton.example", NOW)


def octets_with_calendar(method: Method = Method.REQUEST, **changes: str) -> bytes:
    made = letter(KINDS[method], about(the_session(), HERE), method.value)
    return made.addressed_to(envelope(**changes), calendar(method))


def with_calendar(method: Method = Method.REQUEST, **changes: str) -> EmailMessage:
    return arrived(octets_with_calendar(method, **changes))


def without_calendar(**changes: str) -> EmailMessage:
    return posted(Kind.REMINDER, about(the_session(), HERE), **changes)


def the_part(message: EmailMessage, kind: str) -> EmailMessage:
    (found,) = (one for one in message.walk() if one.get_content_type() == kind)
    assert isinstance(found, EmailMessage)
    return found


# structure


@pytest.mark.parametrize("method", Method)
def test_a_mail_with_a_calendar_has_six_parts_in_this_order(method: Method) -> None:
    assert [one.get_content_type() for one in with_calendar(method).walk()] == STRUCTURE


def test_a_mail_without_a_calendar_is_two_alternatives() -> None:
    found = [one.get_content_type() for one in without_calendar().walk()]

    assert found == ["multipart/alternative", "text/plain", "text/html"]


@pytest.mark.parametrize("method", Method)
def test_the_method_stands_in_both_places(method: Method) -> None:
    message = with_calendar(method)

    assert the_part(message, "text/calendar").get_param("method") == method.value
    assert f"METHOD:{method.value}\r\n" in part(message, "text/calendar")


@pytest.mark.parametrize("method", Method)
def test_the_attachment_has_the_same_octets(method: Method) -> None:
    message = with_calendar(method)

    assert the_part(message, "application/ics").get_payload(decode=True) == calendar(method)
    assert the_part(message, "text/calendar").get_payload(decode=True) == calendar(method)


def test_the_calendar_is_not_an_attachment_itself() -> None:
    """Evolution and Thunderbird would show a file (rule 5)."""
    assert the_part(with_calendar(), "text/calendar")["Content-Disposition"] is None


@pytest.mark.parametrize("method", Method)
def test_the_attachment_is_a_file_with_a_plain_name(method: Method) -> None:
    attached = the_part(with_calendar(method), "application/ics")

    assert attached.get_content_disposition() == "attachment"
    assert attached.get_filename() in ("invitation.ics", "cancellation.ics")


@pytest.mark.parametrize("kind", ["text/plain", "text/html", "text/calendar", "application/ics"])
def test_every_part_travels_in_base64(kind: str) -> None:
    assert the_part(with_calendar(), kind)["Content-Transfer-Encoding"] == "base64"


@pytest.mark.parametrize("kind", ["text/plain", "text/html", "text/calendar"])
def test_every_text_says_that_it_is_utf_8(kind: str) -> None:
    assert the_part(with_calendar(), kind).get_content_charset() == "utf-8"


@pytest.mark.parametrize("kind", ["text/plain", "text/html"])
def test_lines_of_a_text_end_with_crlf(kind: str) -> None:
    text = part(with_calendar(), kind)

    assert "\r\n" in text
    assert not re.search(r"\r(?!\n)|(?<!\r)\n", text)


# headers


def test_the_headers_of_a_webinar_mail_are_these() -> None:
    assert with_calendar().keys() == without_calendar().keys() == HEADERS


def test_there_is_one_address_in_to() -> None:
    (only,) = with_calendar()["To"].addresses

    assert (only.display_name, only.addr_spec) == ("Melton", "learningcity@melton.example")


def test_the_sender_is_the_organiser_of_the_calendar() -> None:
    message = with_calendar()

    (sender,) = message["From"].addresses
    text = part(message, "text/calendar").replace("\r\n ", "")
    assert f":mailto:{sender.addr_spec}\r\n" in text[text.index("ORGANIZER") :]


def test_the_one_in_to_is_the_attendee() -> None:
    """Without that there are no buttons (rule 12)."""
    message = with_calendar()

    (only,) = message["To"].addresses
    assert f":mailto:{only.addr_spec}\r\n" in part(message, "text/calendar").replace("\r\n ", "")


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text)[:30])
def test_no_text_adds_a_header(text: str) -> None:
    """X01."""
    made = Letter.of(Texts(text, text, text), NETWORK, None, can_be_stopped=True)

    octets = made.addressed_to(envelope(name=text, city=text), None)

    assert message_from_bytes(octets).keys() == HEADERS
    assert message_from_bytes(octets, policy=policy.default).keys() == HEADERS


def test_answers_go_to_the_secretariat() -> None:
    (only,) = with_calendar()["Reply-To"].addresses

    assert only.addr_spec == NETWORK.reply_to


def test_the_message_id_is_the_one_of_the_row() -> None:
    assert with_calendar()["Message-ID"] == "<first.talks.invitation.0.1@learning-cities.example>"


def test_the_date_has_a_numeric_zone() -> None:
    value = str(with_calendar()["Date"])

    assert value.endswith(" +0000")
    assert parsedate_to_datetime(value) == NOW


def test_no_out_of_office_replies_are_asked_for() -> None:
    assert with_calendar()["Auto-Submitted"] == "auto-generated"


def test_webinar_mails_can_be_stopped() -> None:
    message = without_calendar()

    assert message["List-Id"] == "<webinars.learning-cities.example>"
    assert message["List-Unsubscribe"].split() == [
        "<https://cities.example/stop/7-secret>,",
        "<mailto:webinars@learning-cities.example?subject=stop>",
    ]
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_report_mails_cannot_be_stopped_by_a_word() -> None:
    message = posted(Kind.REPORT_REMINDER, report(HERE))

    assert message["List-Id"] == "<reports.learning-cities.example>"
    assert message["List-Unsubscribe"] is None
    assert message["List-Unsubscribe-Post"] is None
    assert "/stop/" not in plain(message) + html(message)


@pytest.mark.parametrize("kind", Kind)
def test_no_line_on_the_wire_is_long(kind: Kind) -> None:
    session = the_session(title="x" * 2000, description="y" * 20_000)
    made = letter(kind, views_of_all_kinds(HERE, session)[kind])

    octets = made.addressed_to(envelope(city="Łódź " * 300, name="n" * 2000), None)

    assert max(map(len, octets.split(b"\r\n"))) <= 78
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n", octets)


# what is personal


@pytest.mark.parametrize("city", ['<b>&"', "<script>alert(1)</script>", "L'Alcora", "Sa Đéc", "%(city)s {0}"])
def test_the_name_of_a_city_is_no_html(city: str) -> None:
    message = posted(Kind.REMINDER, about(the_session(), HERE), city=city)

    assert f"in {city} (UTC+10)" in plain(message)
    assert f"in {escape(city)} (UTC+10)" in html(message)


@pytest.mark.parametrize("kind", Kind)
def test_nothing_is_left_open(kind: Kind) -> None:
    message = posted(kind, views_of_all_kinds(HERE)[kind])

    texts = (str(message["Subject"]), plain(message), html(message))
    assert not [text for text in texts if re.search("[\ue000-\uf8ff]", text)]


#: To an office, and where a membership ends.
WITHOUT_FEED = {Kind.REPORT_DIGEST, *(LETTERS[state] for state in ENDING)}


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind not in WITHOUT_FEED])
def test_every_mail_to_a_city_names_its_own_feed(kind: Kind) -> None:
    message = posted(kind, views_of_all_kinds(HERE)[kind], feed="https://cities.example/f?a=1&b=2")

    assert "https://cities.example/f?a=1&b=2" in plain(message)
    assert 'href="https://cities.example/f?a=1&amp;b=2"' in html(message)


def test_a_list_for_an_office_has_nothing_that_is_a_citys_own() -> None:
    """Not even its heading: the office has no calendar of its own."""
    message = posted(Kind.REPORT_DIGEST, views_of_all_kinds(HERE)[Kind.REPORT_DIGEST])

    for text in (plain(message), html(message)):
        assert "secret" not in text
        assert "calendar" not in text.casefold()


def test_an_envelope_in_a_trace_does_not_show_the_code_of_a_city() -> None:
    assert "token=secret" not in repr(envelope())


def test_nothing_of_one_reader_reaches_the_next() -> None:
    made = letter(Kind.REMINDER, about(the_session(), HERE))
    made.addressed_to(
        envelope(name="Alice", address="a@a.example", city="Aland", feed="https://a.example"), None
    )

    second = arrived(made.addressed_to(envelope(name="Bob", city="Bland"), None))

    whole = f"{second}{plain(second)}{html(second)}"
    assert not [word for word in ("Alice", "a@a.example", "Aland", "https://a.example") if word in whole]


def test_a_subject_of_many_is_encoded_for_each() -> None:
    made = Letter.of(Texts("In \ue000city\ue001", "", ""), NETWORK, None, can_be_stopped=True)

    subjects = [
        str(arrived(made.addressed_to(envelope(city=city), None))["Subject"]) for city in ("Cork", "İzmir")
    ]

    assert subjects == ["In Cork", "In İzmir"]


def test_the_same_words_give_the_same_octets() -> None:
    assert octets_with_calendar() == octets_with_calendar()
