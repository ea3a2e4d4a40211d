"""Answers by mail: every program's shape is read, and whatever is no answer gets one sentence."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.errors import ReplyRefused
from scheduler.ical.replies import Reply, read_reply
from scheduler.model.answers import Answer
from tests.cast import at
from tests.ical.answered import CONTACT, SHAPES, UID, calendar, mail, part, several

ACCEPTED = Reply(
    UID, CONTACT, CONTACT, Answer.ACCEPTED, at("2027-06-01T08:00:00+00:00"), at("2027-06-14T11:00:00+00:00")
)
STRANGER = "mallory@elsewhere.example"


@pytest.mark.parametrize("program", SHAPES)
def test_every_program_is_understood(program: str) -> None:
    assert read_reply(SHAPES[program]) == ACCEPTED


@pytest.mark.parametrize("answer", Answer)
def test_an_answer_is_one_of_three(answer: Answer) -> None:
    assert read_reply(mail(part(calendar(partstat=answer.value.upper())))).answer is answer


def test_without_a_stamp_the_date_of_the_mail_counts() -> None:
    reply = read_reply(mail(part(calendar(stamp=""))))

    assert reply.stamped_at == datetime(2027, 6, 1, 8, 0, 30, tzinfo=UTC)


def test_an_hour_without_a_zone_is_no_instant() -> None:
    assert read_reply(mail(part(calendar(start="DTSTART:20270614T110000")))).starts_at is None


def test_somebody_may_answer_on_behalf() -> None:
    sent_by = calendar().replace("CN=A contact", f'CN=A contact;SENT-BY="mailto:{STRANGER}"')

    reply = read_reply(mail(part(sent_by), STRANGER))

    assert (reply.address, reply.sender) == (CONTACT, STRANGER)


@pytest.mark.parametrize(
    "sender",
    [
        STRANGER,
        f'"{CONTACT}" <{STRANGER}>',
        f"{CONTACT}, {STRANGER}",
        f"{STRANGER} ({CONTACT})",
        f"<{STRANGER}> {CONTACT}",
        f'"x" <{STRANGER}> <{CONTACT}>',
        f"{CONTACT}>, <{STRANGER}",
        "",
        "nobody",
        f"=?utf-8?q?{CONTACT}?=",
        f"{STRANGER}\r\nFrom: {CONTACT}",
    ],
)
def test_a_forged_answer_is_refused(sender: str) -> None:
    with pytest.raises(ReplyRefused, match="come from"):
        read_reply(mail(part(calendar()), sender))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"method": "COUNTER"}, "it proposes another time"),
        ({"method": "DECLINECOUNTER"}, "turns a proposal down"),
        ({"method": "REFRESH"}, "asks for the invitation once more"),
        ({"method": "REQUEST"}, "is an invitation itself"),
        ({"method": "PUBLISH"}, "is no answer"),
        ({"partstat": "DELEGATED"}, "hands the invitation on"),
        ({"partstat": "NEEDS-ACTION"}, "neither yes nor no"),
        ({"partstat": "X-PERHAPS"}, "none of accepted, tentative, declined"),
        ({"attendee": ""}, "or for nobody"),
        ({"attendee": "https://elsewhere.example/"}, "does not come from the address"),
    ],
)
def test_what_is_no_answer_gets_one_sentence(changes: dict[str, str], said: str) -> None:
    with pytest.raises(ReplyRefused, match=said):
        read_reply(mail(part(calendar(**changes))))


def test_one_mail_answers_for_one_address() -> None:
    with pytest.raises(ReplyRefused, match="for several people"):
        read_reply(mail(part(calendar(f"ATTENDEE;PARTSTAT=DECLINED:mailto:{STRANGER}"))))


def test_one_mail_answers_one_session() -> None:
    with pytest.raises(ReplyRefused, match="for several sessions"):
        read_reply(mail(part(calendar("END:VEVENT", "BEGIN:VEVENT", f"UID:{UID}"))))


def test_two_copies_must_say_the_same() -> None:
    both = several("mixed", part(calendar()), part(calendar(partstat="DECLINED"), "application/ics"))

    with pytest.raises(ReplyRefused, match="say different things"):
        read_reply(mail(both))


def test_an_answer_that_is_only_passed_on_is_none() -> None:
    """Somebody forwards it, or a server gives it back: it is inside another mail."""
    inside = "Content-Type: message/rfc822\r\n\r\n" + mail(part(calendar())).decode()

    with pytest.raises(ReplyRefused, match="no calendar in it"):
        read_reply(mail(several("mixed", inside)))


def nested(depth: int) -> str:
    body = part(calendar())
    for level in range(depth):
        body = several("mixed", body, boundary=f"b{level}")
    return body


HARD = {
    "nothing": b"",
    "not a mail": b"\x00\xff\xfe" * 1000,
    "too large": mail(part(calendar("X-A:" + "a" * 1_000_000))),
    "too many lines": mail("\r\n" * 30_000),
    "too deep": mail(nested(200)),
    "too many calendars": mail(several("mixed", *[part(calendar())] * 5)),
    "a long calendar": mail(part(calendar("X-A:" + "a" * 200_000))),
    "no calendar": mail("Content-Type: text/calendar\r\n\r\nhello"),
    "two calendars": mail(part(calendar() + calendar())),
    "unknown charset": mail(part(calendar(), "text/calendar; charset=no-such")),
    "broken base64": mail(part("%%%", coding="base64").replace("JSUl", "=%%")),
    "an end without a begin": mail(part("END:VCALENDAR\r\n")),
    "open for ever": mail(part("BEGIN:VCALENDAR\r\n" + "BEGIN:VEVENT\r\n" * 5000)),
    "a year of none": mail(
        part(calendar(stamp="DTSTAMP:00010101T000000Z", start="DTSTART:99999999T000000Z"))
    ),
    "a broken boundary": mail('Content-Type: multipart/mixed; boundary=""\r\n\r\n----\r\n'),
    "a broken name": mail(part(calendar(), "application/x; name*0*=x''%ff; name*2=y")),
}


def uid_or_sentence(octets: bytes) -> str:
    """What can be read all the same, or why not; anything else is raised."""
    try:
        return read_reply(octets).uid
    except ReplyRefused as refused:
        return str(refused)


@pytest.mark.parametrize("case", HARD)
def test_nothing_is_too_strange_for_a_sentence(case: str) -> None:
    said = uid_or_sentence(HARD[case])

    assert said == UID or ("\n" not in said and "@" not in said)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    octets=st.one_of(
        st.binary(max_size=400),
        st.builds(
            lambda shape, at, junk: shape[: at % len(shape)] + junk + shape[at % len(shape) + len(junk) :],
            st.sampled_from(list(SHAPES.values())),
            st.integers(0, 5000),
            st.binary(min_size=1, max_size=12),
        ),
    )
)
def test_damaged_mails_are_read_or_refused(octets: bytes) -> None:
    assert uid_or_sentence(octets) is not None


def test_signs_that_stand_with_percent_in_the_calendar_are_those_of_the_address() -> None:
    """RFC 6068: % / ? # & = ; stand so in an address after "mailto:"."""
    odd = "o'brien+x_y%z#t?a=b&c@chatham.example"
    written = "mailto:O'Brien+x_y%25z%23t%3Fa%3Db%26c@chatham.example"

    reply = read_reply(mail(part(calendar().replace(f"mailto:{CONTACT}", written)), odd))

    assert (reply.address, reply.sender) == (odd, odd)
