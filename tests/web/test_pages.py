"""The public pages, as everybody may read them: true hours, no secrets, no broken markup."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime, time
from html.parser import HTMLParser
from itertools import pairwise
from urllib.parse import unquote
from urllib.robotparser import RobotFileParser

import pytest

from scheduler.model.cycles import Cycle
from scheduler.model.moments import Since
from scheduler.model.network import Configuration
from scheduler.model.series import Join, Session, Status
from scheduler.service.feeds import Feed
from scheduler.service.in_force import InForce
from scheduler.web.pages import Asset, build_pages
from tests.cast import a_configuration, a_series, a_session, at, real

BASE = "https://calendar.cities.example"
NOW = at("2027-05-10T09:00:00+02:00")
SECRETS = Join("Zoom", "Webinar ID", "94172987853", "https://meet.cities.example/1", "lantern")
HOSTILE = "<script>alert('1')</script> & \"quoted\" {{ 7 * 7 }} %(x)s {x} </title><b onclick=x>"
REPORT_2027 = next(cycle for cycle in real().cycles if cycle.id == "report-2027")
#: One of each kind there is.
FEEDS = (
    Feed("/feeds/all.ics", "Global Network of Learning Cities", b""),
    Feed("/feeds/series/talks.ics", "Talks among cities", b""),
    Feed("/feeds/region/arab-states.ics", "Global Network of Learning Cities: Arab States", b""),
    Feed("/feeds/language/fr.ics", "Global Network of Learning Cities: French", b""),
    Feed("/feeds/group/pilots.ics", "Pilots", b""),
    Feed("/feeds/partner/moja.ics", "Global Network of Learning Cities: MOJA", b""),
    Feed("/feeds/deadlines.ics", "Global Network of Learning Cities: deadlines", b""),
)


class Page(HTMLParser):
    """A page as a browser reads it: its elements with their attributes, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self._texts: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self._texts.append(data)

    @property
    def text(self) -> str:
        """On one line, without doubled blanks."""
        return " ".join("".join(self._texts).split())

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def links(self) -> list[str]:
        return [link["href"] for link in self.all("a")]


def in_force(configuration: Configuration) -> InForce:
    return InForce(1, "", configuration, Since(NOW), {}, {})


def assets(
    configuration: Configuration,
    *,
    now: datetime = NOW,
    feeds: tuple[Feed, ...] = FEEDS,
    base_url: str = BASE,
) -> dict[str, Asset]:
    return {asset.path: asset for asset in build_pages(in_force(configuration), feeds, now, base_url)}


def home(*sessions: Session, now: datetime = NOW, cycles: tuple[Cycle, ...] = ()) -> Page:
    series = (a_series(*sessions),) if sessions else ()
    configuration = replace(a_configuration(*series), cycles=cycles)
    return Page(assets(configuration, now=now)["/"].octets.decode())


def subscribe(*feeds: Feed, base_url: str = BASE) -> Page:
    found = assets(a_configuration(), feeds=feeds or FEEDS, base_url=base_url)
    return Page(found["/feeds"].octets.decode())


# the next sessions


def test_a_winter_hour_is_said_in_winter_time() -> None:
    page = home(a_session(on=date(2027, 12, 14)))

    assert "Tuesday 14 December 2027, 13:00–14:00 Hamburg time (CET, UTC+1)" in page.text


def test_a_summer_hour_is_never_called_cet() -> None:
    page = home(a_session())

    assert "Monday 14 June 2027, 13:00–14:00 Hamburg time (CEST, UTC+2)" in page.text
    assert "CET" not in page.text


def test_an_hour_of_another_zone_is_shown_in_hamburg() -> None:
    page = home(a_session(start=time(19), end=time(20), zone="America/Bogota"))

    assert "Tuesday 15 June 2027, 02:00–03:00 Hamburg time (CEST, UTC+2)" in page.text


def test_programs_read_the_instant() -> None:
    (moment,) = home(a_session()).all("time")

    assert moment["datetime"] == "2027-06-14T11:00:00Z"
    assert moment["data-end"] == "2027-06-14T12:00:00Z"


def test_a_session_says_its_series_and_whom_it_is_for() -> None:
    page = home(a_session())

    assert "A first session Talks among cities For: World" in page.text


def test_a_session_with_an_hour_can_be_put_into_a_calendar() -> None:
    assert "/sessions/first.talks.ics" in home(a_session()).links


