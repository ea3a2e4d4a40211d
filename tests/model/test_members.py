"""What is known of a membership on one day. Real memberships, as config/members.csv writes them."""

from __future__ import annotations

from datetime import date

import pytest

from scheduler.model.members import Member, Membership, Span, Standing
from tests import cast

MEMBER, UNDECIDED, NO_MEMBER = Standing.MEMBER, Standing.UNDECIDED, Standing.NO_MEMBER

#: The first day on which a membership is sure.
SURE = [
    ("doha", date(2022, 9, 2)),  # written 2022-09, an intake: that day
    ("al-shahaniya", date(2020, 9, 23)),  # 2020-09, an intake: that day
    ("al-wakra", date(2017, 10, 1)),  # 2017-09: the first of the next month
    ("makueni-county", date(2024, 1, 1)),  # 2023: 1 January of the next year
    ("mayo-baleo", date(2017, 2, 1)),  # by 2017-01: the first day after it
    ("garissa", date(2026, 2, 1)),  # by 2026-01: the first day after it
]


def the(slug: str) -> Member:
    return cast.member(slug, cast.real())


def since(first: date | None, last: date | None, until: date | None = None) -> Membership:
    return Membership(Span(first, last), until, "test")


@pytest.mark.parametrize(("slug", "sure"), SURE)
def test_a_membership_is_sure_from_its_day_on(slug: str, sure: date) -> None:
    assert the(slug).standing(sure) is MEMBER
    assert the(slug).standing(sure - cast.A_DAY) is not MEMBER


@pytest.mark.parametrize(("slug", "sure"), SURE[2:])
def test_before_the_sure_day_a_member_is_undecided(slug: str, sure: date) -> None:
    assert the(slug).standing(sure - cast.A_DAY) is UNDECIDED


@pytest.mark.parametrize(
    ("slug", "day"),
    [
        ("doha", date(2022, 9, 1)),
        ("al-shahaniya", date(2020, 9, 22)),
        ("al-wakra", date(2017, 8, 31)),
        ("makueni-county", date(2022, 12, 31)),
    ],
)
def test_before_the_first_possible_day_nobody_is_a_member(slug: str, day: date) -> None:
    assert the(slug).standing(day) is NO_MEMBER


def test_a_member_by_some_month_may_have_joined_long_before() -> None:
    assert the("mayo-baleo").standing(date(2013, 10, 1)) is UNDECIDED


def test_a_member_of_unknown_date_stays_undecided() -> None:
    unknown = since(None, None)

    assert unknown.certain_from is None
    assert unknown.standing(date(2037, 1, 1)) is UNDECIDED


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (date(2018, 12, 31), NO_MEMBER),
        (date(2019, 6, 1), UNDECIDED),
        (date(2020, 1, 1), MEMBER),
        (date(2021, 6, 1), MEMBER),
        (date(2024, 2, 13), MEMBER),
        (date(2024, 2, 14), MEMBER),
    ],
)
def test_muharraq_has_two_periods(day: date, expected: Standing) -> None:
    """Story US-20: 2019 to an unknown day, and again from the intake of 14 February 2024."""
    muharraq = the("muharraq")

    assert len(muharraq.memberships) == 2
    assert muharraq.standing(day) is expected


def test_the_last_day_belongs_to_a_membership() -> None:
    ended = since(date(2019, 7, 1), date(2019, 7, 1), until=date(2022, 6, 30))

    assert ended.standing(date(2022, 6, 30)) is MEMBER
    assert ended.standing(date(2022, 7, 1)) is NO_MEMBER


def test_between_two_periods_a_city_is_no_member() -> None:
    first = since(date(2019, 7, 1), date(2019, 7, 1), until=date(2022, 6, 30))
    second = since(date(2024, 2, 14), date(2024, 2, 14))
    city = cast.a_member(cast.MELTON, first, second)

    assert city.standing(date(2023, 1, 1)) is NO_MEMBER
    assert city.standing(date(2024, 2, 14)) is MEMBER


def test_one_sure_period_outweighs_a_doubtful_one() -> None:
    city = cast.a_member(cast.MELTON, since(None, None), since(date(2020, 9, 23), date(2020, 9, 23)))

    assert city.standing(date(2021, 1, 1)) is MEMBER


@pytest.mark.parametrize(
    ("one", "other", "lies_in", "meets"),
    [
        (Span(date(2020, 9, 1), date(2020, 9, 30)), Span(date(2020, 9, 1), date(2020, 9, 30)), True, True),
        (Span(date(2020, 9, 23), date(2020, 9, 23)), Span(date(2020, 9, 1), date(2020, 9, 30)), True, True),
        (Span(date(2020, 1, 1), date(2020, 12, 31)), Span(date(2020, 9, 1), date(2020, 9, 30)), False, True),
        (Span(date(2019, 1, 1), date(2019, 12, 31)), Span(date(2020, 9, 1), date(2020, 9, 30)), False, False),
        (Span(None, date(2020, 7, 31)), Span(None, date(2020, 9, 22)), True, True),
        (Span(None, date(2021, 7, 31)), Span(None, date(2020, 9, 22)), False, True),
        (Span(None, None), Span(None, date(2020, 9, 22)), False, True),
        (Span(date(2020, 9, 23), None), Span(None, date(2020, 9, 22)), False, False),
    ],
)
def test_a_span_lies_in_another_or_only_meets_it(one: Span, other: Span, lies_in: bool, meets: bool) -> None:
    assert one.lies_in(other) is lies_in
    assert one.meets(other) is meets


def test_ends_of_a_span_belong_to_it() -> None:
    september = Span(date(2020, 9, 1), date(2020, 9, 30))

    assert date(2020, 9, 1) in september
    assert date(2020, 9, 30) in september
    assert date(2020, 10, 1) not in september
