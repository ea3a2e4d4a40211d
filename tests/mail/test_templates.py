"""The words of each kind of mail, whole, for readers who show what can go wrong."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date, time
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest
from jinja2 import UndefinedError

from scheduler.languages import Language
from scheduler.mail import views
from scheduler.mail.templates import render
from scheduler.model.cycles import ANYWHERE, IN_THE_CITY, Cycle, Deadline
from scheduler.model.drafts import Draft
from scheduler.model.members import NATIONAL_COMMISSION, NATIONAL_COORDINATOR
from scheduler.model.notices import Kind
from scheduler.model.programme import occurrences_of
from scheduler.model.series import Join, ProgrammeItem, Speaker, Status
from tests.cast import KASHAN, MEDELLIN, MELTON, a_series, a_session, at
from tests.golden import assert_golden
from tests.mail.desk import (
    A_DRAFT,
    EN,
    NETWORK,
    REPORT_2021,
    THIRD_WEDNESDAY,
    WHY,
    a_report,
    about,
    announcement,
    facts,
    html,
    new_hours,
    plain,
    posted,
    reader,
    reader_in,
    report,
    session_with_previous,
    the_session,
    told,
    views_of_all_kinds,
)

GOLDEN = Path(__file__).parent / "golden"
HERE, THERE = reader_in(MELTON), reader_in(MEDELLIN)
HOSTILE = "<script>alert('1')</script> & \"quoted\" {{ 7 * 7 }} %(x)s {x} </title><b>"


def by_bogota() -> views.View:
    """A session whose host gave the hour, as Apia reads it: its date is the announced one nowhere."""
    occurrence = the_session(
        start=time(19), end=time(20), zone="America/Bogota", status=Status.CANCELLED, reason="A storm"
    )
    return about(occurrence, reader("Pacific/Apia"))


def moved() -> views.View:
    join = Join("Zoom", "Webinar ID", "94172987853", "https://meet.cities.example/2", "lantern")
    occurrence = the_session(start=time(15), end=time(16), join=join)
    return about(occurrence, reader("Asia/Kathmandu"), before=told(the_session()))


def a_festival() -> views.View:
    """Three days across a clock change, with a link for each language."""
    joins = (
        ("en", Join("Zoom", "Webinar ID", "94172987853", "https://meet.cities.example/en", "lantern")),
        ("fr", Join(link="https://meet.cities.example/fr")),
    )
    days = {"on": date(2027, 10, 30), "end_on": date(2027, 11, 1)}
    return about(the_session(**days, languages=("en", "fr", "es"), join=Join(), joins=joins), HERE)


def put_off() -> views.View:
    occurrence = the_session(status=Status.POSTPONED, reason="A storm")
    return about(occurrence, HERE, before=told(the_session()))


def an_hour_later() -> views.View:
    """21 October 2020 in Melton, where clocks changed since the session before."""
    occurrence, previous = session_with_previous(MELTON, "sustainable-development")
    return about(occurrence, HERE, previous)


def libraries() -> views.View:
    return about(occurrences_of(THIRD_WEDNESDAY)[0], reader("Pacific/Chatham"), days=1)


def afterwards() -> views.View:
    occurrence, _ = session_with_previous(KASHAN, "inclusion")
    following, _ = session_with_previous(KASHAN, "measurement")
    return about(occurrence, reader_in(KASHAN), following=following)


def by_new_rules() -> views.View:
    """What Edmonton reads in November 2026: on -06 in winter, no longer on -07; the deadline among it."""
    who = reader("America/Edmonton")
    (deadline,) = occurrences_of(
        replace(REPORT_2021, deadline=Deadline(date(2026, 12, 31), time(23, 59, 59), "Europe/Berlin"))
    )
    winter = the_session(title="Learning after work", on=date(2026, 12, 9))
    return new_hours(who, winter, the_session(on=date(2027, 1, 20)), deadline)


# reports


def by_policy(zone: str) -> Cycle:
    """The round of 2021 with its deadline meant by another clock (story US-23.2)."""
    at_the_end = Deadline(date(2021, 12, 31), time(23, 59, 59), zone)
    return replace(REPORT_2021, deadline=at_the_end, membership_ends=None, reapply=None)


def more_time() -> views.View:
    """Kashan has until the end of February, by its own clock."""
    cycle = by_policy(IN_THE_CITY)
    told_until = cycle.deadline.there("Asia/Tehran").instant
    own = replace(cycle.deadline, on=date(2022, 2, 28)).there("Asia/Tehran")
    known = facts(
        Kind.REPORT_MOVED, deadline=own, until=own.instant, told_until=told_until, because="An earthquake"
    )
    return report(reader_in(KASHAN), date(2021, 12, 20), known, cycle)


def half_written() -> views.View:
    return report(THERE, date(2021, 12, 24), facts(draft=A_DRAFT))


def nowhere_on_earth() -> views.View:
    cycle = by_policy(ANYWHERE)
    known = facts(Kind.REPORT_OVERDUE, cycle, draft=Draft(last_page=2))
    return report(reader_in(KASHAN), date(2022, 1, 2), known, cycle)


def a_second_late() -> views.View:
    """US-23.3: 23:00:00Z is late."""
    known = facts(Kind.REPORT_RECEIVED, submitted_at=at("2021-12-31T23:00:00+00:00"))
    return report(HERE, date(2022, 1, 1), known)


def copied() -> views.View:
    came_at = at("2021-12-10T13:03:12+00:00")
    known = facts(
        Kind.REPORT_NO_PROGRESS, role="coordinator", submitted_at=came_at, ends_on=date(2022, 6, 30)
    )
    return report(THERE, date(2022, 5, 2), known)


def for_the_commission() -> views.View:
    """Neither the end nor the way back are known yet."""
    known = facts(Kind.REPORT_NOT_SUBMITTED, role=NATIONAL_COMMISSION, country="IR")
    return report(reader_in(KASHAN), date(2022, 5, 2), known, by_policy("Europe/Berlin"))


#: file -> (kind, city, view)
MAILS: dict[str, tuple[Kind, str, Callable[[], views.View]]] = {
    "announcement": (Kind.ANNOUNCEMENT, "Medellín", lambda: announcement(reader_in(MEDELLIN))),
    "invitation": (
        Kind.INVITATION,
        "Melton",
        an_hour_later,
    ),
    "festival": (Kind.INVITATION, "Melton", a_festival),
    "changed": (Kind.CHANGED, "Kathmandu", moved),
    "postponed": (Kind.CHANGED, "Melton", put_off),
    "cancelled": (Kind.CANCELLED, "Apia", by_bogota),
    "reminder": (Kind.REMINDER, "Waitangi", libraries),
    "follow-up": (Kind.FOLLOW_UP, "Kashan", afterwards),
    "clocks-changed": (Kind.CLOCKS_CHANGED, "Edmonton", by_new_rules),
    "report-opened": (Kind.REPORT_OPENED, "Melton", lambda: report(HERE, date(2021, 9, 27))),
    "report-moved": (Kind.REPORT_MOVED, "Kashan", more_time),
    "report-reminder": (Kind.REPORT_REMINDER, "Medellín", half_written),
    "report-digest": (Kind.REPORT_DIGEST, "Melton", lambda: a_report(Kind.REPORT_DIGEST, HERE)),
    "report-overdue": (Kind.REPORT_OVERDUE, "Kashan", nowhere_on_earth),
    "report-received": (Kind.REPORT_RECEIVED, "Melton", a_second_late),
    "report-renewed": (Kind.REPORT_RENEWED, "Medellín", lambda: a_report(Kind.REPORT_RENEWED, THERE)),
    "report-incomplete": (Kind.REPORT_INCOMPLETE, "Melton", lambda: a_report(Kind.REPORT_INCOMPLETE, HERE)),
    "report-no-progress": (Kind.REPORT_NO_PROGRESS, "Medellín", copied),
    "report-not-submitted": (Kind.REPORT_NOT_SUBMITTED, "Kashan", for_the_commission),
}


@pytest.mark.parametrize("name", MAILS)
@pytest.mark.parametrize("part", ["subject", "txt", "html"])
def test_a_mail_looks_like_this(name: str, part: str) -> None:
    kind, city, make = MAILS[name]
    message = posted(kind, make(), city=city)

    texts = {"subject": f"{message['Subject']}\n", "txt": plain(message), "html": html(message)}

    assert_golden(GOLDEN / f"{name}.{part}", texts[part].encode())


# whatever people write


@pytest.mark.parametrize("kind", Kind)
def test_a_hostile_text_is_literal_in_html(kind: Kind) -> None:
    item = ProgrammeItem(HOSTILE, (Speaker(HOSTILE, HOSTILE, HOSTILE),))
    session = a_session(
        title=HOSTILE, description=HOSTILE, reason=HOSTILE, programme=(item,), organisers=(HOSTILE,)
    )
    (occurrence,) = occurrences_of(a_series(session, title=HOSTILE, description=HOSTILE))

    text = html(posted(kind, views_of_all_kinds(HERE, occurrence)[kind], city=HOSTILE))

    assert "<script" not in text
    assert text.count("<b>") == 0
    assert HOSTILE in unescape(text)


def test_what_people_write_of_a_report_is_literal_in_html() -> None:
    """The reason of an extension, and the names of cities in a list."""
    missing = ((HOSTILE, "Europe/Berlin", REPORT_2021.deadline),)
    moved_by = facts(Kind.REPORT_MOVED, because=HOSTILE)
    named_in = facts(Kind.REPORT_DIGEST, country="DE", role=NATIONAL_COORDINATOR, missing=missing)

    for known in (moved_by, named_in):
        text = html(posted(known.kind, report(HERE, known=known)))
        assert "<script" not in text
        assert HOSTILE in unescape(text)


def test_a_hostile_title_is_literal_in_a_subject() -> None:
    subject = posted(Kind.REMINDER, about(the_session(title=HOSTILE), HERE), city="Melton")["Subject"]

    assert subject == f"Reminder, in 7 days: {HOSTILE} – Mon 14 Jun, 21:00 in Melton"


def test_blanks_in_a_title_stay_as_they_are() -> None:
    title = "«\u00a0Two  blanks\u00a0»"

    assert title in posted(Kind.REMINDER, about(the_session(title=title), HERE))["Subject"]


def test_a_link_cannot_leave_its_attribute() -> None:
    session = the_session(join=Join(link='https://x.example/"><script>'), recording="https://x.example/'<i>")

    for kind in (Kind.INVITATION, Kind.FOLLOW_UP):
        text = html(posted(kind, about(session, HERE)))
        assert "<script>" not in text
        assert "<i>" not in text


class Tags(HTMLParser):
    """Counts what is open, and remembers every tag."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        self.seen.add(tag)
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("name", MAILS)
def test_every_tag_is_closed(name: str) -> None:
    kind, city, make = MAILS[name]

    assert Tags(html(posted(kind, make(), city=city))).open == []


