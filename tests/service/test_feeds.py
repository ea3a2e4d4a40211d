"""Which feeds there are, what they hold, and when they change by themselves.

A second opinion on who sees what is worked out here from the rows of members.csv and the labels as text.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from icalendar import Calendar

from scheduler.languages import Language
from scheduler.model.audience import Audience
from scheduler.model.cycles import Cycle
from scheduler.model.network import Configuration
from scheduler.model.series import Join, Session, Status
from scheduler.service.feeds import AHEAD, CANCELLED_STAYS, PAST_STAYS, Feed, Feeds
from scheduler.service.in_force import InForce
from scheduler.web.pages import build_pages
from tests.cast import CONFIG, MELTON, WORLD, a_configuration, a_series, a_session, at, member, real
from tests.ical.reading import names, unfolded
from tests.service.force import APPLIED, LINKS, in_force

EN, FR = Language("en"), Language("fr")
REPORT_2027 = next(cycle for cycle in real().cycles if cycle.id == "report-2027")
#: All of 2020 is in the feeds then.
SUMMER_2020 = at("2020-06-25T09:00:00+02:00")
NOW = at("2027-05-10T09:00:00+02:00")
END = at("2027-06-14T14:00:00+02:00")
INSTANT = timedelta(microseconds=1)
ARABIC = Audience("Arab countries", regions=("arab-states",))


def feeds_of(configuration: Configuration, now: datetime = NOW, **more: datetime) -> Feeds:
    return Feeds(in_force(configuration, changed=more), LINKS, now)


def public(configuration: Configuration, now: datetime = NOW) -> dict[str, Feed]:
    return {feed.path: feed for feed in feeds_of(configuration, now).public_feeds()}


def sessions_in(octets: bytes) -> set[str]:
    return {str(event["uid"]).partition("@")[0] for event in Calendar.from_ical(octets).walk("VEVENT")}


def one(*sessions: Session, cycles: tuple[Cycle, ...] = (), **changes: object) -> Configuration:
    series = a_series(*(sessions or (a_session(**changes),)))
    return replace(a_configuration(series, members=(MELTON,)), cycles=cycles)


def everything(found: InForce, now: datetime) -> dict[str, bytes]:
    """All that can be fetched, by path."""
    feeds = Feeds(found, LINKS, now)
    calendars = {feed.path: feed.octets for feed in (*feeds.all_feeds(), *feeds.downloads())}
    pages = build_pages(found, list(feeds.public_feeds()), now, LINKS.base_url)
    return calendars | {page.path: page.octets for page in pages}


# which feeds there are


def test_the_real_network_has_these_feeds() -> None:
    regions = ["africa", "arab-states", "asia-and-the-pacific", "europe-and-north-america"]

    assert list(public(real())) == [
        "/feeds/all.ics",
        *(f"/feeds/series/{s.id}.ics" for s in real().series),
        *(f"/feeds/region/{region}.ics" for region in (*regions, "latin-america-and-the-caribbean")),
        *(f"/feeds/language/{code}.ics" for code in sorted({m.languages[0] for m in real().members})),
        "/feeds/group/latin-america-caribbean.ics",
        "/feeds/group/francophone-countries.ics",
        "/feeds/group/arab-countries.ics",
        *(f"/feeds/partner/{partner}.ics" for partner in ("pascal", "dvv", "moja")),
        "/feeds/deadlines.ics",
    ]


def test_a_feed_says_what_it_is_a_part_of() -> None:
    found = public(real())

    assert found["/feeds/language/fr.ics"].name == "Global Network of Learning Cities: French"
    assert (
        found["/feeds/group/arab-countries.ics"].name == "Global Network of Learning Cities: Arab countries"
    )


@pytest.mark.parametrize("year", [2020, 2024, 2029, 2036])
def test_no_address_of_a_feed_is_ever_void(year: int) -> None:
    """A program that gets 404 forgets its subscription."""
    assert set(public(real(), datetime(year, 6, 1, tzinfo=UTC))) == set(public(real()))


def test_every_feed_has_a_path_of_its_own() -> None:
    paths = [feed.path for feed in feeds_of(real(), SUMMER_2020).all_feeds()]

    assert len(paths) == len(set(paths))


def test_two_groups_of_one_name_share_a_feed() -> None:
    """Vanished sessions keep the audience that they had; and two labels may differ in a comma."""
    other = replace(ARABIC, label="Arab, countries", regions=("africa",))
    configuration = a_configuration(
        a_series(a_session(id="one", audience=ARABIC), a_session(id="two", audience=other))
    )

    octets = public(configuration)["/feeds/group/arab-countries.ics"].octets

    assert sessions_in(octets) == {"one.talks", "two.talks"}


def groups(*labels: str) -> dict[str, str]:
    """Its name -> the last part of its path; one session for each label, a day apart."""
    sessions = [
        a_session(id=f"s{day}", on=date(2027, 6, day), audience=replace(ARABIC, label=label))
        for day, label in enumerate(labels, 1)
    ]
    feeds = public(a_configuration(a_series(*sessions))).values()
    mine = [feed for feed in feeds if "/group/" in feed.path]
    return {feed.name.partition(": ")[2]: feed.path.rpartition("/")[2] for feed in mine}


def test_a_group_without_latin_letters_has_a_feed_of_its_own() -> None:
    assert groups("الدول العربية", "Города СНГ") == {
        "الدول العربية": "36eca0.ics",
        "Города СНГ": "82a43e.ics",
    }


def test_labels_that_look_alike_in_plain_letters_share_nothing() -> None:
    """The one that came first keeps its address."""
    found = groups("Région A", "Region a!", "A регион")

    assert found == {"Région A": "region-a.ics", "Region a!": "region-a-62bf4c.ics", "A регион": "a.ics"}
    assert groups("Région A") == {"Région A": "region-a.ics"}


@pytest.mark.parametrize("label", ["../../etc", 'a"b\r\nc', "L’Alcora & Öst", "a/b?c#d%2e", "x" * 200])
def test_no_label_makes_a_strange_address(label: str) -> None:
    (path,) = (path for path in public(one(audience=replace(ARABIC, label=label))) if "/group/" in path)

    assert re.fullmatch(r"/feeds/group/[a-z0-9]+(-[a-z0-9]+)*\.ics", path)


# what they hold


def rows() -> list[dict[str, str]]:
    with (CONFIG / "members.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(line for line in file if not line.startswith("#")))


def labels_for(cities: Iterable[dict[str, str]]) -> set[str]:
    """The labels that mean any of these cities, by hand."""
    found = {"World"}
    for city in cities:
        found |= {"Arab countries"} if city["region"] == "arab-states" else set()
        found |= {"Francophone countries"} if city["languages"].split()[0] == "fr" else set()
        if city["region"] == "latin-america-and-the-caribbean":
            found |= {"Latin America / Caribbean"}
    return found


def sessions_for(labels: set[str]) -> set[str]:
    first, last = SUMMER_2020.date() - PAST_STAYS, SUMMER_2020.date() + AHEAD
    return {
        f"{session.id}.{series.id}"
        for series in real().series
        for session in series.sessions
        if session.audience.label in labels and first < session.on < last
    }


def test_the_feed_of_all_has_every_session() -> None:
    found = sessions_in(public(real(), SUMMER_2020)["/feeds/all.ics"].octets)

    assert len(found) == 19
    assert found == sessions_for({session.audience.label for s in real().series for session in s.sessions})


@pytest.mark.parametrize("region", [region.id for region in real().network.regions])
def test_the_feed_of_a_region_has_what_is_for_its_cities(region: str) -> None:
    cities = [city for city in rows() if city["region"] == region]

    found = sessions_in(public(real(), SUMMER_2020)[f"/feeds/region/{region}.ics"].octets)

    assert found == sessions_for(labels_for(cities))


@pytest.mark.parametrize("code", ["en", "fr"])
def test_the_feed_of_a_language_has_what_is_for_its_cities(code: str) -> None:
    cities = [city for city in rows() if city["languages"].split()[0] == code]

    found = sessions_in(public(real(), SUMMER_2020)[f"/feeds/language/{code}.ics"].octets)

    assert found == sessions_for(labels_for(cities))


def test_the_feed_of_a_group_has_what_is_for_its_cities() -> None:
    """The sessions for all too: who subscribes to it wants to miss nothing."""
    cities = [city for city in rows() if city["region"] == "arab-states"]

    found = sessions_in(public(real(), SUMMER_2020)["/feeds/group/arab-countries.ics"].octets)

    assert found == sessions_for(labels_for(cities))
    assert found < sessions_in(public(real(), SUMMER_2020)["/feeds/all.ics"].octets)


def test_a_series_for_some_is_not_in_the_feed_of_others() -> None:
    configuration = a_configuration(a_series(a_session(audience=ARABIC)))

    found = public(configuration)

    assert sessions_in(found["/feeds/region/arab-states.ics"].octets) == {"first.talks"}
    assert not sessions_in(found["/feeds/region/africa.ics"].octets)


@pytest.mark.parametrize("now", [SUMMER_2020, at("2021-06-25T09:00:00+02:00"), NOW])
def test_nobody_learns_how_to_join_from_a_public_file(now: datetime) -> None:
    sessions = [session for series in real().series for session in series.sessions]
    joins = [session.join for session in sessions]
    secrets = {word for join in joins for word in (join.id, join.shown_id, join.link, join.passcode) if word}
    feeds = feeds_of(real(), now)

    octets = b"".join(feed.octets for feed in (*feeds.public_feeds(), *feeds.downloads()))

    text = octets.replace(b"\r\n ", b"").decode()
    assert len(secrets) > 20
    assert not [secret for secret in secrets if secret in text]


# downloads


def test_every_session_is_a_file() -> None:
    """Also while it has no hour: who follows an old link finds it, as a day."""
    configuration = one(a_session(), a_session(id="open", start=None, end=None), a_session(id="x", title="X"))

    assert [feed.path for feed in feeds_of(configuration).downloads()] == [
        "/sessions/open.talks.ics",
        "/sessions/first.talks.ics",
        "/sessions/x.talks.ics",
    ]


def test_a_postponed_session_is_tentative_in_its_file() -> None:
    (feed,) = feeds_of(one(status=Status.POSTPONED)).downloads()

    assert {"STATUS:TENTATIVE", "DTSTART;VALUE=DATE:20270614"} <= set(unfolded(feed.octets))


def test_a_file_is_no_subscription() -> None:
    (feed,) = feeds_of(one()).downloads()

    assert "METHOD:PUBLISH" in unfolded(feed.octets)
    assert not {"NAME", "X-WR-CALNAME", "REFRESH-INTERVAL", "X-PUBLISHED-TTL"} & set(names(feed.octets))


def test_a_file_holds_what_the_feed_holds() -> None:
    feeds = feeds_of(one())
    (feed,), whole = feeds.downloads(), next(feeds.public_feeds())

    item = feed.octets[feed.octets.index(b"BEGIN:VEVENT") : feed.octets.index(b"END:VCALENDAR")]

    assert item in whole.octets


def test_a_cancelled_session_says_so_in_its_file() -> None:
    (feed,) = feeds_of(one(status=Status.CANCELLED)).downloads()

    assert "STATUS:CANCELLED" in unfolded(feed.octets)


def test_the_file_of_a_real_session_has_a_plain_name() -> None:
    """It goes into a header as it is."""
    for feed in feeds_of(real(), SUMMER_2020).downloads():
        assert re.fullmatch(r"/sessions/[a-z0-9]+([-.][a-z0-9]+)*\.ics", feed.path)


# when they change by themselves

#: Days around a clock change in Hamburg, and a new year.
DAYS = st.sampled_from([date(2027, 3, 28), date(2027, 6, 14), date(2027, 10, 31), date(2028, 1, 1)])
SESSIONS = st.builds(
    lambda on, hour, zone, status, length: a_session(
        on=on,
        start=hour,
        end=None,
        zone=zone,
        status=status,
        length_minutes=length,
        recording="https://video.example/1",
    ),
    DAYS,
    st.sampled_from([None, time(0), time(13), time(23, 30)]),
    st.sampled_from(["Europe/Berlin", "Pacific/Auckland", "America/Bogota", "+05:30"]),
    st.sampled_from(Status),
    st.sampled_from([1, 60, 600]),
)
CYCLES = st.sampled_from([(), (REPORT_2027,)])


@settings(max_examples=40, deadline=None)
@given(st.lists(SESSIONS, min_size=1, max_size=3), CYCLES, st.integers(0, 800), st.data())
def test_between_two_turns_every_byte_stays(
    sessions: list[Session], cycles: tuple[Cycle, ...], days: int, data: st.DataObject
) -> None:
    numbered = [replace(session, id=f"s{n}") for n, session in enumerate(sessions)]
    changed = {"s0.talks": at("2027-06-01T10:00:00+02:00") + timedelta(days=days)}
    found = in_force(one(*numbered, cycles=cycles), changed=changed)
    before, after = data.draw(st.sampled_from(list(pairwise(Feeds(found, LINKS, NOW).turns()))))

    middle = before + data.draw(st.floats(0.001, 0.999)) * (after - before)

    assert (
        everything(found, before + INSTANT) == everything(found, middle) == everything(found, after - INSTANT)
    )


def test_between_two_turns_every_byte_of_the_real_network_stays() -> None:
    configuration = replace(real(), members=(member(MELTON, real()),))
    found = in_force(configuration)
    around = [turn for turn in Feeds(found, LINKS, NOW).turns() if turn.year in (2020, 2021, 2027)]

    for before, after in list(pairwise(around))[::9]:
        assert everything(found, before + INSTANT) == everything(found, after - INSTANT)


def test_turns_come_in_order() -> None:
    turns = feeds_of(real()).turns()

    assert turns == sorted(set(turns))
    assert all(turn.tzinfo is UTC for turn in turns)


@pytest.mark.parametrize(
    ("turn", "path"),
    [
        (END, "/feeds/all.ics"),
        (END, "/"),
        (at("2027-06-14T13:00:00+02:00") + PAST_STAYS, "/feeds/all.ics"),
        (at("2027-06-14T13:00:00+02:00") - AHEAD, "/feeds/all.ics"),
        (at("2027-11-30T23:59:00+01:00"), "/"),
        (at("2027-11-30T23:59:00+01:00") + PAST_STAYS, "/feeds/deadlines.ics"),
        (at("2027-11-30T23:59:00+01:00") - AHEAD, "/feeds/deadlines.ics"),
    ],
    ids=str,
)
def test_a_turn_is_known_ahead(turn: datetime, path: str) -> None:
    found = in_force(one(recording="https://video.example/1", cycles=(REPORT_2027,)))
    turns = Feeds(found, LINKS, NOW).turns()
    # a deadline counts until the end of its last minute
    (real_turn,) = {one for one in turns if turn <= one < turn + timedelta(minutes=1)}

    assert everything(found, real_turn - INSTANT)[path] != everything(found, real_turn + INSTANT)[path]


def test_what_is_postponed_has_no_recording_however_old_its_old_day_is() -> None:
    configuration = one(recording="https://video.example/1", status=Status.POSTPONED)

    for now in (END, END + timedelta(days=30)):
        assert b"video.example" not in next(feeds_of(configuration, now).public_feeds()).octets


def test_a_recording_is_named_from_the_very_end_on() -> None:
    """As on the page of the next sessions."""
    configuration = one(recording="https://video.example/1")

    found = [
        public(configuration, now)["/feeds/all.ics"].octets for now in (END - INSTANT, END, END + INSTANT)
    ]

    assert [b"video.example" in octets for octets in found] == [False, True, True]


def test_a_cancelled_session_stays_for_thirty_days() -> None:
    told_at = at("2027-06-10T10:00:00+02:00")
    configuration = one(status=Status.CANCELLED)

    def shows(now: datetime) -> bool:
        feed = next(feeds_of(configuration, now, **{"first.talks": told_at}).public_feeds())
        return bool(sessions_in(feed.octets))

    assert shows(told_at + CANCELLED_STAYS - INSTANT)
    assert not shows(told_at + CANCELLED_STAYS)


def test_a_session_that_was_cancelled_early_stays_until_its_end() -> None:
    configuration = one(status=Status.CANCELLED)

    assert sessions_in(public(configuration, END - INSTANT)["/feeds/all.ics"].octets)
    assert not sessions_in(public(configuration, END)["/feeds/all.ics"].octets)


def test_a_change_is_a_turn() -> None:
    changed = at("2027-06-01T10:00:00+02:00")

    assert {changed, APPLIED} <= set(feeds_of(one(), **{"first.talks": changed}).turns())


def test_the_feed_of_a_city_tells_how_to_join() -> None:
    join = Join("Zoom", "Webinar ID", "94172987853", "https://meet.cities.example/1", "lantern")

    text = "".join(unfolded(feeds_of(one(join=join)).city_feed(member(MELTON)).octets))

    assert all(word in text for word in ("https://meet.cities.example/1", "941 7298 7853", "lantern"))


def test_a_city_sees_no_session_for_others() -> None:
    configuration = one(a_session(audience=ARABIC), a_session(id="all", audience=WORLD))

    assert sessions_in(feeds_of(configuration).city_feed(member(MELTON)).octets) == {"all.talks"}


# what nobody may learn from a public one

WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=60)
#: What makes subscribers answer, or rings at them (rules 49, 50, 54).
PROPERTIES = ("ATTENDEE", "ORGANIZER", "BEGIN:VALARM")


@settings(max_examples=40, deadline=None)
@given(SESSIONS, WORDS, WORDS, st.sampled_from([NOW, END + INSTANT, END + timedelta(days=40)]))
def test_no_public_file_of_any_session_tells_how_to_join(
    session: Session, title: str, description: str, now: datetime
) -> None:
    join = Join("Zoom", "Webinar ID", "94172987853", "https://meet.cities.example/1", "lantern-7")
    told = replace(
        session, title=title, description=description, join=join, joins=(("fr", join),), public=True
    )
    feeds = feeds_of(one(told), now)

    paths = [feed.path for feed in (*feeds.public_feeds(), *feeds.downloads())]
    texts = [unfolded(feeds.in_language(path, words).octets) for path in paths for words in (EN, FR)]

    for line in (line for text in texts for line in text):
        assert not line.startswith(PROPERTIES)
        assert not any(word in line for word in ("94172987853", "941 7298", "lantern-7", "meet.cities"))
        assert not line.startswith("DESCRIPTION:") or len(line.encode()) < len("DESCRIPTION:") + 200


@pytest.mark.parametrize("code", ["en", "fr", "es", "pt", "ar", "ru", "zh", "ko", "fa", "hi", "de"])
def test_a_public_description_is_short_in_every_language(code: str) -> None:
    """Rule 56: a feed of 2,000 sessions stays under 1 MB."""
    feeds = feeds_of(one(title="x" * 300, recording="https://video.example/" + "x" * 70), END + INSTANT)

    octets = feeds.in_language("/feeds/all.ics", Language(code)).octets

    (line,) = (line for line in unfolded(octets) if line.startswith("DESCRIPTION:"))
    assert len(line.removeprefix("DESCRIPTION:").encode()) < 200


# how large they grow


def crowded(title: str) -> Configuration:
    """2,000 sessions under one long title, half of them over at END."""
    first = date(2026, 6, 14)
    days = [first + timedelta(days=number // 5) for number in range(2000)]
    sessions = [a_session(id=f"s{n}", on=day, title=f"{title} ({n})") for n, day in enumerate(days)]
    return a_configuration(replace(a_series(*sessions), title=title))


def test_two_thousand_sessions_with_long_titles_in_any_letters_fit_into_a_megabyte() -> None:
    title = "Обучающиеся города и восстановление после пандемии: от исследований к практике"

    octets = public(crowded(title))["/feeds/all.ics"].octets

    assert octets.count(b"BEGIN:VEVENT") == 2000
    assert len(octets) < 1_000_000


def test_of_what_does_not_fit_the_oldest_goes_first() -> None:
    octets = feeds_of(crowded("城" * 200), END).in_language("/feeds/all.ics", EN).octets

    uids = [line.partition("@")[0] for line in unfolded(octets) if line.startswith("UID:")]
    assert 990_000 < len(octets) < 1_000_000
    assert "UID:s0.talks" not in uids
    assert uids == [f"UID:s{2000 - len(uids) + n}.talks" for n in range(len(uids))]
