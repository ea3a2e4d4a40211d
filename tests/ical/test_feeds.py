"""Feeds, as programs that subscribe must find them: rules 22 to 26, 44 to 55, 58 and stories US-18, US-23."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from scheduler.ical.events import Revision, Words, day_event, deadline_event, session_event
from scheduler.ical.feeds import feed_item, render_feed, skeleton
from scheduler.ical.words import case_words, cycle_words, private_words, public_words
from scheduler.model.programme import DEADLINE_LENGTH, Occurrence, occurrences_of
from scheduler.model.series import Join, Status
from tests.cast import MELTON, a_series, a_session, at, member, real
from tests.golden import assert_golden
from tests.ical.reading import EN, NETWORK, lines, names, parsed, session_of, the_event, the_session, unfolded

GOLDEN = Path(__file__).parent / "golden"
NEW = Revision(0, at("2027-05-03T07:00:00+00:00"))
CHANGED = Revision(2, at("2027-06-01T10:30:00+02:00"))
SECRETS = Join("Zoom", "Webinar ID", "94172987853", "https://meet.cities.example/1", "lantern")
REPORT_2021 = next(cycle for cycle in real().cycles if cycle.id == "report-2021")


def public_item(occurrence: Occurrence, revision: Revision = NEW, *, is_over: bool = False) -> bytes:
    words = public_words(occurrence, NETWORK, EN, is_over=is_over)
    return feed_item(session_event(occurrence, occurrence.uid(NETWORK), revision.sequence, words), revision)


def city_item(occurrence: Occurrence, revision: Revision = NEW) -> bytes:
    """As Melton reads it."""
    words = private_words(occurrence, member(MELTON).zone, NETWORK, EN)
    return feed_item(session_event(occurrence, occurrence.uid(NETWORK), revision.sequence, words), revision)


def melton_deadline(revision: Revision = NEW) -> bytes:
    ends_at = REPORT_2021.deadline.instant
    words = case_words(occurrences_of(REPORT_2021)[0], member(MELTON).zone, NETWORK, EN)
    uid = f"{REPORT_2021.id}.{MELTON}@{NETWORK.uid_domain}"
    event = deadline_event(uid, ends_at - DEADLINE_LENGTH, ends_at, revision.sequence, words)
    return feed_item(event, revision)


def public_feed(*occurrences: Occurrence, name: str = NETWORK.name) -> bytes:
    return render_feed(name, [public_item(occurrence) for occurrence in occurrences or (the_session(),)])


def description(octets: bytes) -> str:
    """As it stands there, with its escapes."""
    (line,) = (line for line in unfolded(octets) if line.startswith("DESCRIPTION:"))
    return line.removeprefix("DESCRIPTION:")


# the calendar


def test_a_feed_publishes() -> None:
    assert "METHOD:PUBLISH" in unfolded(public_feed())


@pytest.mark.parametrize("item", [public_item(the_session()), city_item(the_session()), melton_deadline()])
def test_nobody_is_asked_for_an_answer(item: bytes) -> None:
    found = names(render_feed("A feed", [item]))

    assert not {"ATTENDEE", "ORGANIZER"} & set(found)


@pytest.mark.parametrize("item", [public_item(the_session()), city_item(the_session()), melton_deadline()])
def test_subscribers_choose_their_own_alarms(item: bytes) -> None:
    assert {part.name for part in parsed(render_feed("A feed", [item])).walk()} == {"VCALENDAR", "VEVENT"}


def test_clients_are_asked_to_look_again_after_six_hours() -> None:
    found = unfolded(public_feed())

    assert "REFRESH-INTERVAL;VALUE=DURATION:PT6H" in found
    assert "X-PUBLISHED-TTL:PT6H" in found


@pytest.mark.parametrize("label", ["NAME", "X-WR-CALNAME"])
def test_the_name_of_a_feed_is_escaped(label: str) -> None:
    found = unfolded(public_feed(name="Cities; towns, and \\ all\nof it"))

    assert f"{label}:Cities\\; towns\\, and \\\\ all\\nof it" in found


def test_a_name_cannot_add_a_line() -> None:
    octets = public_feed(name="Cities\r\nATTENDEE:mailto:evil@x.example")

    assert names(octets) == names(public_feed())


def test_a_feed_without_items_is_a_calendar() -> None:
    assert names(render_feed("Empty", []))["BEGIN"] == names(render_feed("Empty", []))["END"] == 1


def test_items_stay_in_their_order() -> None:
    occurrences = [the_session(id=name) for name in ("one", "two", "three")]

    found = [event["uid"] for event in parsed(public_feed(*occurrences)).walk("VEVENT")]

    assert found == [occurrence.uid(NETWORK) for occurrence in occurrences]


def test_the_same_programme_gives_the_same_bytes() -> None:
    assert public_feed() == public_feed()


# the items


def test_the_stamp_of_an_item_is_its_last_change() -> None:
    found = unfolded(public_item(the_session(), CHANGED))

    assert {"DTSTAMP:20270601T083000Z", "LAST-MODIFIED:20270601T083000Z"} <= {*found}
    assert "SEQUENCE:2" in found


@pytest.mark.parametrize("item", [public_item(the_session()), city_item(the_session())])
def test_times_are_written_in_utc(item: bytes) -> None:
    assert {"DTSTART:20270614T110000Z", "DTEND:20270614T120000Z"} <= {*unfolded(item)}


def test_a_cancelled_session_stays_with_its_uid() -> None:
    event = the_event(public_feed(the_session(status=Status.CANCELLED)))

    assert event["status"] == "CANCELLED"
    assert event["uid"] == the_event(public_feed())["uid"]


def test_a_cancelled_session_takes_no_time() -> None:
    assert the_event(public_feed(the_session(status=Status.CANCELLED)))["transp"] == "TRANSPARENT"


def test_an_open_session_is_an_all_day_item() -> None:
    """US-03.4: tentative, and the same UID when the time comes."""
    event = the_event(public_feed(the_session(start=None, end=None)))

    assert event["dtstart"].dt == date(2027, 6, 14)
    assert event["status"] == "TENTATIVE"
    assert event["summary"] == "A first session (time to be announced)"
    assert event["uid"] == the_event(public_feed())["uid"]


def test_days_without_an_hour_end_before_the_day_after_the_last() -> None:
    """DTEND is exclusive (RFC 5545, section 3.6.1)."""
    event = the_event(public_feed(the_session(start=None, end=None, end_on=date(2027, 6, 16))))

    assert (event["dtstart"].dt, event["dtend"].dt) == (date(2027, 6, 14), date(2027, 6, 17))


def test_a_session_of_several_days_is_one_item() -> None:
    event = the_event(public_feed(the_session(end_on=date(2027, 6, 16))))

    assert event["dtstart"].dt == at("2027-06-14T13:00:00+02:00")
    assert event["dtend"].dt == at("2027-06-16T14:00:00+02:00")


def test_a_public_item_does_not_say_how_to_join_in_any_language() -> None:
    octets = public_item(the_session(join=Join(), joins=(("en", SECRETS), ("fr", SECRETS))))

    text = "".join(unfolded(octets)).replace(" ", "")

    assert not [word for word in ("meet.cities", "94172987853", "lantern", "Zoom", "Webinar") if word in text]


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("is_over", [False, True])
def test_a_public_item_does_not_say_how_to_join(status: Status, *, is_over: bool) -> None:
    occurrence = the_session(join=SECRETS, status=status, recording="https://recordings.cities.example/1")

    text = "".join(unfolded(public_item(occurrence, is_over=is_over))).replace(" ", "")

    assert not [word for word in ("meet.cities", "94172987853", "lantern", "Zoom", "Webinar") if word in text]


@pytest.mark.parametrize("text", ["x" * 2000, "é, " * 700, "漢字" * 1000, "\\;" * 1000, "a word " * 300])
@pytest.mark.parametrize(
    "link", ["", "https://recordings.cities.example/" + "x" * 60, "https://x.example/" + "," * 1900]
)
def test_a_public_description_is_short(text: str, link: str) -> None:
    series = a_series(a_session(title=text, description=text, recording=link), title=text)

    octets = public_item(session_of(series), is_over=True)

    assert len(description(octets).encode()) < 200
    assert "13:00 Hamburg time (CEST\\, UTC+2)" in description(octets)


def test_a_public_item_of_the_past_names_its_recording() -> None:
    occurrence = the_session(recording="https://recordings.cities.example/1")

    assert "https://recordings.cities.example/1" in description(public_item(occurrence, is_over=True))
    assert "recordings" not in description(public_item(occurrence))


@pytest.mark.parametrize(
    "words",
    [
        Words("A title", "A text", "Online"),
        Words("A title", ""),
        Words("", "", ""),
        Words("a, b; c\\ d\ne " * 20, "漢字, " * 60, "https://meet.cities.example/1?a=b,c;d"),
    ],
)
@pytest.mark.parametrize("changes", [{}, {"start": None, "end": None}, {"status": Status.CANCELLED}])
def test_a_filled_skeleton_is_the_item_itself(words: Words, changes: dict[str, object]) -> None:
    occurrence = the_session(**changes)
    uid = occurrence.uid(NETWORK)
    bare = skeleton(session_event(occurrence, uid, 2, Words("-", "-", "-")), CHANGED)

    assert bare.filled(words) == feed_item(session_event(occurrence, uid, 2, words), CHANGED)


# deadlines


def test_the_deadline_of_melton_ends_on_new_years_morning() -> None:
    """US-23.4: not an all-day entry on 31 December."""
    event = the_event(render_feed("Melton", [melton_deadline()]))

    assert event["dtend"].dt == at("2022-01-01T09:59:59+11:00")
    assert event["dtstart"].dt == at("2022-01-01T09:29:59+11:00")


def test_a_deadline_does_not_block_the_day() -> None:
    assert the_event(render_feed("Melton", [melton_deadline()]))["transp"] == "TRANSPARENT"


def test_a_deadline_is_the_citys_own() -> None:
    uid = the_event(render_feed("Melton", [melton_deadline()]))["uid"]

    assert uid == "report-2021.melton@learning-cities.example"


def test_a_deadline_names_both_clocks() -> None:
    text = the_event(render_feed("Melton", [melton_deadline()]))["description"]

    assert text.splitlines()[0] == (
        "Until Saturday 1 January 2022, 09:59 here; Friday 31 December 2021, 23:59 Hamburg time (CET, UTC+1)."
    )


def test_the_deadline_of_all_is_a_day() -> None:
    words = cycle_words(REPORT_2021, NETWORK, EN)
    item = feed_item(day_event("report-2021@x.example", REPORT_2021.deadline.on, 0, words), NEW)

    event = the_event(render_feed("Deadlines", [item]))

    assert event["dtstart"].dt == date(2021, 12, 31)
    assert event["dtend"].dt == date(2022, 1, 1)
    assert event["transp"] == "TRANSPARENT"


# whole files


def test_a_public_feed_looks_like_this() -> None:
    over = the_session(id="over", on=date(2027, 4, 12), recording="https://recordings.cities.example/over")
    items = (
        public_item(over, is_over=True),
        public_item(the_session(id="open", start=None, end=None, on=date(2027, 5, 10)), CHANGED),
        public_item(replace(the_session(), of=a_series(title="L’Alcora, N’Zérékoré, İzmir; Sa Đéc " * 4))),
        public_item(the_session(id="off", status=Status.CANCELLED, reason="A storm"), CHANGED),
        public_item(the_session(id="put-off", status=Status.POSTPONED), CHANGED),
    )

    assert_golden(GOLDEN / "public-feed.ics", render_feed("Talks, among cities", items))


def test_the_feed_of_a_city_looks_like_this() -> None:
    items = (melton_deadline(), city_item(the_session(join=SECRETS)), city_item(the_session(id="x"), CHANGED))
    octets = render_feed("Global Network of Learning Cities: Melton", items)

    assert lines(octets)
    assert_golden(GOLDEN / "city-feed.ics", octets)
