"""The hour that a mail shows is the hour there. 13:00 in Hamburg on these days:

2020:    17 Jun   8 Jul  16 Sep | 21 Oct        | 18 Nov        16 Dec
Hamburg  CEST (UTC+2) . . . . . . . . . . . . . | CET (UTC+1)          since 25 October
Melton   AEST (UTC+10) . . . .  | AEDT (UTC+11) . . . . . . . .        since 4 October
Kashan   UTC+4:30 . . . . . . . | UTC+3:30 . . . . . . . . . .         since 21 September
Bogotá, Mexico (until 25 October UTC−5, then UTC−6), Iraq, China, Korea: no change but Mexico's
"""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from scheduler.mail import views
from scheduler.model.notices import Kind
from scheduler.model.programme import Occurrence, occurrences_of, sessions_for
from scheduler.model.series import Session
from tests.cast import MELTON, member, open_house
from tests.mail.desk import (
    NETWORK,
    RECOVERY,
    THIRD_WEDNESDAY,
    about,
    html,
    plain,
    posted,
    reader,
    reader_in,
    the_session,
    views_of_all_kinds,
)

US_05 = {
    "medellin": "06:00 06:00 06:00 06:00 07:00 07:00",
    "huejotzingo": "06:00 06:00 06:00 06:00 06:00 06:00",
    "mantes-la-jolie": "13:00 13:00 13:00 13:00 13:00 13:00",
    "duhok": "14:00 14:00 14:00 14:00 15:00 15:00",
    "kashan": "15:30 15:30 15:30 14:30 15:30 15:30",
    "shanghai": "19:00 19:00 19:00 19:00 20:00 20:00",
    "goyang": "20:00 20:00 20:00 20:00 21:00 21:00",
    "melton": "21:00 21:00 21:00 22:00 23:00 23:00",
    "wyndham": "21:00 21:00 21:00 22:00 23:00 23:00",
}
NOTED = {
    "medellin": "18 Nov",
    "huejotzingo": "",
    "mantes-la-jolie": "",
    "duhok": "18 Nov",
    "kashan": "21 Oct, 18 Nov",
    "shanghai": "18 Nov",
    "goyang": "18 Nov",
    "melton": "21 Oct, 18 Nov",
    "wyndham": "21 Oct, 18 Nov",
}
TIMED = [
    occurrence
    for series in open_house().series
    for occurrence in occurrences_of(series)
    if occurrence.starts_at is not None
]


@pytest.fixture
def own_zones() -> Iterator[None]:
    """The library's zones from PyPI's tzdata alone: another opinion than pytz, and not the machine's."""
    zoneinfo.reset_tzpath(to=())
    ZoneInfo.clear_cache()
    yield
    zoneinfo.reset_tzpath()
    ZoneInfo.clear_cache()


def begin(when: views.When) -> str:
    """The hour there, "06:00"."""
    found = re.fullmatch(r".*, (\d\d:\d\d)–\d\d:\d\d", when.here)
    assert found
    return found[1]


def sessions_of(slug: str) -> list[tuple[Occurrence, views.When]]:
    """The recovery sessions that a member is invited to, with what it reads of their time."""
    found: list[tuple[Occurrence, views.When]] = []
    for occurrence in sessions_for(RECOVERY, member(slug), NETWORK):
        previous = found[-1][0] if found else None
        found.append((occurrence, views.when(occurrence, reader_in(slug), previous)))
    return found


@pytest.mark.parametrize("slug", US_05)
def test_the_hour_there_is_that_of_the_table(slug: str) -> None:
    """US-05.1."""
    assert " ".join(begin(when) for _, when in sessions_of(slug)) == US_05[slug]


@pytest.mark.parametrize("slug", NOTED)
def test_a_clock_change_is_noted_where_the_hour_moved(slug: str) -> None:
    """US-05.2."""
    noted = [f"{occurrence.on.day} {occurrence.on:%b}" for occurrence, when in sessions_of(slug) if when.note]

    assert ", ".join(noted) == NOTED[slug]


def test_a_note_names_both_hours() -> None:
    notes = [when.note for _, when in sessions_of(MELTON) if when.note]

    assert notes == [
        "22:00 here this time, not 21:00 (clocks changed)",
        "23:00 here this time, not 22:00 (clocks changed)",
    ]


def test_an_hour_that_staff_moved_is_not_put_down_to_clocks() -> None:
    first = the_session(id="first")
    moved = the_session(id="moved", start=None, end=None)
    later = the_session(id="later", on=date(2027, 6, 21), start=time(15), end=None)

    assert views.when(later, reader_in("mantes-la-jolie"), first).note == "15:00 here this time, not 13:00"
    assert not views.when(later, reader_in("mantes-la-jolie"), moved).note


@pytest.mark.parametrize(
    ("slug", "hour"),
    [
        ("gdynia", "13:00"),
        ("lagoa-azores", "11:00"),
        ("agadir", "11:00"),
        ("kashan", "15:30"),
        ("goyang", "20:00"),
        ("wyndham", "21:00"),
        ("medellin", "06:00"),
    ],
)
def test_a_summer_date_is_read_on_the_clock_of_hamburg(slug: str, hour: str) -> None:
    """US-01.1; Morocco stood at UTC+0 for Ramadan."""
    assert begin(views.when(the_session(on=date(2020, 4, 22)), reader_in(slug))) == hour


