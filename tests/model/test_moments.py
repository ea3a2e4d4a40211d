"""When a rule is due for one member: of a session on 14 June 2027, 13:00 in Hamburg, announced on 3 May.

Hamburg UTC+2 · Mantes-la-Jolie the same · Bogotá and Medellín UTC−5 · Doha UTC+3 · Thrissur UTC+5:30
Kashan UTC+3:30 · Melton UTC+10 · Wyndham UTC+10 (+11 from October to April)
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.model import times
from scheduler.model.audience import Audience
from scheduler.model.members import Member, Membership, Span
from scheduler.model.moments import Since, useful_by
from scheduler.model.notices import Kind, MinutesBefore, NoticeRule, QuietHours, WorkingDaysBefore
from scheduler.model.programme import occurrences_of
from scheduler.model.series import Series, Status
from tests import cast
from tests.cast import DOHA, KASHAN, MANTES, MEDELLIN, MELTON, THRISSUR, a_member, a_series, a_session, at
from tests.model.asking import APRIL, applied, cycle, due, rule_of

RECORDING, SUMMARY = "https://recordings.cities.example/1", "https://cities.example/summary"
#: Every rule of a series but the one that looks for whoever was told before.
RULES = [rule.id for rule in a_series().rules if rule.kind is not Kind.CANCELLED]


def with_changes(rule: NoticeRule, **changes: object) -> NoticeRule:
    assert rule.when is not None
    return replace(rule, when=replace(rule.when, **changes))  # type: ignore[arg-type]


def since_day(first: date, until: date | None = None) -> Membership:
    return Membership(Span(first, first), until, "test")


# reminders


@pytest.mark.parametrize(
    ("slug", "expected"),
    [
        (MANTES, "2027-06-11T09:00:00+02:00"),
        ("bogota", "2027-06-11T09:00:00-05:00"),
        (DOHA, "2027-06-13T09:00:00+03:00"),
        (THRISSUR, "2027-06-12T09:00:00+05:30"),
        (KASHAN, "2027-06-13T09:00:00+03:30"),
    ],
)
def test_the_working_day_before_is_that_of_the_city(slug: str, expected: str) -> None:
    """Story US-14: Friday, but Sunday where the weekend is Friday and Saturday, and Saturday in Thrissur."""
    assert due("working-day-before", slug) == [at(expected)]


def test_a_weekend_that_a_city_sets_itself_counts() -> None:
    thrissur = replace(cast.member(THRISSUR), weekend=(5, 6))

    assert due("working-day-before", thrissur) == [at("2027-06-11T09:00:00+05:30")]


def test_seven_days_before_are_days_of_the_calendar() -> None:
    """Story US-14: 168 hours before 13:00 on 3 November would be 12:00 on the 27th, not 13:00."""
    series = a_series(a_session(on=date(2027, 11, 3)))

    assert due("week-before", "hamburg", series) == [at("2027-10-27T07:00:00+00:00")]


def test_days_are_counted_from_the_date_there() -> None:
    """20:00 in Hamburg on Monday is 04:00 on Tuesday in Melton."""
    series = a_series(a_session(start=time(20), end=time(21)))

    assert due("week-before", MELTON, series) == [at("2027-06-08T09:00:00+10:00")]


def test_a_reminder_at_an_hour_that_is_not_there_is_one_hour_later() -> None:
    """Story US-10: 02:30 in Hamburg on 28 March 2027 is 03:30."""
    rule = with_changes(rule_of(a_series(), "week-before"), at=time(2, 30))
    series = a_series(a_session(on=date(2027, 4, 4)), announced=date(2027, 3, 1))
    sleepless = replace(cast.real().network, quiet_hours=QuietHours(time(0), time(0)))

    moments = due(rule, "hamburg", series, applied("2027-03-01T08:00:00+01:00"), sleepless)

    assert moments == [at("2027-03-28T01:30:00+00:00")]


def test_the_hour_before_is_off_by_default() -> None:
    assert not rule_of(a_series(), "hour-before").enabled


def test_the_hour_before_is_not_moved_by_the_night() -> None:
    """Story US-14: for Wyndham at 23:00 it would be useless in the morning."""
    series = a_series(a_session(start=time(15), end=time(16)))

    assert due("hour-before", "wyndham", series) == [at("2027-06-14T22:00:00+10:00")]


def test_a_day_before_in_the_night_is_moved_to_the_morning() -> None:
    rule = with_changes(rule_of(a_series(), "working-day-before"), at=time(22))

    assert due(rule, MANTES) == [at("2027-06-12T07:00:00+02:00")]


def test_a_reminder_moved_past_the_start_is_left_out() -> None:
    """Monday 22:30 there waits for Tuesday 07:00, and the session begins at 06:00."""
    rule = with_changes(rule_of(a_series(), "week-before"), days=-1, at=time(22, 30))
    series = a_series(a_session(on=date(2027, 6, 15)))

    assert due(rule, MEDELLIN, series) == []
    assert due(rule, MANTES, series) == [at("2027-06-15T07:00:00+02:00")]


def test_a_reminder_older_than_its_rule_is_not_due() -> None:
    """The rule came on 8 June, a day too late for the week before."""
    since = Since(APRIL.applied_at, rules={("talks", "week-before"): at("2027-06-08T08:00:00+02:00")})

    assert due("week-before", MANTES, since=since) == []
    assert due("working-day-before", MANTES, since=since) == [at("2027-06-11T09:00:00+02:00")]


def test_a_reminder_older_than_the_last_move_is_not_due() -> None:
    since = Since(APRIL.applied_at, occurrences={"first.talks": at("2027-06-08T08:00:00+02:00")})

    assert due("week-before", MANTES, since=since) == []


def test_a_reminder_that_lies_before_the_announcement_is_left_out() -> None:
    """Announced on Wednesday 9 June; the week before the session began on the 7th."""
    series = a_series(announced=date(2027, 6, 9))

    assert due("week-before", MANTES, series) == []
    assert due("working-day-before", MANTES, series) == [at("2027-06-11T09:00:00+02:00")]


def test_an_edit_minutes_before_a_reminder_does_not_lose_it() -> None:
    since = Since(at("2027-06-11T08:55:00+02:00"), dict.fromkeys(("first.talks", "talks"), APRIL.applied_at))
    since = replace(since, rules={("talks", "working-day-before"): APRIL.applied_at})

    assert due("working-day-before", MANTES, since=since) == [at("2027-06-11T09:00:00+02:00")]


# announcement and invitation


@pytest.mark.parametrize(
    ("slug", "expected"),
    [
        (MANTES, "2027-05-03T09:00:00+02:00"),
        (MELTON, "2027-05-03T17:00:00+10:00"),
        ("bogota", "2027-05-03T07:00:00-05:00"),
    ],
)
def test_an_announcement_goes_at_nine_in_hamburg_or_when_the_night_there_ends(
    slug: str, expected: str
) -> None:
    assert due("announcement", slug) == [at(expected)]


def test_a_series_without_a_day_is_announced_when_it_comes_into_force() -> None:
    series = a_series(announced=None)

    moments = due("announcement", MANTES, series, applied("2027-04-20T15:00:00+02:00"))

    assert moments == [at("2027-04-20T15:10:00+02:00")]


def test_a_series_that_begins_before_its_announcement_reaches_a_city_is_still_announced() -> None:
    """One session is over, another one is not."""
    over, to_come = a_session(on=date(2027, 5, 2)), a_session(id="second")

    assert due("announcement", MANTES, a_series(over, to_come)) == [at("2027-05-03T09:00:00+02:00")]


@pytest.mark.parametrize(
    ("announced", "expected"),
    [
        (date(2027, 5, 3), "2027-05-17T09:00:00-05:00"),  # 28 days before, at 09:00 there
        (date(2027, 6, 1), "2027-06-01T07:00:00-05:00"),  # with the announcement
    ],
)
def test_an_invitation_goes_28_days_before_but_never_before_the_announcement(
    announced: date, expected: str
) -> None:
    assert due("invitation", "bogota", a_series(announced=announced)) == [at(expected)]


def test_who_joins_later_hears_of_the_series_that_day() -> None:
    newcomer = a_member(MANTES, since_day(date(2027, 5, 20)))

    assert due("announcement", newcomer) == [at("2027-05-20T09:00:00+02:00")]
    assert due("invitation", newcomer) == [at("2027-05-20T09:00:00+02:00")]


def test_who_joins_later_gets_no_reminder_whose_moment_has_passed() -> None:
    newcomer = a_member(MANTES, since_day(date(2027, 6, 10)))

    assert due("week-before", newcomer) == []
    assert due("working-day-before", newcomer) == [at("2027-06-11T09:00:00+02:00")]


def test_who_joins_after_the_session_is_not_invited() -> None:
    newcomer = a_member(MANTES, since_day(date(2027, 6, 15)))

    assert due("invitation", newcomer) == []


def test_who_came_back_hears_of_the_series_again() -> None:
    back = a_member(
        MANTES, since_day(date(2019, 7, 1), until=date(2026, 6, 30)), since_day(date(2027, 5, 20))
    )

    assert due("announcement", back) == [at("2027-05-20T09:00:00+02:00")]
    assert due("invitation", back) == [at("2027-05-20T09:00:00+02:00")]


def test_who_is_away_on_the_day_of_the_invitation_is_invited_when_it_is_back() -> None:
    """It heard of the series on 3 May, left on the 10th and came back on the 25th."""
    away = a_member(
        MANTES, since_day(date(2019, 7, 1), until=date(2027, 5, 10)), since_day(date(2027, 5, 25))
    )

    assert due("announcement", away) == [at("2027-05-03T09:00:00+02:00")]
    assert due("invitation", away) == [at("2027-05-25T09:00:00+02:00")]


# to whom nothing is said, and of what


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(
    "membership",
    [
        Membership(Span(None, None), None, "unknown"),
        Membership(Span(date(2027, 1, 1), date(2027, 12, 31)), None, "stated"),
        since_day(date(2019, 7, 1), until=date(2027, 4, 30)),
        since_day(date(2019, 7, 1), until=date(2027, 6, 13)),
    ],
    ids=["unknown", "some day of 2027", "ended before", "ends the day before"],
)
def test_undecided_and_ended_members_get_nothing(rule: str, membership: Membership) -> None:
    series = a_series(a_session(recording=RECORDING, summary=SUMMARY))

    assert due(rule, a_member(MANTES, membership), series) == []


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("changes", [{"status": Status.CANCELLED}, {"held": True}], ids=["cancelled", "held"])
def test_nothing_is_said_of_a_session_that_is_off(rule: str, changes: dict[str, object]) -> None:
    series = a_series(a_session(recording=RECORDING, summary=SUMMARY, **changes))

    assert due(rule, MANTES, series) == []


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule not in ("announcement", "changed")])
def test_nothing_but_the_announcement_is_said_of_a_session_to_be_announced(rule: str) -> None:
    assert due(rule, MANTES, a_series(a_session(start=None, end=None))) == []


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule not in ("follow-up", "changed")])
def test_nothing_but_news_is_due_for_a_session_that_has_begun(rule: str) -> None:
    assert due(rule, MANTES, since=applied("2027-06-14T13:00:00+02:00")) == []


def test_a_change_is_told_at_once_while_the_session_runs() -> None:
    """Another link, half an hour before the end (US-13)."""
    assert due("changed", MANTES, since=applied("2027-06-14T13:30:00+02:00")) == [
        at("2027-06-14T13:30:00+02:00")
    ]


def test_a_change_is_told_to_nobody_when_the_session_is_over() -> None:
    assert due("changed", MANTES, since=applied("2027-06-14T14:00:00+02:00")) == []


def test_a_member_outside_the_audience_gets_nothing() -> None:
    arab = cast.real().series[1].sessions[-1].audience
    series = a_series(a_session(audience=arab))

    assert arab.label == "Arab countries"
    assert [due(rule, MEDELLIN, series) for rule in RULES] == [[]] * len(RULES)


# changes and cancellations


def test_a_change_rests_ten_minutes_before_it_is_told() -> None:
    moments = due("changed", MANTES, since=applied("2027-05-20T15:00:00+02:00"))

    assert moments == [at("2027-05-20T15:10:00+02:00")]


def test_a_change_is_told_at_once_where_the_session_is_near() -> None:
    moments = due("changed", MANTES, since=applied("2027-06-13T13:00:00+02:00"))

    assert moments == [at("2027-06-13T13:00:00+02:00")]


def test_a_change_in_the_night_is_told_in_the_morning() -> None:
    moments = due("changed", MEDELLIN, since=applied("2027-05-20T08:00:00+02:00"))

    assert moments == [at("2027-05-20T07:00:00-05:00")]


def test_a_change_of_a_near_session_does_not_wait_for_the_morning() -> None:
    moments = due("changed", MEDELLIN, since=applied("2027-06-14T08:00:00+02:00"))

    assert moments == [at("2027-06-14T01:00:00-05:00")]


def test_a_change_of_a_session_to_be_announced_is_told() -> None:
    """It was given up for now, or has a day but no hour: who was invited must hear of it."""
    series = a_series(a_session(start=None, end=None))

    moments = due("changed", MANTES, series, applied("2027-05-20T15:00:00+02:00"))

    assert moments == [at("2027-05-20T15:10:00+02:00")]


@pytest.mark.parametrize(
    ("applied_at", "expected"),
    [
        ("2027-05-20T15:00:00+02:00", "2027-05-20T15:10:00+02:00"),
        ("2027-06-14T12:00:00+02:00", "2027-06-14T12:00:00+02:00"),
    ],
)
def test_a_cancellation_is_told_as_a_change_is(applied_at: str, expected: str) -> None:
    series = a_series(a_session(status=Status.CANCELLED))

    assert due("cancelled", MANTES, series, applied(applied_at)) == [at(expected)]


def test_an_invitation_is_taken_back_when_a_membership_ends_before_the_session() -> None:
    leaving = a_member(MANTES, since_day(date(2019, 7, 1), until=date(2027, 5, 31)))

    assert due("cancelled", leaving) == [at("2027-04-01T10:10:00+02:00")]


def test_an_invitation_is_taken_back_from_who_is_meant_no_longer() -> None:
    series = a_series(a_session(audience=Audience("Africa", regions=("africa",))))

    assert due("cancelled", MANTES, series) == [at("2027-04-01T10:10:00+02:00")]


def test_a_session_moved_away_on_its_day_is_told_at_once() -> None:
    """At 01:00 in Medellín: it was to begin at 06:00, and people would get up for nothing."""
    since = Since(at("2027-06-14T08:00:00+02:00"), started={"first.talks": at("2027-06-14T13:00:00+02:00")})
    series = a_series(a_session(on=date(2027, 6, 28)))

    assert due("changed", MEDELLIN, series, since) == [at("2027-06-14T01:00:00-05:00")]


def test_what_became_of_a_postponed_session_is_told_after_its_old_day() -> None:
    series = a_series(a_session(status=Status.POSTPONED))

    moments = due("changed", MANTES, series, applied("2027-07-20T15:00:00+02:00"))

    assert moments == [at("2027-07-20T15:10:00+02:00")]


def test_a_member_that_stays_is_never_asked_whether_it_is_cancelled() -> None:
    assert due("cancelled", MANTES) == []


# afterwards


def follow_up(**changes: object) -> list[datetime]:
    return due("follow-up", MANTES, a_series(a_session(**changes)))


def test_a_follow_up_goes_when_recording_and_summary_are_there() -> None:
    assert follow_up(recording=RECORDING, summary=SUMMARY) == [at("2027-06-14T14:00:00+02:00")]


def test_a_follow_up_waits_for_the_day_of_the_summary() -> None:
    moments = follow_up(recording=RECORDING, summary=SUMMARY, summary_on=date(2027, 6, 28))

    assert moments == [at("2027-06-28T09:00:00+02:00")]


@pytest.mark.parametrize("there", [{"recording": RECORDING}, {"summary": SUMMARY}])
def test_on_day_21_a_follow_up_goes_with_what_is_there(there: dict[str, object]) -> None:
    """Story US-19."""
    assert follow_up(**there) == [at("2027-07-05T09:00:00+02:00")]


def test_no_follow_up_goes_while_nothing_is_there() -> None:
    assert follow_up() == []


def test_a_follow_up_does_not_go_in_the_night() -> None:
    """In Melton it is midnight when the session ends."""
    series = a_series(a_session(recording=RECORDING, summary=SUMMARY))

    assert due("follow-up", MELTON, series) == [at("2027-06-15T07:00:00+10:00")]


def test_what_comes_after_day_21_goes_when_it_has_settled() -> None:
    series = a_series(a_session(recording=RECORDING))
    late = Since(
        at("2027-07-20T15:00:00+02:00"),
        {"first.talks": APRIL.applied_at},
        {("talks", "follow-up"): APRIL.applied_at},
        {"first.talks": APRIL.applied_at},
    )

    assert due("follow-up", MANTES, series, late) == [at("2027-07-20T15:10:00+02:00")]


# reports


SEPTEMBER = applied("2021-09-01T08:00:00+02:00")


@pytest.mark.parametrize(
    ("slug", "expected"),
    [
        ("al-wakra", "2021-09-30T06:00:00+00:00"),
        (KASHAN, "2021-10-02T05:30:00+00:00"),
        ("hamburg", "2021-10-01T07:00:00+00:00"),
        (MEDELLIN, "2021-10-01T14:00:00+00:00"),
    ],
)
def test_the_first_rung_is_on_a_working_day_there(slug: str, expected: str) -> None:
    """Story US-24: 90 days before the deadline is Saturday 2 October 2021, a working day in Kashan only."""
    assert due("days-90", city_of_2021(slug), cycle("report-2021"), SEPTEMBER) == [at(expected)]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("days-30", "2021-12-01T09:00:00+01:00"),
        ("days-14", "2021-12-17T09:00:00+01:00"),
        ("days-7", "2021-12-24T09:00:00+01:00"),
        ("days-1", "2021-12-30T09:00:00+01:00"),
    ],
)
def test_rungs_are_days_before_the_deadline_as_written(rule: str, expected: str) -> None:
    assert due(rule, city_of_2021("hamburg"), cycle("report-2021"), SEPTEMBER) == [at(expected)]


def test_a_rung_is_the_same_day_for_all_although_the_deadline_is_not() -> None:
    """In Melton the deadline is on 1 January, and the last rung still on 30 December."""
    moments = due("days-1", city_of_2021(MELTON), cycle("report-2021"), SEPTEMBER)

    assert moments == [at("2021-12-30T09:00:00+11:00")]


def test_a_round_opens_at_nine_there() -> None:
    moments = due("opened", city_of_2021(KASHAN), cycle("report-2021"), SEPTEMBER)

    assert moments == [at("2021-09-27T09:00:00+03:30")]


def test_nothing_is_said_before_the_round_opens() -> None:
    """90 days before 2 December 2022 is 3 September; the round opens on the 5th."""
    city = cast.member("al-shahaniya", cast.real())
    august = applied("2022-08-01T08:00:00+02:00")

    assert due("days-90", city, cycle("report-2022"), august) == []
    assert due("opened", city, cycle("report-2022"), august) == [at("2022-09-05T09:00:00+03:00")]


@pytest.mark.parametrize("slug", ["al-shahaniya", "doha", "garissa"])
@pytest.mark.parametrize("rule", [rule.id for rule in cycle("report-2021").rules])
def test_only_who_is_due_hears_of_a_round(rule: str, slug: str) -> None:
    """One is excepted, one was no member then, one is undecided."""
    assert due(rule, cast.member(slug, cast.real()), cycle("report-2021"), SEPTEMBER) == []


def test_an_edit_minutes_before_a_rung_does_not_lose_it() -> None:
    since = Since(
        at("2021-10-01T08:55:00+02:00"),
        {"report-2021": SEPTEMBER.applied_at},
        {("report-2021", "days-90"): SEPTEMBER.applied_at},
    )

    moments = due("days-90", city_of_2021("hamburg"), cycle("report-2021"), since)

    assert moments == [at("2021-10-01T09:00:00+02:00")]


def test_a_round_that_came_into_force_late_skips_its_rungs() -> None:
    november = applied("2021-11-02T12:00:00+01:00")

    assert due("days-90", city_of_2021("hamburg"), cycle("report-2021"), november) == []
    assert due("opened", city_of_2021("hamburg"), cycle("report-2021"), november) == [
        at("2021-11-02T12:10:00+01:00")
    ]


def city_of_2021(slug: str) -> Member:
    """A city that was a member before the intake of September 2020."""
    return a_member(slug, since_day(date(2016, 1, 1)))


# hours and days in general


@pytest.mark.parametrize(
    ("due_at", "expected"),
    [
        ("2027-06-14T20:59:00+02:00", "2027-06-14T20:59:00+02:00"),
        ("2027-06-14T21:00:00+02:00", "2027-06-15T07:00:00+02:00"),
        ("2027-06-15T00:00:00+02:00", "2027-06-15T07:00:00+02:00"),
        ("2027-06-15T06:59:00+02:00", "2027-06-15T07:00:00+02:00"),
        ("2027-06-15T07:00:00+02:00", "2027-06-15T07:00:00+02:00"),
    ],
)
def test_quiet_hours_begin_with_their_first_minute_and_end_before_their_last(
    due_at: str, expected: str
) -> None:
    night = QuietHours(time(21), time(7))

    assert night.wait(at(due_at), "Europe/Berlin") == at(expected)


def test_quiet_hours_in_the_middle_of_the_day_end_on_that_day() -> None:
    noon = QuietHours(time(12), time(14))

    assert noon.wait(at("2027-06-14T12:30:00+02:00"), "Europe/Berlin") == at("2027-06-14T14:00:00+02:00")


def test_a_night_that_ends_in_a_doubled_hour_ends_in_the_second() -> None:
    night = QuietHours(time(21), time(2, 30))

    waited = night.wait(at("2027-10-31T02:10:00+01:00"), "Europe/Berlin")

    assert waited == at("2027-10-31T02:30:00+01:00")


@given(
    minutes=st.integers(0, 366 * 24 * 60),
    begin=st.times().map(lambda t: t.replace(minute=0, second=0, microsecond=0)),
    end=st.times().map(lambda t: t.replace(minute=30, second=0, microsecond=0)),
    slug=st.sampled_from(["hamburg", "cairo", "renca", "praia-da-vitoria", MELTON, KASHAN]),
)
def test_a_wait_never_goes_back(minutes: int, begin: time, end: time, slug: str) -> None:
    """Through every clock change of 2027, also where the night ends in a doubled hour."""
    due_at = at("2027-01-01T00:00:00+00:00") + timedelta(minutes=minutes)

    waited = QuietHours(begin, end).wait(due_at, cast.member(slug).zone)

    assert due_at <= waited <= due_at + timedelta(hours=25)


@given(days=st.integers(1, 60), slug=st.sampled_from([MANTES, DOHA, KASHAN, THRISSUR]))
def test_working_days_before_are_counted_one_by_one(days: int, slug: str) -> None:
    city, session = cast.member(slug), occurrences_of(a_series())[0]

    due_at = WorkingDaysBefore(days, time(9)).due_at(session.on, city.zone, city.weekend)

    first = times.local_date(due_at, city.zone)
    between = [first + timedelta(days=n) for n in range((session.on - first).days)]
    assert sum(day.weekday() not in city.weekend for day in between) == days
    assert first.weekday() not in city.weekend


def test_the_plain_series_is_what_the_title_of_this_file_says() -> None:
    series: Series = a_series()

    assert [o.starts_at for o in occurrences_of(series)] == [at("2027-06-14T11:00:00+00:00")]
    assert series.announced == date(2027, 5, 3)


@pytest.mark.parametrize(("minutes", "until"), [(60, "11:00"), (11, "11:00"), (10, "11:05"), (5, "11:05")])
def test_a_last_call_is_useful_for_those_who_are_late(minutes: int, until: str) -> None:
    rule = NoticeRule("soon", Kind.REMINDER, ("coordinator",), MinutesBefore(minutes))

    assert useful_by(occurrences_of(a_series())[0], rule) == at(f"2027-06-14T{until}:00+00:00")