@pytest.mark.parametrize("name", MAILS)
def test_html_brings_nothing_that_mail_programs_refuse(name: str) -> None:
    """Rule 21: no script, form or external style, and under 100 KB."""
    kind, city, make = MAILS[name]
    text = html(posted(kind, make(), city=city))

    assert not Tags(text).seen & {"script", "form", "link", "img", "iframe", "object"}
    assert len(text.encode()) < 100_000


# layout


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("reason", ["", "A storm"])
def test_no_label_stands_alone_in_a_text(kind: Kind, reason: str) -> None:
    bare = the_session(join=Join(), organisers=(), reason=reason, recording="https://r.example")
    for view in (views_of_all_kinds(HERE, bare)[kind], views_of_all_kinds(HERE)[kind]):
        lines = plain(posted(kind, view)).splitlines()

        below = [
            below
            for line, below in zip(lines, [*lines[1:], ""], strict=True)
            if re.fullmatch("[A-Z -]+", line)
        ]
        assert below
        assert all(re.match(r"  \S", line) for line in below)


@pytest.mark.parametrize("name", MAILS)
def test_no_blank_lines_pile_up(name: str) -> None:
    kind, city, make = MAILS[name]

    assert "\n\n\n" not in plain(posted(kind, make(), city=city))


@pytest.mark.parametrize("name", MAILS)
def test_a_line_is_broken_where_a_blank_allows(name: str) -> None:
    kind, city, make = MAILS[name]

    lines = plain(posted(kind, make(), city=city)).splitlines()

    assert max(len(line) for line in lines if " " in line.strip()) <= 78


