"""What a mail says before any template: changes, days, deadlines, what is to come."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time

import pytest

from scheduler.languages import Language
from scheduler.mail import views
from scheduler.model.cycles import ANYWHERE, IN_THE_CITY, Deadline
from scheduler.model.drafts import Draft
from scheduler.model.notices import Kind
from scheduler.model.programme import occurrences_of
from scheduler.model.series import Join, Session, Status
from tests.cast import KASHAN, MEDELLIN, MELTON, a_series, a_session, at, member
from tests.mail.desk import (
    EN,
    NETWORK,
    RECOVERY,
    REPORT_2021,
    facts,
    reader_in,
    report_view,
    the_deadline,
    the_session,
    told,
)

HERE = reader_in(MEDELLIN)
JOIN = Join("Zoom", "Webinar ID", "94172987853", "https://meet.cities.example/2", "lantern")


def changed(old: dict[str, object], new: dict[str, object]) -> list[tuple[str, str, str]]:
    """What Medellín reads when the session of the cast is no longer as it was told."""
    found = views.changes(the_session(**new), told(the_session(**old)), HERE)
    return [(change.what, change.old, change.new) for change in found]


def test_a_new_hour_is_shown_in_the_readers_time() -> None:
    """US-12.2."""
    assert changed({}, {"start": time(11), "end": time(12)}) == [
        ("Time", "Monday 14 June 2027, 06:00–07:00", "Monday 14 June 2027, 04:00–05:00")
    ]


def test_a_new_end_is_a_change() -> None:
    assert changed({}, {"end": time(15)})[0][1:] == (
        "Monday 14 June 2027, 06:00–07:00",
        "Monday 14 June 2027, 06:00–08:00",
    )


def test_an_hour_that_was_open_was_to_be_announced() -> None:
    open_hour: dict[str, object] = {"start": None, "end": None}

    assert changed(open_hour, {}) == [("Time", "to be announced", "Monday 14 June 2027, 06:00–07:00")]


def test_what_is_postponed_has_no_new_time_yet() -> None:
    assert changed({}, {"status": Status.POSTPONED}) == [
        ("Time", "Monday 14 June 2027, 06:00–07:00", "postponed, a new date follows"),
        ("Status", "confirmed", "postponed"),
    ]


def test_another_link_is_shown_line_by_line() -> None:
    assert changed({}, {"join": JOIN}) == [
        (
            "How to join",
            "https://meet.cities.example/1\nZoom\nWebinar ID: 626 174 989",
            "https://meet.cities.example/2\nZoom\nWebinar ID: 941 7298 7853\nPasscode: lantern",
        )
    ]


@pytest.mark.parametrize(
    "what", [{"title": "Another"}, {"description": "More"}, {"recording": "https://r.example"}]
)
def test_texts_are_no_changes(what: dict[str, object]) -> None:
    """US-12.4."""
    assert changed({}, what) == []


@pytest.mark.parametrize(
    ("days", "words"),
    [
        (30, "in 30 days"),
        (2, "in 2 days"),
        (1, "tomorrow"),
        (0, "today"),
        (-1, "yesterday"),
        (-2, "2 days ago"),
        (-30, "30 days ago"),
    ],
)
def test_days_are_said_in_words(days: int, words: str) -> None:
    assert views.ahead(days, EN) == words


# sessions to come


def ahead(*sessions: Session, after: str) -> list[str]:
    occurrences = occurrences_of(a_series(*sessions))
    return [view.title for view in views.sessions_ahead(occurrences, at(after), HERE)]


def test_what_has_begun_is_no_longer_announced() -> None:
    sessions = (a_session(id="a", title="A"), a_session(id="b", title="B", on=date(2027, 6, 21)))

    assert ahead(*sessions, after="2027-06-14T10:59:59+00:00") == ["A", "B"]
    assert ahead(*sessions, after="2027-06-14T11:00:00+00:00") == ["B"]


def test_an_open_session_is_announced_until_its_day_is_over() -> None:
    session = a_session(title="A", start=None, end=None)

    assert ahead(session, after="2027-06-14T21:00:00+00:00") == ["A"]
    assert ahead(session, after="2027-06-14T22:00:00+00:00") == []


def test_a_postponed_session_is_still_to_come() -> None:
    assert ahead(a_session(title="A", status=Status.POSTPONED), after="2027-07-01T00:00:00+00:00") == ["A"]


def test_a_postponed_session_has_no_date() -> None:
    view = views.session_view(the_session(status=Status.POSTPONED), HERE)

    assert view.is_postponed
    assert not any((view.when.here, view.when.home, view.when.short))


def test_an_open_session_has_its_day() -> None:
    when = views.when(the_session(start=None, end=None), HERE)

    assert (when.here, when.short, when.is_open) == ("Monday 14 June 2027", "Mon 14 Jun", True)


def test_open_days_are_named_from_the_first_to_the_last() -> None:
    shown = views.when(the_session(start=None, end=None, end_on=date(2027, 6, 16)), HERE)

    assert shown.here == "Monday 14 June 2027 – Wednesday 16 June 2027"


def test_a_clock_change_in_the_middle_is_said() -> None:
    """31 October 2027 in Hamburg; there is none in Colombia."""
    shown = views.when(the_session(on=date(2027, 10, 30), end_on=date(2027, 11, 1)), HERE)

    assert shown.home_clock == "Hamburg time (CEST, UTC+2, then CET, UTC+1)"
    assert shown.here_clock == "UTC−5"


def test_the_link_of_a_language_is_a_change() -> None:
    joins = (("fr", Join(link="https://meet.cities.example/fr")),)

    (change,) = changed({"join": Join()}, {"join": Join(), "joins": joins})

    assert change == ("How to join", "", "French: https://meet.cities.example/fr")


@pytest.mark.parametrize(("code", "first"), [("en", "English"), ("fr", "français"), ("ar", "الإنجليزية")])
def test_links_are_in_the_order_of_the_file_but_the_readers_own_first(code: str, first: str) -> None:
    joins = (("en", JOIN), ("fr", JOIN))

    view = views.session_view(the_session(joins=joins), reader_in(MEDELLIN, Language(code)))

    assert next(name for name, _ in view.joins) == first
    assert len(view.joins) == 2


def test_notes_in_an_announcement_follow_the_order_of_the_sessions() -> None:
    found = views.sessions_ahead(occurrences_of(RECOVERY), at("2020-05-18T07:00:00+00:00"), reader_in(KASHAN))

    assert [view.when.short for view in found if view.when.note] == ["Wed 21 Oct, 14:30", "Wed 18 Nov, 15:30"]


# a session


def test_a_session_speaks_of_its_series_where_it_has_no_words_of_its_own() -> None:
    (occurrence,) = occurrences_of(a_series(description="About all", organisers=("A", "B", "C")))

    view = views.session_view(occurrence, HERE)

    assert (view.description, view.organisers) == ("About all", "A, B and C")


def test_how_to_join_is_the_same_text_in_every_language() -> None:
    assert the_session(join=JOIN).place.splitlines()[-1] == "Passcode: lantern"
    assert the_session(join=Join()).place == ""
    assert the_deadline().place == ""


# deadlines


def test_a_deadline_is_shown_in_both_places() -> None:
    """US-23.1."""
    when = report_view(reader_in(MELTON), date(2021, 12, 24)).when

    assert (when.here, when.here_clock) == ("Saturday 1 January 2022, 09:59", "UTC+11")
    assert (when.here_relation, when.home_relation) == ("the next day", "")
    assert (when.home, when.home_clock) == ("Friday 31 December 2021, 23:59", "Hamburg time (CET, UTC+1)")


@pytest.mark.parametrize(("slug", "days"), [(MELTON, 8), (MEDELLIN, 7)])
def test_days_left_are_counted_on_the_readers_calendar(slug: str, days: int) -> None:
    view = report_view(reader_in(slug), date(2021, 12, 24))

    assert (view.days_left, view.ahead) == (days, f"in {days} days")


@pytest.mark.parametrize(
    ("zone", "policy", "here"),
    [
        ("Europe/Berlin", "moment", "Saturday 1 January 2022, 09:59"),
        (IN_THE_CITY, "city", "Friday 31 December 2021, 23:59"),
        (ANYWHERE, "anywhere", "Saturday 1 January 2022, 22:59"),
    ],
)
def test_a_deadline_is_said_with_its_policy(zone: str, policy: str, here: str) -> None:
    """US-23.2, as Melton reads it."""
    cycle = replace(REPORT_2021, deadline=Deadline(date(2021, 12, 31), time(23, 59, 59), zone))
    own = cycle.deadline_of(member(MELTON))

    known = facts(cycle=cycle, deadline=own, until=own.instant)
    view = report_view(reader_in(MELTON), date(2021, 12, 24), known, cycle)

    assert (view.policy, view.when.here) == (policy, here)


def test_numbers_of_questions_are_joined_to_runs() -> None:
    known = facts(draft=Draft(unanswered=(20, 4, 5, 7, 12, 13, 14)))

    draft = report_view(HERE, date(2021, 12, 24), known).draft

    assert draft
    assert draft.numbers == "4, 5, 7, 12–14 and 20"


@pytest.mark.parametrize(("second", "is_late"), [("22:59:59", False), ("23:00:00", True)])
def test_a_report_is_late_from_the_second_after_its_deadline_on(second: str, is_late: bool) -> None:
    """US-23.3."""
    known = facts(Kind.REPORT_RECEIVED, submitted_at=at(f"2021-12-31T{second}+00:00"))

    view = report_view(HERE, date(2022, 1, 1), known)

    assert (view.is_late, view.arrived_in_utc) == (is_late, f"2021-12-31 {second}")


def test_the_period_of_a_report_is_in_months() -> None:
    view = report_view(reader_in(MEDELLIN), date(2021, 12, 24))

    assert view.period == "April 2019 to September 2021"


def test_a_reader_without_texts_in_its_language_has_its_own_dates_at_least_in_words() -> None:
    """The language of a reader decides dates; the words fall back to English."""
    french = views.Reader(Language("fr"), "Europe/Paris", NETWORK)

    when = views.when(the_session(), french)

    assert when.here == "lundi 14 juin 2027, 13:00–14:00"
    assert when.home_clock == "Hamburg time (CEST, UTC+2)"


def test_only_another_hour_asks_who_answered_to_answer_again() -> None:
    """Stories: an answer is to an hour, and stands while that does."""
    was = told(the_session())
    link, longer, later = (
        the_session(**change) for change in ({"join": JOIN}, {"end": time(15)}, {"start": time(13, 30)})
    )

    assert [views.keeps_answers(one, was) for one in (link, longer, later)] == [True, True, False]
    assert [views.is_way_in(one, was) for one in (link, longer, later)] == [True, False, False]
    assert not views.keeps_answers(link, replace(was, method="CANCEL"))