def test_a_cancelled_session_says_so_in_words() -> None:
    page = home(a_session(status=Status.CANCELLED, reason="Ms Example is ill"))

    assert "Cancelled Monday 14 June 2027, 13:00–14:00" in page.text
    assert len(page.all("s")) == 2
    assert "Ms Example" not in page.text


def test_a_postponed_session_does_not_name_its_old_day() -> None:
    page = home(a_session(status=Status.POSTPONED))

    assert "Postponed, a new date follows" in page.text
    assert "14 June" not in page.text


def test_a_session_without_an_hour_says_that_it_follows() -> None:
    page = home(a_session(start=None, end=None))

    assert "Monday 14 June 2027, time to be announced" in page.text


@pytest.mark.parametrize(
    "changes", [{"status": Status.CANCELLED}, {"status": Status.POSTPONED}, {"start": None, "end": None}]
)
def test_what_does_not_take_place_at_an_hour_has_no_file(changes: dict[str, object]) -> None:
    assert not [link for link in home(a_session(**changes)).links if link.startswith("/sessions/")]


def test_a_held_session_is_shown_as_in_the_feeds() -> None:
    """It vanished from the files, and staff have not decided: cities were told that it takes place."""
    assert "A first session" in home(a_session(held=True)).text


def test_a_session_stays_until_it_ends() -> None:
    assert "A first session" in home(a_session(), now=at("2027-06-14T13:59:00+02:00")).text
    assert "A first session" not in home(a_session(), now=at("2027-06-14T14:00:00+02:00")).text


def test_a_session_without_an_hour_stays_until_its_day_ends_in_utc() -> None:
    session = a_session(start=None, end=None)

    assert "A first session" in home(session, now=at("2027-06-14T23:59:00+00:00")).text
    assert "A first session" not in home(session, now=at("2027-06-15T00:00:00+00:00")).text


def test_the_next_twelve_sessions_come_in_order() -> None:
    days = [a_session(id=f"s{day}", title=f"Day {day}.", on=date(2027, 6, day)) for day in range(1, 15)]

    page = home(*reversed(days))

    assert re.findall(r"Day \d+", page.text) == [f"Day {day}" for day in range(1, 13)]
    assert "2 more sessions are in the calendars." in page.text


def test_an_empty_programme_says_so() -> None:
    page = home()

    assert "No session is announced at the moment." in page.text
    assert page.links.count("/feeds") == 2


def test_a_deadline_is_said_in_hamburg_time() -> None:
    page = home(cycles=(REPORT_2027,))

    assert f"{REPORT_2027.title} Tuesday 30 November 2027, 23:59 Hamburg time (CET, UTC+1)" in page.text


def test_a_past_deadline_is_not_shown() -> None:
    assert REPORT_2027.title not in home(now=at("2027-12-01T00:00:00+01:00"), cycles=(REPORT_2027,)).text


def test_a_recent_recording_is_shown() -> None:
    session = a_session(recording="https://video.example/first")

    assert "https://video.example/first" in home(session, now=at("2027-07-01T09:00:00+02:00")).links


@pytest.mark.parametrize(
    "recording", ["javascript:alert(1)", "http://video.example", "https:", "//video.example", "https://[", ""]
)
def test_only_an_encrypted_web_address_becomes_a_link(recording: str) -> None:
    page = home(a_session(recording=recording), now=at("2027-07-01T09:00:00+02:00"))

    assert "Recordings" not in page.text
    assert recording not in page.links


def test_a_recording_is_shown_for_a_year() -> None:
    session = a_session(recording="https://video.example/first")

    assert "Recordings" not in home(session, now=at("2028-06-20T09:00:00+02:00")).text


# the calendars


@pytest.mark.parametrize("feed", FEEDS, ids=lambda feed: feed.path)
def test_every_calendar_has_its_four_ways(feed: Feed) -> None:
    page = subscribe()
    there = f"calendar.cities.example{feed.path}"

    assert f"webcal://{there}" in page.links
    assert f"webcal://{there}" in [unquote(link.rpartition("?cid=")[2]) for link in page.links]
    assert f"https://{there}" in [field["value"] for field in page.all("input") if "readonly" in field]
    assert feed.path in [link["href"] for link in page.all("a") if "download" in link]


def test_a_plain_installation_has_webcal_addresses_too() -> None:
    page = subscribe(FEEDS[0], base_url="http://localhost:8000/")

    assert "webcal://localhost:8000/feeds/all.ics" in page.links
    assert page.all("input")[0]["value"] == "http://localhost:8000/feeds/all.ics"


