"""Who must report, and until which second: the rounds of config/cycles (stories US-22 and US-23)."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date, time

import pytest

from scheduler.model import times
from scheduler.model.cycles import Cohort, Cycle, Deadline, Duty
from scheduler.model.members import Member, Membership, Span
from tests import cast
from tests.cast import at

SEPTEMBER_2020 = Span(date(2020, 9, 1), date(2020, 9, 30))


def the(cycle_id: str) -> Cycle:
    return next(cycle for cycle in cast.real().cycles if cycle.id == cycle_id)


def a_city(*memberships: Membership) -> Member:
    return cast.a_member(cast.MELTON, *memberships)


def joined(first: date | None, last: date | None, until: date | None = None) -> Membership:
    return Membership(Span(first, last), until, "test")


def test_every_member_has_one_duty_in_2021() -> None:
    """Story US-22: 111 due, 41 excepted, 27 undecided, 157 not members then."""
    duties = Counter(the("report-2021").duty(member) for member in cast.real().members)

    assert duties == {Duty.DUE: 111, Duty.EXCEPTED: 41, Duty.UNDECIDED: 27, Duty.NOT_CONCERNED: 157}


@pytest.mark.parametrize(
    ("slug", "expected"),
    [
        ("al-wakra", Duty.DUE),
        ("al-shahaniya", Duty.EXCEPTED),
        ("doha", Duty.NOT_CONCERNED),
        ("muharraq", Duty.DUE),
        ("garissa", Duty.UNDECIDED),
    ],
)
def test_the_duty_of_a_city_follows_its_joining(slug: str, expected: Duty) -> None:
    member = cast.member(slug, cast.real())

    assert the("report-2021").duty(member) is expected


def test_the_cities_excepted_in_2021_are_due_in_2022() -> None:
    members = cast.real().members
    excepted = {m.slug for m in members if the("report-2021").duty(m) is Duty.EXCEPTED}

    due = {m.slug for m in members if the("report-2022").duty(m) is Duty.DUE}

    assert due == excepted
    assert len(due) == 41


def test_a_corrected_date_of_joining_moves_a_city_into_the_round() -> None:
    """Story US-22: from September 2020 to July 2019."""
    city = cast.member("al-shahaniya", cast.real())
    corrected = replace(city, memberships=(joined(date(2019, 7, 1), date(2019, 7, 31)),))

    assert the("report-2021").duty(city) is Duty.EXCEPTED
    assert the("report-2021").duty(corrected) is Duty.DUE
    assert the("report-2022").duty(corrected) is Duty.NOT_CONCERNED


def test_a_city_named_in_also_is_due() -> None:
    cohort = Cohort(joined=(SEPTEMBER_2020,), also=("doha",))

    assert cohort.duty(cast.member("doha", cast.real())) is Duty.DUE


def test_an_exempt_city_is_excepted() -> None:
    cohort = Cohort(joined_before=date(2020, 9, 23), exempt=(("al-wakra", "Flood in the town hall"),))

    assert cohort.duty(cast.member("al-wakra", cast.real())) is Duty.EXCEPTED


def test_a_membership_that_ended_before_the_round_counts_for_nothing() -> None:
    left = a_city(joined(date(2019, 7, 1), date(2019, 7, 1), until=date(2021, 6, 30)))

    assert the("report-2021").duty(left) is Duty.NOT_CONCERNED


def test_a_membership_that_ends_during_the_round_counts() -> None:
    leaving = a_city(joined(date(2019, 7, 1), date(2019, 7, 1), until=date(2021, 10, 31)))

    assert the("report-2021").duty(leaving) is Duty.DUE


def test_who_came_back_reports_with_the_new_intake() -> None:
    """Story US-25: the old period is over, so the first report is due with the cities of 2024."""
    back = a_city(
        joined(date(2019, 7, 1), date(2019, 7, 1), until=date(2022, 6, 30)),
        joined(date(2024, 2, 14), date(2024, 2, 14)),
    )

    assert the("report-2022").duty(back) is Duty.NOT_CONCERNED
    assert the("report-2027").duty(back) is Duty.DUE


@pytest.mark.parametrize(
    ("membership", "expected"),
    [
        (joined(date(2020, 1, 1), date(2020, 12, 31)), Duty.UNDECIDED),
        (joined(None, date(2020, 7, 31)), Duty.DUE),
        (joined(None, date(2020, 9, 30)), Duty.UNDECIDED),
        (joined(None, None), Duty.UNDECIDED),
        (joined(date(2020, 9, 22), date(2020, 9, 22)), Duty.DUE),
        (joined(date(2020, 9, 23), date(2020, 9, 23)), Duty.EXCEPTED),
        (joined(date(2020, 10, 1), date(2020, 10, 31)), Duty.NOT_CONCERNED),
    ],
)
def test_only_a_membership_that_surely_began_before_the_intake_is_due(
    membership: Membership, expected: Duty
) -> None:
    assert the("report-2021").duty(a_city(membership)) is expected


@pytest.mark.parametrize(
    ("slug", "expected"),
    [
        ("mantes-la-jolie", "2021-12-31T23:59:59+01:00"),
        (cast.MELTON, "2022-01-01T09:59:59+11:00"),
        (cast.MEDELLIN, "2021-12-31T17:59:59-05:00"),
        (cast.KASHAN, "2022-01-01T02:29:59+03:30"),
    ],
)
def test_a_deadline_in_hamburg_is_another_hour_there(slug: str, expected: str) -> None:
    """Story US-23."""
    deadline = the("report-2021").deadline.instant

    assert times.local(deadline, cast.member(slug).zone).isoformat() == expected


def test_a_deadline_anywhere_on_earth_is_a_fixed_offset() -> None:
    deadline = Deadline(date(2021, 12, 31), time(23, 59, 59), "-12:00")

    assert deadline.instant == at("2022-01-01T11:59:59+00:00")


def test_a_deadline_in_a_doubled_hour_is_the_last_of_the_two() -> None:
    """Whoever reads "until 02:30" on that night is right until the second one."""
    deadline = Deadline(date(2027, 10, 31), time(2, 30), "Europe/Berlin")

    assert deadline.instant == at("2027-10-31T02:30:00+01:00")