def test_why_it_came_is_broken_like_the_rest() -> None:
    text = plain(posted(Kind.REMINDER, about(the_session(), HERE)))

    assert WHY not in text
    assert WHY in re.sub(r"\s+", " ", text)


def test_an_announcement_counts_what_has_a_date() -> None:
    sessions = (
        a_session(id="a"),
        a_session(id="b", on=date(2027, 6, 21)),
        a_session(id="c", status=Status.POSTPONED),
    )
    message = posted(Kind.ANNOUNCEMENT, announcement(HERE, *occurrences_of(a_series(*sessions))))

    assert message["Subject"] == "Save 2 dates: Talks among cities"
    assert "Postponed, a new date follows" in plain(message)


def test_an_announcement_without_dates_asks_to_save_none() -> None:
    message = posted(Kind.ANNOUNCEMENT, announcement(HERE, the_session(status=Status.POSTPONED)))

    assert message["Subject"] == "New webinar series: Talks among cities"
    assert "save" not in plain(message).lower()


@pytest.mark.parametrize("kind", [Kind.ANNOUNCEMENT, Kind.CHANGED, Kind.CANCELLED, Kind.INVITATION])
def test_a_postponed_session_never_shows_its_old_day(kind: Kind) -> None:
    occurrence = the_session(status=Status.POSTPONED)
    view = replace(views_of_all_kinds(HERE, occurrence)[kind], changes=())

    message = posted(kind, view)

    assert "Postponed, a new date follows" in plain(message)
    assert "Postponed, a new date follows" in html(message)
    assert "14 Jun" not in f"{message['Subject']}{plain(message)}{html(message)}"