def test_google_gets_one_whole_address() -> None:
    (link,) = (link for link in subscribe(FEEDS[0]).links if "google" in link)

    cid = "webcal%3A%2F%2Fcalendar.cities.example%2Ffeeds%2Fall.ics"
    assert link == f"https://calendar.google.com/calendar/r?cid={cid}"


def test_the_name_of_the_network_is_not_said_again_and_again() -> None:
    text = subscribe().text

    assert "By region Arab States Subscribe with" in text
    assert text.count("Global Network of Learning Cities") == 2


def test_the_page_says_how_late_a_calendar_may_be() -> None:
    text = subscribe().text

    assert "Google does so every 8 to 24 hours, Outlook on the web every 3 to 24 hours" in text
    assert "does not update by itself" in text


def test_the_secret_calendar_of_a_city_has_no_place() -> None:
    with pytest.raises(ValueError, match="city"):
        subscribe(Feed("/feeds/city/abcdef.ics", "Melton", b""))


def test_partners_have_a_section_of_their_own() -> None:
    text = subscribe().text

    assert "For partners What partners may show, too: sessions with their organisers. MOJA" in text


# languages


def in_languages(*codes: str) -> dict[str, Page]:
    """Path -> page, of a network that has texts in these languages."""
    network = replace(real().network, languages=codes)
    found = assets(replace(a_configuration(a_series(a_session())), network=network))
    html = {path: asset.octets.decode() for path, asset in found.items() if "html" in asset.media_type}
    return {path: Page(text) for path, text in html.items()}


def test_in_one_language_there_is_nothing_to_choose() -> None:
    found = in_languages("en")

    assert set(found) == {"/", "/feeds"}
    assert not [link for page in found.values() for link in page.links if "lang=" in link]
    assert "In which language" not in found["/feeds"].text


def test_each_language_has_its_pages() -> None:
    found = in_languages("en", "fr", "ar")

    assert set(found) == {"/", "/feeds", "/?lang=fr", "/feeds?lang=fr", "/?lang=ar", "/feeds?lang=ar"}
    assert [page.all("html")[0]["lang"] for page in found.values()] == ["en", "en", "fr", "fr", "ar", "ar"]
    assert found["/?lang=ar"].all("html")[0]["dir"] == "rtl"


def test_a_page_names_the_languages_by_their_own_names() -> None:
    page = in_languages("en", "fr", "es")["/feeds"]

    assert "English français español" in page.text
    assert {"/feeds", "/feeds?lang=fr", "/feeds?lang=es"} <= set(page.links)


def test_the_addresses_of_a_page_are_those_of_calendars_in_its_language() -> None:
    page = in_languages("en", "fr")["/feeds?lang=fr"]

    there = "calendar.cities.example/feeds/all.ics?lang=fr"
    assert f"webcal://{there}" in page.links
    assert f"webcal://{there}" in [unquote(link.rpartition("?cid=")[2]) for link in page.links]
    assert f"https://{there}" in [field["value"] for field in page.all("input")]
    assert "/feeds/all.ics?lang=fr" in page.links


def test_its_links_stay_in_its_language() -> None:
    page = in_languages("en", "fr")["/?lang=fr"]

    assert page.links.count("/feeds?lang=fr") == 2
    assert "/feeds" not in page.links


def test_the_calendar_of_a_language_is_called_as_that_language_calls_it() -> None:
    assert "français Subscribe with" in in_languages("en", "fr")["/feeds?lang=fr"].text


# robots


def test_robots_may_read_calendars_and_sign_nobody_off() -> None:
    """Google obeys it for subscriptions (rule 56)."""
    rules = RobotFileParser()
    rules.parse(assets(a_configuration())["/robots.txt"].octets.decode().splitlines())

    for path in ("/", "/feeds", "/feeds/all.ics", "/feeds/city/abc.ics", "/sessions/first.talks.ics"):
        assert rules.can_fetch("Google-Calendar-Importer", BASE + path)
    for path in ("/answer/1-abc/first.talks", "/stop/1-abc", "/metrics"):
        assert not rules.can_fetch("Googlebot", BASE + path)


# both


def both(configuration: Configuration, feeds: tuple[Feed, ...] = FEEDS) -> list[Page]:
    found = assets(configuration, feeds=feeds)
    return [Page(found[path].octets.decode()) for path in ("/", "/feeds")]


