"""Dates by rule. The third Wednesdays of 2027 are those of the series in config/series (story US-06)."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.model.recurrence import Recurrence, UnknownRecurrence, read_every
from tests import cast

THIRD_WEDNESDAYS = [
    date(2027, 1, 20),
    date(2027, 2, 17),
    date(2027, 3, 17),
    date(2027, 4, 21),
    date(2027, 5, 19),
    date(2027, 6, 16),
    date(2027, 7, 21),
    date(2027, 8, 18),
    date(2027, 9, 15),
    date(2027, 10, 20),
    date(2027, 11, 17),
    date(2027, 12, 15),
]


def in_2027(every: str, **changes: object) -> Recurrence:
    return Recurrence(every, date(2027, 1, 1), date(2027, 12, 31), **changes)  # type: ignore[arg-type]


def test_third_wednesdays_of_a_year_are_twelve() -> None:
    rule = in_2027("third wednesday")

    assert rule.nominal_dates() == THIRD_WEDNESDAYS


def test_a_date_that_is_left_out_is_gone() -> None:
    rule = in_2027("third wednesday", left_out=(date(2027, 8, 18),))

    kept = [nominal for nominal, _ in rule.dates()]

    assert kept == [day for day in THIRD_WEDNESDAYS if day != date(2027, 8, 18)]


def test_a_moved_date_keeps_its_nominal_date() -> None:
    rule = in_2027("third wednesday", moved={date(2027, 12, 15): date(2027, 12, 8)})

    assert rule.dates()[-1] == (date(2027, 12, 15), date(2027, 12, 8))
    assert all(nominal == held_on for nominal, held_on in rule.dates()[:-1])


def test_a_date_moved_past_another_keeps_its_place() -> None:
    """The order is that of the nominal dates, because they are the names."""
    rule = in_2027("third wednesday", moved={date(2027, 1, 20): date(2027, 3, 1)})

    assert [nominal for nominal, _ in rule.dates()] == THIRD_WEDNESDAYS


def test_the_real_series_has_eleven_sessions() -> None:
    """One is left out in August; the one of 15 December is held on the 8th and keeps its name."""
    series = next(one for one in cast.real().series if one.id == "third-wednesday-2027")

    by_name = {session.id: session.on for session in series.sessions}

    assert len(by_name) == 11
    assert by_name["2027-12-15"] == date(2027, 12, 8)


def test_last_fridays_are_the_fourth_or_the_fifth() -> None:
    rule = Recurrence("last friday", date(2027, 1, 1), date(2027, 4, 30))

    assert rule.nominal_dates() == [
        date(2027, 1, 29),
        date(2027, 2, 26),
        date(2027, 3, 26),
        date(2027, 4, 30),
    ]


def test_weekly_dates_are_seven_days_apart() -> None:
    rule = Recurrence("wednesday", date(2027, 3, 24), date(2027, 4, 14))

    assert rule.nominal_dates() == [date(2027, 3, 24), date(2027, 3, 31), date(2027, 4, 7), date(2027, 4, 14)]


def test_a_rule_may_have_no_date() -> None:
    rule = Recurrence("third wednesday", date(2027, 1, 21), date(2027, 2, 16))

    assert rule.dates() == []


def test_both_ends_belong_to_the_span() -> None:
    rule = Recurrence("third wednesday", date(2027, 1, 20), date(2027, 2, 17))

    assert rule.nominal_dates() == [date(2027, 1, 20), date(2027, 2, 17)]


def test_a_month_without_a_first_day_in_the_span_is_counted_whole() -> None:
    """A span that begins on the 31st must not skip the shorter months."""
    rule = Recurrence("first monday", date(2027, 1, 31), date(2027, 4, 30))

    assert rule.nominal_dates() == [date(2027, 2, 1), date(2027, 3, 1), date(2027, 4, 5)]


@pytest.mark.parametrize(
    ("words", "canonical"),
    [
        ("every wednesday", "wednesday"),
        ("third wednesday of the month", "third wednesday"),
        ("last friday of every month", "last friday"),
        ("every 2 weeks", "every 2 weeks"),
        ("every two weeks", "every 2 weeks"),
        ("Every other week", "every 2 weeks"),
        ("every week", "every 1 weeks"),
        ("every other friday", "every 2 weeks on friday"),
        ("every 3 weeks on Wednesday", "every 3 weeks on wednesday"),
    ],
)
def test_other_words_for_a_rule_are_known(words: str, canonical: str) -> None:
    assert read_every(words) == canonical


def test_every_two_weeks_begins_with_the_first_day() -> None:
    """2 June 2027 is a Wednesday."""
    rule = Recurrence("every 2 weeks", date(2027, 6, 2), date(2027, 7, 1))

    assert rule.nominal_dates() == [date(2027, 6, 2), date(2027, 6, 16), date(2027, 6, 30)]


def test_every_two_weeks_on_a_weekday_begins_with_the_first_of_them() -> None:
    rule = Recurrence("every 2 weeks on wednesday", date(2027, 6, 3), date(2027, 7, 1))

    assert rule.nominal_dates() == [date(2027, 6, 9), date(2027, 6, 23)]


def test_a_count_ends_a_rule() -> None:
    rule = Recurrence("third wednesday", date(2027, 1, 1), date(2037, 12, 31), count=12)

    assert rule.nominal_dates() == THIRD_WEDNESDAYS


def test_what_is_left_out_counts() -> None:
    rule = Recurrence("wednesday", date(2027, 1, 1), date(2037, 12, 31), (date(2027, 1, 6),), count=3)

    assert [held_on for _, held_on in rule.dates()] == [date(2027, 1, 13), date(2027, 1, 20)]


@pytest.mark.parametrize("words", ["Third Wednesday", "third  wednesday", " THIRD\u00a0WEDNESDAY "])
def test_capitals_and_blanks_of_a_rule_do_not_matter(words: str) -> None:
    assert read_every(words) == "third wednesday"


@pytest.mark.parametrize(
    "words",
    [
        "3rd wednesday",
        "third",
        "fifth friday",
        "third wednesdays",
        "every third wednesday",
        "third wed",
        "",
        "daily",
        "every 0 weeks",
        "every 99 weeks",
        "every 10000000 weeks",
        "every two",
    ],
)
def test_words_that_are_no_rule_are_refused_with_an_example(words: str) -> None:
    with pytest.raises(UnknownRecurrence, match='such as "third wednesday"'):
        read_every(words)


@given(
    ordinal=st.sampled_from([("first", 1), ("second", 2), ("third", 3), ("fourth", 4)]),
    weekday=st.sampled_from([("monday", 0), ("thursday", 3), ("sunday", 6)]),
    year=st.integers(2000, 2036),
)
def test_an_ordinal_counts_weekdays_of_the_month(
    ordinal: tuple[str, int], weekday: tuple[str, int], year: int
) -> None:
    rule = Recurrence(f"{ordinal[0]} {weekday[0]}", date(year, 1, 1), date(year, 12, 31))

    dates = rule.nominal_dates()

    assert [day.month for day in dates] == list(range(1, 13))
    assert {day.weekday() for day in dates} == {weekday[1]}
    assert {(day.day - 1) // 7 + 1 for day in dates} == {ordinal[1]}
