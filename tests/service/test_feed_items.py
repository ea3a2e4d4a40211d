"""What is kept from one edition of the feeds to the next, and that none of it is ever stale."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from datetime import date, datetime, time, timedelta

import pytest

from scheduler.languages import Language
from scheduler.model.audience import Audience
from scheduler.model.cycles import Deadline
from scheduler.model.network import Configuration
from scheduler.model.series import Join, ProgrammeItem, Session, Speaker, Status
from scheduler.service.feeds import PAST_STAYS, Feeds
from scheduler.service.in_force import InForce
from tests.cast import MELTON, a_configuration, a_series, a_session, at, real
from tests.service.force import LINKS, in_force

EN, FR = Language("en"), Language("fr")
VIDEO = "https://video.example/1"
REPORT_2027 = next(cycle for cycle in real().cycles if cycle.id == "report-2027")
NOW = at("2027-05-10T09:00:00+02:00")
END = at("2027-06-14T14:00:00+02:00")
LATER = NOW + timedelta(minutes=1)
FULL = a_session(
    description="Where to begin",
    join=Join("Zoom", "Webinar ID", "94172987853", "https://meet.cities.example/1", "lantern"),
    recording="https://video.example/1",
    summary="https://papers.example/1",
    programme=(ProgrammeItem("Libraries", (Speaker("Alice"),)),),
    languages=("en", "fr"),
)
#: Every field of a session, with another value.
OTHER_VALUES: dict[str, object] = {
    "title": "Another title",
    "on": date(2027, 6, 15),
    "start": time(15),
    "end": time(19),
    "length_minutes": 90,
    "zone": "America/Bogota",
    "audience": Audience("Arab countries", regions=("arab-states",)),
    "status": Status.POSTPONED,
    "reason": "A storm",
    "description": "Elsewhere",
    "organisers": ("Somebody",),
    "join": Join("Teams"),
    "programme": (),
    "recording": "https://video.example/2",
    "summary": "https://papers.example/2",
    "summary_on": date(2027, 7, 1),
    "held": True,
    "end_on": date(2027, 6, 16),
    "topic": "reading",
    "languages": ("ar",),
    "joins": (("fr", Join(link="https://meet.cities.example/fr")),),
    "public": True,
}


def edition(found: InForce, now: datetime, before: Feeds | None = None) -> tuple[Feeds, dict[str, bytes]]:
    """Every feed and file, in two languages."""
    feeds = Feeds(found, LINKS, now, before)
    calendars = {feed.path: feed.octets for feed in (*feeds.all_feeds(), *feeds.downloads())}
    french = {f"{path} fr": feeds.in_language(path, FR).octets for path in calendars if feeds.has(path)}
    return feeds, calendars | french


def both_ways(before: InForce, after: InForce, now: datetime = LATER) -> tuple[dict[str, bytes], ...]:
    """What is served before, after with what was kept, and after when everything is made anew."""
    kept, was = edition(before, NOW)
    return was, edition(after, now, kept)[1], edition(after, now)[1]


def in_french(*sessions: Session) -> Configuration:
    """With texts in French, and a report that Melton owes."""
    found = a_configuration(a_series(*sessions), members=(MELTON,))
    return replace(found, cycles=(REPORT_2027,), network=replace(found.network, languages=("en", "fr")))


def test_every_field_of_a_session_has_another_value() -> None:
    assert {field.name for field in fields(Session)} - {"id"} == set(OTHER_VALUES)


@pytest.mark.parametrize("name", OTHER_VALUES)
@pytest.mark.parametrize("now", [LATER, END + timedelta(days=3)])
def test_nothing_kept_is_stale_when_a_session_changes(name: str, now: datetime) -> None:
    """Even with the same revision: what an item says is compared, not trusted."""
    after = in_french(replace(FULL, **{name: OTHER_VALUES[name]}))  # type: ignore[arg-type]

    _, kept, anew = both_ways(in_force(in_french(FULL)), in_force(after), now)

    assert kept == anew


def _network(**changes: object) -> Callable[[Configuration], Configuration]:
    return lambda found: replace(found, network=replace(found.network, **changes))  # type: ignore[arg-type]


def _series(**changes: object) -> Callable[[Configuration], Configuration]:
    return lambda found: replace(found, series=(replace(found.series[0], **changes),))  # type: ignore[arg-type]


def _cycle(**changes: object) -> Callable[[Configuration], Configuration]:
    return lambda found: replace(found, cycles=(replace(found.cycles[0], **changes),))  # type: ignore[arg-type]


def _member(**changes: object) -> Callable[[Configuration], Configuration]:
    return lambda found: replace(found, members=(replace(found.members[0], **changes),))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "change",
    [
        _network(name="Another network"),
        _network(zone="Asia/Tokyo"),
        _network(place="Tokyo"),
        _network(uid_domain="other.example"),
        _network(partners=()),
        _network(languages=("en",)),
        _series(title="Another series"),
        _series(description="For all"),
        _cycle(title="Another report"),
        _cycle(submit_at="https://elsewhere.example"),
        _cycle(deadline=Deadline(date(2027, 12, 1), time(12), "Europe/Berlin")),
        _member(zone="Asia/Kathmandu"),
        _member(name="Another city"),
        _member(languages=("fr",)),
        _member(slug="elsewhere"),
    ],
)
def test_nothing_kept_is_stale_when_anything_else_changes(
    change: Callable[[Configuration], Configuration],
) -> None:
    before = in_french(FULL)

    _, kept, anew = both_ways(in_force(before), in_force(change(before)))

    assert kept == anew


@pytest.mark.parametrize("now", [END, END + PAST_STAYS, LATER + timedelta(days=400)])
def test_nothing_kept_is_stale_when_time_goes_on(now: datetime) -> None:
    found = in_force(in_french(FULL))

    _, kept, anew = both_ways(found, found, now)

    assert kept == anew


def test_a_revision_alone_makes_an_item_anew() -> None:
    after = in_force(in_french(FULL), changed={"first.talks": LATER})

    was, kept, anew = both_ways(in_force(in_french(FULL)), after)

    assert kept == anew
    assert kept["/feeds/all.ics"] != was["/feeds/all.ics"]


def test_an_item_that_is_the_same_is_not_made_again() -> None:
    other = a_session(id="other", title="Another")
    before = Feeds(in_force(in_french(FULL, other)), LINKS, NOW)
    list(before.public_feeds())
    after = Feeds(in_force(in_french(replace(FULL, title="Corrected"), other)), LINKS, LATER, before)

    was, kept = before._items._kept["other.talks"].made, after._items._kept["other.talks"].made

    assert kept
    assert all(kept[reader] is was[reader] for reader in kept)
    assert not after._items._kept["first.talks"].made


def test_nothing_is_kept_of_what_no_feed_shows_any_more() -> None:
    before = Feeds(in_force(in_french(FULL)), LINKS, NOW)
    list(before.all_feeds())

    after = Feeds(in_force(in_french(replace(FULL, id="other"))), LINKS, LATER, before)

    assert set(after._items._kept) == {"other.talks", "report-2027"}


def test_nothing_is_kept_for_a_clock_that_no_city_lives_by() -> None:
    before = Feeds(in_force(in_french(FULL)), LINKS, NOW)
    list(before.all_feeds())
    moved = _member(zone="Asia/Kathmandu")(in_french(FULL))

    after = Feeds(in_force(moved), LINKS, LATER, before)

    assert {reader.zone for reader in after._items._kept["first.talks"].made} == {""}


def test_an_item_that_names_its_recording_from_the_end_on_is_dated_with_the_end() -> None:
    """Rule 25; before the end, and of what has no recording, the date is that of the last change."""
    sessions = (a_session(recording=VIDEO), a_session())
    with_one, without = (in_force(a_configuration(a_series(session))) for session in sessions)
    moments = [(with_one, END - timedelta(seconds=1)), (with_one, END), (without, END)]

    octets = [Feeds(found, LINKS, now).in_language("/feeds/all.ics", EN).octets for found, now in moments]

    stamps = [dict(line.split(b":", 1) for line in one.splitlines() if b":" in line) for one in octets]
    assert [one[b"LAST-MODIFIED"] for one in stamps] == [
        b"20200504T070000Z",
        b"20270614T120000Z",
        b"20200504T070000Z",
    ]
    assert [one[b"DTSTAMP"] for one in stamps] == [one[b"LAST-MODIFIED"] for one in stamps]


def test_another_title_brings_nothing_back_that_was_cancelled_long_ago() -> None:
    configuration = a_configuration(a_series(a_session(status=Status.CANCELLED)))
    found = in_force(configuration, changed={"first.talks": END + timedelta(days=60)})
    cancelled_long_ago = replace(found, since=replace(found.since, occurrences={"first.talks": NOW}))

    feeds = Feeds(cancelled_long_ago, LINKS, END + timedelta(days=61))

    assert b"VEVENT" not in feeds.in_language("/feeds/all.ics", EN).octets