def test_hostile_names_stay_text() -> None:
    network = replace(real().network, name=HOSTILE, organiser=HOSTILE, place=HOSTILE)
    audience = replace(a_session().audience, label=HOSTILE)
    session = a_session(title=HOSTILE, audience=audience)
    cycle = replace(REPORT_2027, title=HOSTILE)
    configuration = replace(
        a_configuration(a_series(session, title=HOSTILE + "!")), network=network, cycles=(cycle,)
    )

    shown, calendars = both(configuration, (Feed("/feeds/series/talks.ics", HOSTILE, b""),))

    assert shown.text.count(HOSTILE) == 10
    assert HOSTILE in calendars.text
    for page in (shown, calendars):
        assert [set(script) for script in page.all("script")] == [{"src", "defer"}]
        assert not page.all("b")


def test_no_way_into_a_meeting_is_public() -> None:
    session = a_session(join=SECRETS, description="Call +49 40 1", organisers=("Jane Example",))

    found = assets(a_configuration(a_series(session)))

    secrets = rb"meet\.cities|941 ?7298|lantern|zoom|call \+49|jane|@"
    assert not re.search(secrets, found["/"].octets + found["/feeds"].octets, re.IGNORECASE)


def test_no_contact_of_the_real_programme_is_public() -> None:
    addresses = [contact.address for member in real().members for contact in member.contacts]
    links = [s.join.link for series in real().series for s in series.sessions if s.join.link]
    octets = b"".join(a.octets for a in assets(real(), now=at("2027-01-10T09:00:00+00:00")).values())

    assert addresses
    assert links
    assert not [secret for secret in (*addresses, *links) if secret.encode() in octets]


def test_equal_input_gives_equal_bytes() -> None:
    assert assets(real(), now=NOW) == assets(real(), now=NOW.astimezone(UTC))


def test_nothing_stands_inline() -> None:
    for page in both(replace(real(), cycles=(REPORT_2027,))):
        assert not page.all("style")
        assert all(script["src"] for script in page.all("script"))
        names = {name for _, attributes in page.elements for name in attributes}
        assert not [name for name in names if name == "style" or name.startswith("on")]


def test_every_local_address_is_a_known_path() -> None:
    found = assets(real(), now=at("2027-01-10T09:00:00+00:00"))
    sessions = {f"/sessions/{s.id}.{series.id}.ics" for series in real().series for s in series.sessions}
    known = {*found, *sessions, *(feed.path for feed in FEEDS), "#content"}

    for page in both(real()):
        asked = {a.get("href") or a.get("src") for _, a in page.elements} - {None}
        assert {path for path in asked if path and path[0] in "/#"} <= known


def test_a_link_leads_nowhere_but_to_known_schemes() -> None:
    for page in both(real()):
        assert {link.partition(":")[0] for link in page.links if link[0] not in "/#"} <= {"https", "webcal"}


def test_a_file_that_changes_gets_another_name() -> None:
    files = [asset for path, asset in assets(real()).items() if path.startswith("/static/")]

    assert len(files) == 3
    for asset in files:
        assert re.fullmatch(r"/static/\w+\.[0-9a-f]{8}\.(css|js|svg)", asset.path)
        assert asset.is_immutable


def test_headings_skip_no_level() -> None:
    for page in both(real()):
        levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(after <= before + 1 for before, after in pairwise(levels))


def luminance(colour: str) -> float:
    """Relative luminance, as WCAG 2.2 defines it."""
    whole = colour if len(colour) == 6 else "".join(c * 2 for c in colour)
    parts = [int(whole[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_what_is_behind_it(scheme: str) -> None:
    """WCAG 2.2, 1.4.3 (text 4.5 to 1) and 1.4.11 (edges of controls 3 to 1)."""
    css = next(a.octets.decode() for a in assets(real()).values() if a.path.endswith(".css"))
    block = css.split(":root {")[("light", "dark").index(scheme) + 1].split("}")[0]
    colours = {name: luminance(value) for name, value in re.findall(r"--([\w-]+): #([0-9a-f]+)", block)}
    pairs = [("ink", "sheet"), ("ink", "panel"), ("soft", "sheet"), ("accent", "sheet"), ("accent", "panel")]

    for front, behind, least in [(*p, 4.5) for p in (*pairs, ("on-accent", "accent"))] + [
        ("edge", "sheet", 3)
    ]:
        dark, light = sorted((colours[front], colours[behind]))
        assert (light + 0.05) / (dark + 0.05) >= least, (front, behind)


def test_hours_that_name_another_day_may_be_wrapped() -> None:
    several = home(a_session(start=time(20), end=time(12), end_on=date(2027, 6, 16)))
    one = home(a_session())

    assert [time["class"] for time in (*several.all("time"), *one.all("time"))] == ["hours is-long", "hours"]
