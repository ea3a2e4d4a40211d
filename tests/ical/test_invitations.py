"""One mail's calendar, as calendar programs must find it (iTIP, RFC 5546; iMIP, RFC 6047)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time
from pathlib import Path

import pytest

from scheduler.ical.events import Words
from scheduler.ical.invitations import Invitation, Method, build_invitation
from scheduler.ical.words import private_words
from scheduler.model.programme import Occurrence
from scheduler.model.series import Status
from tests.cast import a_series, a_session, at
from tests.golden import assert_golden
from tests.ical.reading import EN, NETWORK, lines, names, parsed, session_of, the_event, the_session, unfolded

GOLDEN = Path(__file__).parent / "golden"
STAMP = at("2027-05-17T09:00:00-05:00")


def invite(
    occurrence: Occurrence | None = None, method: Method = Method.REQUEST, sequence: int = 0
) -> Invitation:
    """An invitation as Medellín reads it."""
    occurrence = occurrence or the_session()
    words = private_words(occurrence, "America/Bogota", NETWORK, EN)
    return build_invitation(occurrence, method, sequence, NETWORK, words)


def sent(
    occurrence: Occurrence | None = None,
    method: Method = Method.REQUEST,
    sequence: int = 0,
    name: str = "Medellín",
) -> bytes:
    return invite(occurrence, method, sequence).addressed_to(name, "city@medellin.example", STAMP)


@pytest.mark.parametrize("method", Method)
def test_the_method_stands_in_the_file(method: Method) -> None:
    assert f"METHOD:{method.value}" in unfolded(sent(method=method))


@pytest.mark.parametrize("method", Method)
def test_there_is_one_item_alone(method: Method) -> None:
    found = names(sent(method=method))

    assert found["BEGIN"] == 2
    assert not {"VALARM", "VTIMEZONE"} & {part.name for part in parsed(sent(method=method)).walk()}


@pytest.mark.parametrize("method", Method)
def test_the_recipient_is_the_only_attendee(method: Method) -> None:
    octets = sent(method=method)

    assert names(octets)["ATTENDEE"] == 1
    assert the_event(octets)["attendee"] == "mailto:city@medellin.example"


def test_a_request_asks_for_an_answer() -> None:
    attendee = the_event(sent())["attendee"]

    assert attendee.params["RSVP"] == "TRUE"
    assert attendee.params["PARTSTAT"] == "NEEDS-ACTION"
    assert attendee.params["ROLE"] == "REQ-PARTICIPANT"


def test_a_cancellation_asks_for_none() -> None:
    attendee = the_event(sent(method=Method.CANCEL))["attendee"]

    assert "RSVP" not in attendee.params
    assert "PARTSTAT" not in attendee.params


@pytest.mark.parametrize("method", Method)
def test_the_organiser_is_the_bare_from_address(method: Method) -> None:
    organiser = the_event(sent(method=method))["organizer"]

    assert organiser == f"mailto:{NETWORK.sender.address}"
    assert organiser.params["CN"] == NETWORK.sender.name


def test_the_sequence_is_the_revision() -> None:
    assert "SEQUENCE:3" in unfolded(sent(sequence=3))


def test_a_cancelled_session_says_so() -> None:
    octets = sent(the_session(status=Status.CANCELLED), Method.CANCEL, 1)

    assert the_event(octets)["status"] == "CANCELLED"


def test_a_city_that_is_no_longer_meant_is_cancelled_though_the_session_takes_place() -> None:
    octets = sent(the_session(), Method.CANCEL, 1)

    assert [line for line in unfolded(octets) if line.startswith("STATUS")] == ["STATUS:CANCELLED"]


@pytest.mark.parametrize("property_name", ["uid", "organizer", "attendee", "dtstart", "dtend"])
def test_a_cancellation_names_the_item_of_the_request(property_name: str) -> None:
    request, cancellation = sent(), sent(the_session(status=Status.CANCELLED), Method.CANCEL, 1)

    assert the_event(cancellation)[property_name] == the_event(request)[property_name]


@pytest.mark.parametrize("status", [Status.CANCELLED, Status.CONFIRMED])
def test_a_cancellation_no_longer_says_how_to_join(status: Status) -> None:
    octets = sent(the_session(status=status), Method.CANCEL, 1)

    assert "meet.cities.example" not in "".join(unfolded(octets))


def test_times_are_written_in_utc() -> None:
    found = unfolded(sent())

    assert "DTSTART:20270614T110000Z" in found
    assert "DTEND:20270614T120000Z" in found


def test_the_stamp_is_the_moment_of_making_in_utc() -> None:
    assert "DTSTAMP:20270517T140000Z" in unfolded(sent())


@pytest.mark.parametrize(
    "name",
    [
        "Bogotá, Medellín; Cali: all",
        'The "learning" city',
        "Carets ^ and ^n and ^' and ^^",
        "back\\slash\\n",
        "'s-Hertogenbosch",
        "İzmir",
        "Sa Đéc",
        "المحرق",
        "上海",
        "🏫 a school",
        "=?utf-8?q?x?=",
        "x:mailto:evil@x.example",
    ],
)
def test_a_name_comes_back_as_it_was(name: str) -> None:
    attendee = the_event(sent(name=name))["attendee"]

    assert attendee.params["CN"] == name
    assert attendee == "mailto:city@medellin.example"


def test_a_long_name_is_cut_between_characters() -> None:
    octets = sent(name="漢字" * 200)

    assert len(lines(octets)) == len(lines(sent()))
    assert the_event(octets)["attendee"].params["CN"] == "漢字" * 200


def test_an_escape_is_never_cut_in_two() -> None:
    """Outlook shows the halves (collective/icalendar#87)."""
    for length in range(60, 76):
        words = Words("x" * length + "\n,;\\" * 30, "")
        octets = build_invitation(the_session(), Method.REQUEST, 0, NETWORK, words).fixed

        pieces = b"".join(octets).split(b"\r\n")
        assert all((len(piece) - len(piece.rstrip(b"\\"))) % 2 == 0 for piece in pieces)


def test_an_open_session_is_an_all_day_item() -> None:
    found = unfolded(sent(the_session(start=None, end=None)))

    assert "DTSTART;VALUE=DATE:20270614" in found
    assert "DTEND;VALUE=DATE:20270615" in found
    assert "X-MICROSOFT-CDO-ALLDAYEVENT:TRUE" in found


def test_an_open_session_is_tentative_beside_other_work() -> None:
    event = the_event(sent(the_session(start=None, end=None)))

    assert event["status"] == "TENTATIVE"
    assert event["transp"] == "TRANSPARENT"
    assert event["summary"] == "A first session (time to be announced)"


def test_a_postponed_session_does_not_pass_its_old_day_for_the_new_one() -> None:
    event = the_event(sent(the_session(status=Status.POSTPONED)))

    assert event["status"] == "TENTATIVE"
    assert event["summary"] == "A first session (postponed, a new date follows)"
    assert event["description"].startswith("Postponed, a new date follows\n")


@pytest.mark.parametrize(
    "changes",
    [
        {"start": None, "end": None},
        {"on": date(2027, 7, 1), "start": time(9)},
        {"title": "Another title"},
        {"status": Status.POSTPONED},
        {"status": Status.CANCELLED},
    ],
)
def test_a_session_keeps_its_uid(changes: dict[str, object]) -> None:
    uid = the_event(sent(the_session(**changes)))["uid"]

    assert uid == the_event(sent())["uid"] == "first.talks@learning-cities.example"


def test_nothing_of_one_reader_reaches_the_next() -> None:
    made = invite()
    first = made.addressed_to("Alice", "alice@a.example", STAMP)

    second = made.addressed_to("Bob", "bob@b.example", at("2027-05-18T09:00:00+00:00"))

    assert not [word for word in (b"Alice", b"alice", b"a.example", b"0517") if word in second]
    assert first.count(b"\r\n") == second.count(b"\r\n")


def test_the_same_reader_gets_the_same_bytes() -> None:
    assert sent() == sent()


def test_a_title_like_a_mark_stays_a_title() -> None:
    octets = sent(replace(the_session(), of=a_series(title="{name} %(address)s {{ stamp }}")))

    assert "{name} %(address)s {{ stamp }}" in the_event(octets)["description"]


@pytest.mark.parametrize(
    ("file", "changes", "method", "sequence"),
    [
        ("invitation.ics", {"description": "One hour; two talks, then questions."}, Method.REQUEST, 0),
        ("cancellation.ics", {"status": Status.CANCELLED, "reason": "A storm"}, Method.CANCEL, 1),
        ("open-session.ics", {"start": None, "end": None}, Method.REQUEST, 0),
    ],
)
def test_a_calendar_looks_like_this(
    file: str, changes: dict[str, object], method: Method, sequence: int
) -> None:
    occurrence = session_of(a_series(a_session(**changes)))

    assert_golden(GOLDEN / file, sent(occurrence, method, sequence))


def test_reserved_signs_of_an_address_are_escaped_after_mailto() -> None:
    """RFC 6068, section 2."""
    octets = invite().addressed_to("Chatham", "O'Brien+x_y%z#t?a=b&c@chatham.example", STAMP)

    assert the_event(octets)["attendee"] == "mailto:O'Brien+x_y%25z%23t%3Fa%3Db%26c@chatham.example"


def test_what_is_cancelled_carries_no_description() -> None:
    """Staff write links into them."""
    off = the_session(status=Status.CANCELLED, description="Join at https://meet.cities.example/secret")

    assert "secret" not in unfolded(sent(off, Method.CANCEL))