@pytest.mark.parametrize(
    ("zone", "here", "clock", "relation"),
    [
        ("Asia/Tehran", "Wednesday 17 February 2027, 15:30–16:30", "UTC+3:30", ""),
        ("Asia/Kolkata", "Wednesday 17 February 2027, 17:30–18:30", "UTC+5:30", ""),
        ("Asia/Kathmandu", "Wednesday 17 February 2027, 17:45–18:45", "UTC+5:45", ""),
        ("America/St_Johns", "Wednesday 17 February 2027, 08:30–09:30", "UTC−3:30", ""),
        ("Pacific/Chatham", "Thursday 18 February 2027, 01:45–02:45", "UTC+13:45", "the next day"),
    ],
)
def test_minutes_are_not_rounded(zone: str, here: str, clock: str, relation: str) -> None:
    """US-08.1 and 8.2."""
    occurrence = next(o for o in occurrences_of(THIRD_WEDNESDAY) if o.on == date(2027, 2, 17))

    when = views.when(occurrence, reader(zone))

    assert (when.here, when.here_clock, when.here_relation) == (here, clock, relation)


def test_a_session_of_35_minutes_ends_after_35_minutes() -> None:
    """US-08.4."""
    when = views.when(the_session(end=time(13, 35)), reader("Asia/Kathmandu"))

    assert when.here == "Monday 14 June 2027, 16:45–17:20"


@pytest.mark.parametrize(
    ("zone", "here", "relation"),
    [
        ("America/Bogota", "Wednesday 21 October 2026, 19:00–20:00", ""),
        ("Pacific/Pago_Pago", "Wednesday 21 October 2026, 13:00–14:00", ""),
        ("Australia/Melbourne", "Thursday 22 October 2026, 11:00–12:00", "the next day"),
        ("Pacific/Apia", "Thursday 22 October 2026, 13:00–14:00", "the next day"),
        ("Pacific/Kiritimati", "Thursday 22 October 2026, 14:00–15:00", "the next day"),
    ],
)
def test_the_next_day_is_next_to_the_announced_one(zone: str, here: str, relation: str) -> None:
    """US-09.1: 19:00 in Bogotá is already tomorrow in Hamburg."""
    occurrence = the_session(on=date(2026, 10, 21), start=time(19), end=None, zone="America/Bogota")

    when = views.when(occurrence, reader(zone))

    assert (when.here, when.here_relation) == (here, relation)
    assert (when.home, when.home_relation) == ("Thursday 22 October 2026, 02:00–03:00", "the next day")


def test_the_day_before_is_said_too() -> None:
    occurrence = the_session(start=time(2), end=None)

    when = views.when(occurrence, reader("America/Bogota"))

    assert (when.here, when.here_relation) == ("Sunday 13 June 2027, 19:00–20:00", "the day before")


def test_the_announced_date_is_shown_where_neither_line_has_it() -> None:
    occurrence = the_session(start=time(19), end=None, zone="America/Bogota")

    assert (
        views.when(occurrence, reader("Pacific/Apia")).announced == "Monday 14 June 2027, 19:00–20:00 (UTC−5)"
    )
    assert not views.when(occurrence, reader("America/Bogota")).announced


@pytest.mark.parametrize(
    ("on", "clock"), [(date(2027, 6, 14), "CEST, UTC+2"), (date(2027, 1, 20), "CET, UTC+1")]
)
def test_the_clock_of_hamburg_has_its_true_name(on: date, clock: str) -> None:
    """US-01.5."""
    when = views.when(the_session(on=on), reader_in(MELTON))

    assert when.home.endswith(", 13:00–14:00")
    assert when.home_clock == f"Hamburg time ({clock})"


@pytest.mark.parametrize("kind", [kind for kind in Kind if not kind.value.startswith("report")])
def test_a_mail_about_a_summer_date_never_says_cet(kind: Kind) -> None:
    """US-01.5."""
    message = posted(kind, views_of_all_kinds(reader_in(MELTON))[kind])

    assert not re.search(r"\bCET\b", f"{message['Subject']}{plain(message)}{html(message)}")


def test_a_summer_mail_says_the_hour_in_hamburg_in_full() -> None:
    message = posted(Kind.REMINDER, about(sessions_of(MELTON)[0][0], reader_in(MELTON)))

    assert "13:00–14:30 Hamburg time (CEST, UTC+2)" in plain(message)
    assert "13:00–14:30 Hamburg time (CEST, UTC+2)" in html(message)


def expected(session: Session, zone: str) -> tuple[str, str, str]:
    """Span, offset and Hamburg's span by the library's zones, without a line of ours."""
    assert session.start is not None
    start = datetime.combine(session.on, session.start, ZoneInfo(session.zone)).astimezone(UTC)
    end = start + timedelta(minutes=session.length_minutes)
    if session.end is not None:
        end = datetime.combine(session.on, session.end, ZoneInfo(session.zone)).astimezone(UTC)
    minutes = int((start.astimezone(ZoneInfo(zone)).utcoffset() or timedelta()).total_seconds() // 60)
    hours, rest = divmod(abs(minutes), 60)
    offset = f"UTC{'−' if minutes < 0 else '+'}{hours}" + (f":{rest}" if rest else "")
    return span(start, end, zone), offset, span(start, end, "Europe/Berlin")


def span(start: datetime, end: datetime, zone: str) -> str:
    here, until = start.astimezone(ZoneInfo(zone)), end.astimezone(ZoneInfo(zone))
    return f"{here:%A} {here.day} {here:%B} {here.year}, {here:%H:%M}–{until:%H:%M}"


@pytest.mark.usefixtures("own_zones")
@pytest.mark.parametrize("occurrence", TIMED, ids=lambda occurrence: occurrence.id)
def test_every_city_reads_its_own_hour_by_another_opinion(occurrence: Occurrence) -> None:
    """All 336 cities; US-06.1, US-07.1."""
    assert len(open_house().members) == 336
    assert occurrence.session is not None

    for one in open_house().members:
        when = views.when(occurrence, reader(one.zone))
        assert (when.here, when.here_clock, when.home) == expected(occurrence.session, one.zone), one.slug
