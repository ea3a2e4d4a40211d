"""The two public pages, as bytes: the next sessions, and the calendars to subscribe to.

Everybody may read them: no meeting id, pass code, join link or address of a person comes here (DESIGN,
section 6).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from itertools import islice
from urllib.parse import quote, urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from scheduler.languages import Language, language, needs_last_day
from scheduler.model import times
from scheduler.model.cycles import Cycle
from scheduler.model.network import Network
from scheduler.model.programme import Occurrence, Window, build_programme
from scheduler.service.feed_items import is_over
from scheduler.service.feeds import AHEAD, PAST_STAYS, Feed
from scheduler.service.in_force import InForce
from scheduler.shipped import shipped

#: What fits a page that is read at a glance; feeds have the rest.
_SESSIONS = 12
_RECORDINGS = 5
#: A calendar on a desktop is added here; Google's Android app cannot subscribe (rule 57).
_GOOGLE = "https://calendar.google.com/calendar/r?cid="
#: Google reads calendars only where this lets it (rule 56); what signs somebody off is for people.
_ROBOTS = "User-agent: *\nDisallow: /answer/\nDisallow: /stop/\nDisallow: /health/\nDisallow: /metrics\n"
#: What the pages load; a name changes with its content, so that browsers may keep it for ever.
_STATIC = {
    "css": ("site.css", "text/css; charset=utf-8"),
    "js": ("site.js", "text/javascript; charset=utf-8"),
    "icon": ("icon.svg", "image/svg+xml"),
}


@dataclass(frozen=True)
class Asset:
    """One file to serve."""

    #: "/", "/feeds", "/static/site.1a2b3c4d.css"
    path: str
    media_type: str
    octets: bytes
    #: its name changes with its content
    is_immutable: bool = False


@dataclass(frozen=True)
class When:
    """A span of time in Hamburg; the hours and what follows are empty while they are to be announced."""

    #: "Wednesday 17 June 2020"
    day: str
    #: "13:00–14:30", "20:00 – Friday 19 June 2020, 12:00"
    hours: str = ""
    #: the hours name another day
    is_long: bool = False
    #: "Hamburg time (CEST, UTC+2)"
    clock: str = ""
    #: "2020-06-17T11:00:00Z"; the end is empty for a deadline
    starts_at: str = ""
    ends_at: str = ""
    #: Hamburg's distance from UTC: a browser that has the same shows no time of its own
    offset_minutes: int = 0


@dataclass(frozen=True)
class SessionLine:
    title: str
    #: empty where it only repeats the title
    series: str
    #: the words staff used: "Arab countries"
    audience: str
    #: None while postponed: the old day no longer counts
    when: When | None
    is_cancelled: bool
    #: "/sessions/first.talks.ics", or empty where there is nothing to put into a calendar
    download: str


@dataclass(frozen=True)
class RecordingLine:
    title: str
    day: str
    link: str


@dataclass(frozen=True)
class DeadlineLine:
    title: str
    when: When


@dataclass(frozen=True)
class FeedLine:
    """One calendar with its ways into a program."""

    name: str
    path: str
    #: to be copied: Outlook refuses webcal (rule 57)
    address: str
    webcal: str
    google: str


@dataclass(frozen=True)
class FeedGroup:
    heading: str
    feeds: tuple[FeedLine, ...]
    #: whom they are for, where the heading does not say enough
    note: str = ""


@dataclass(frozen=True)
class Choice:
    """A language in which the pages, and the calendars that they name, can be read."""

    code: str
    #: as it calls itself: "français"
    name: str
    #: "/feeds?lang=fr": this page in that language
    path: str
    is_current: bool


def build_pages(in_force: InForce, feeds: Sequence[Feed], now: datetime, base_url: str) -> list[Asset]:
    """/ and /feeds in each language, what they load, and a word to robots; equal input gives equal bytes.

    feeds: the public ones. base_url: how the world reaches this installation, with http or https.
    Raises ValueError for a feed that is not one of the public kinds: the addresses of cities are secret.
    """
    found = [Asset("/robots.txt", "text/plain; charset=utf-8", _ROBOTS.encode()), *_static().values()]
    for words in _languages(in_force.network):
        home = _home(in_force, now, words)
        found.append(_page("/", "home.html", in_force.network, words, **home))
        groups = _groups(feeds, in_force.network, base_url, words)
        found.append(_page("/feeds", "feeds.html", in_force.network, words, groups=groups))
    return found


def _languages(network: Network) -> list[Language]:
    """English, in which there are always texts, and then the others that have some."""
    return [language(code, network.languages) for code in dict.fromkeys(("en", *network.languages))]


def _in_language(path: str, words: Language) -> str:
    """The same page or calendar in a language; English needs no word for it."""
    return path if words.code == "en" else f"{path}?lang={words.code}"


def _home(in_force: InForce, now: datetime, words: Language) -> dict[str, object]:
    network = in_force.network
    window = Window(now - PAST_STAYS, now + AHEAD)
    shown = build_programme(in_force.configuration, window)
    sessions = [o for o in shown if o.session]
    upcoming = [o for o in sessions if not is_over(o, now)]
    return {
        "sessions": [_session_line(o, network, words) for o in upcoming[:_SESSIONS]],
        "more": len(upcoming[_SESSIONS:]),
        "deadlines": [_deadline_line(o, network, words) for o in shown if _is_ahead(o, now)],
        "recordings": list(islice(_recordings(reversed(sessions), now, network, words), _RECORDINGS)),
    }


def _is_ahead(occurrence: Occurrence, now: datetime) -> bool:
    return isinstance(occurrence.of, Cycle) and not is_over(occurrence, now)


def _session_line(occurrence: Occurrence, network: Network, words: Language) -> SessionLine:
    session, series = occurrence.session, occurrence.of.title
    assert session is not None  # noqa: S101 - asked of sessions only
    has_file = occurrence.starts_at is not None and not occurrence.is_cancelled
    return SessionLine(
        title=session.title,
        series=series if series != session.title else "",
        audience=session.audience.label,
        when=None if occurrence.is_postponed else _when(occurrence, network, words),
        is_cancelled=occurrence.is_cancelled,
        download=f"/sessions/{quote(occurrence.id, safe='')}.ics" if has_file else "",
    )


def _deadline_line(occurrence: Occurrence, network: Network, words: Language) -> DeadlineLine:
    assert occurrence.ends_at is not None  # noqa: S101 - a deadline has its hour
    return DeadlineLine(occurrence.title, _timed(occurrence.ends_at, None, network, words))


def _when(occurrence: Occurrence, network: Network, words: Language) -> When:
    if occurrence.starts_at is None:
        return When(words.days(occurrence.on, occurrence.last_day))
    return _timed(occurrence.starts_at, occurrence.ends_at, network, words)


def _timed(starts_at: datetime, ends_at: datetime | None, network: Network, words: Language) -> When:
    offset = times.local(starts_at, network.zone).utcoffset() or timedelta()
    return When(
        day=words.full_date(times.local_date(starts_at, network.zone)),
        hours=words.hours(starts_at, ends_at, network.zone),
        is_long=ends_at is not None and needs_last_day(starts_at, ends_at, network.zone),
        clock=words.home_clock(starts_at, network, ends_at),
        starts_at=_stamp(starts_at),
        ends_at=_stamp(ends_at) if ends_at else "",
        offset_minutes=offset // timedelta(minutes=1),
    )


def _stamp(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _recordings(
    sessions: Iterable[Occurrence], now: datetime, network: Network, words: Language
) -> Iterator[RecordingLine]:
    for occurrence in sessions:
        link = occurrence.session.recording if occurrence.session else ""
        if is_over(occurrence, now) and not occurrence.is_tentative and _is_safe(link):
            day = words.full_date(occurrence.day_in(network.zone))
            yield RecordingLine(occurrence.title, day, link)


def _is_safe(link: str) -> bool:
    """A web address that is encrypted; `javascript:` and its kin never become a link."""
    try:
        parts = urlsplit(link)
    except ValueError:
        return False
    return parts.scheme == "https" and bool(parts.hostname)


def _groups(feeds: Iterable[Feed], network: Network, base_url: str, words: Language) -> tuple[FeedGroup, ...]:
    """The calendars under the headings of the page, in the order they came in."""
    headings = {
        "": words.say("The whole network"),
        "series": words.say("By series"),
        "region": words.say("By region"),
        "language": words.say("By language"),
        "group": words.say("By group"),
        "partner": words.say("For partners"),
    }
    groups: dict[str, list[FeedLine]] = {kind: [] for kind in headings}
    for feed in feeds:
        kind = feed.path.removeprefix("/feeds/").rpartition("/")[0]
        if kind not in groups:
            raise ValueError(f"the page of calendars has no place for feeds of the kind {kind!r}")
        groups[kind].append(_feed_line(feed, network, base_url, words))
    notes = {"partner": words.say("What partners may show, too: sessions with their organisers.")}
    return tuple(
        FeedGroup(headings[kind], tuple(lines), notes.get(kind, ""))
        for kind, lines in groups.items()
        if lines
    )


def _feed_line(feed: Feed, network: Network, base_url: str, words: Language) -> FeedLine:
    own_names = {
        "/feeds/all.ics": words.say("All sessions"),
        "/feeds/deadlines.ics": words.say("Report deadlines"),
    }
    path = _in_language(quote(feed.path), words)
    address = base_url.rstrip("/") + path
    folder, _, file = feed.path.rpartition("/")
    if folder == "/feeds/language":
        own_names[feed.path] = words.name_of(file.removesuffix(".ics"))
    webcal = f"webcal://{address.partition('://')[2]}"
    return FeedLine(
        name=own_names.get(feed.path) or feed.name.removeprefix(f"{network.name}: "),
        path=path,
        address=address,
        webcal=webcal,
        google=_GOOGLE + quote(webcal, safe=""),
    )


def render_page(name: str, words: Language, network: Network, **values: object) -> bytes:
    """One page; its links stay in its language."""
    static = {name: asset.path for name, asset in _static().items()}
    to = {"home": _in_language("/", words), "feeds": _in_language("/feeds", words)}
    return _render(name, words, network=network, language=words, static=static, to=to, **values).encode()


def _page(path: str, template: str, network: Network, words: Language, **values: object) -> Asset:
    choices = [
        Choice(one.code, one.name_of(one.code), _in_language(path, one), one == words)
        for one in _languages(network)
    ]
    octets = render_page(template, words, network, choices=choices, **values)
    return Asset(_in_language(path, words), "text/html; charset=utf-8", octets)


@lru_cache(maxsize=1)
def _static() -> dict[str, Asset]:
    found = {}
    for name, (file, media_type) in _STATIC.items():
        octets = (shipped("templates") / "pages" / file).read_bytes()
        stem, _, suffix = file.partition(".")
        path = f"/static/{stem}.{sha256(octets).hexdigest()[:8]}.{suffix}"
        found[name] = Asset(path, media_type, octets, is_immutable=True)
    return found


def _render(name: str, words: Language, **values: object) -> str:
    return _environment(words).get_template(f"pages/{name}").render(values)


@lru_cache(maxsize=16)
def _environment(words: Language) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(shipped("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.install_gettext_translations(words.translations, newstyle=True)  # type: ignore[attr-defined]
    return environment