def test_what_follows_may_be_postponed() -> None:
    view = about(
        the_session(summary="https://s.example"), HERE, following=the_session(status=Status.POSTPONED)
    )

    text = plain(posted(Kind.FOLLOW_UP, view))

    assert text[text.index("NEXT IN") :].splitlines()[1:3] == [
        "  A first session",
        "    Postponed, a new date follows",
    ]


def test_a_changed_place_stands_on_lines_of_its_own() -> None:
    text = plain(posted(Kind.CHANGED, moved()))

    assert (
        "    Before:\n      https://meet.cities.example/1\n      Zoom\n      Webinar ID: 626 174 989\n"
        in text
    )
    assert "<br>Zoom<br>Webinar ID: 941 7298 7853<br>Passcode: lantern" in html(posted(Kind.CHANGED, moved()))


def test_a_change_to_nothing_is_still_to_be_announced() -> None:
    view = about(the_session(join=Join()), HERE, before=told(the_session()))

    assert "    Now: to be announced\n" in plain(posted(Kind.CHANGED, view))


# languages


def test_a_language_from_right_to_left_says_so() -> None:
    who = reader("Asia/Qatar", Language("ar"))

    texts = render(Kind.REMINDER, about(the_session(), who), Language("ar"))

    assert '<html lang="ar" dir="rtl">' in texts.html
    assert '<span dir="ltr">626 174 989</span>' in texts.html
    assert "\u2066626 174 989\u2069" in texts.plain


# honesty


@pytest.mark.parametrize("kind", Kind)
def test_a_view_that_lacks_what_a_mail_says_is_an_error(kind: Kind) -> None:
    with pytest.raises(UndefinedError):
        render(kind, views.View(NETWORK, WHY), EN)
