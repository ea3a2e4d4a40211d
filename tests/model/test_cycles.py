"""Who must report, and until which second: the rounds of config/cycles (stories US-22 and US-23)."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date, time

import pytest

from scheduler.model import times
from scheduler.model.cycles import ANYWHERE, IN_THE_CITY, Cohort, Cycle, Deadline, Duty, Extension
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
    """Story US-23.2."""
    deadline = Deadline(date(2021, 12, 31), time(23, 59, 59), ANYWHERE)

    assert deadline.instant == at("2022-01-01T11:59:59+00:00")


# policy "end of day in the city"
# | city     | 31 December 2021 ends | because |
# |----------|-----------------------|---------|
# | Melton   | 12:59:59Z             | summer time, UTC+11 |
# | Kashan   | 20:29:59Z             | UTC+3:30 |
# | Medellín | 04:59:59Z the day after | UTC-5, no summer time |
# | Renca    | 3 April 2027 has its 23:59:59 twice, at UTC-3 and then at UTC-4: the second counts |
@pytest.mark.parametrize(
    ("slug", "on", "expected"),
    [
        (cast.MELTON, "2021-12-31", "2021-12-31T12:59:59+00:00"),
        (cast.KASHAN, "2021-12-31", "2021-12-31T20:29:59+00:00"),
        (cast.MEDELLIN, "2021-12-31", "2022-01-01T04:59:59+00:00"),
        ("renca", "2027-04-03", "2027-04-04T03:59:59+00:00"),
    ],
)
def test_the_end_of_the_day_in_the_city_is_an_instant_of_its_own(slug: str, on: str, expected: str) -> None:
    """Story US-23.2."""
    deadline = Deadline(date.fromisoformat(on), time(23, 59, 59), IN_THE_CITY)
    cycle = replace(the("report-2021"), deadline=deadline)

    assert cycle.deadline_of(cast.member(slug)).instant == at(expected)


def test_where_each_city_has_its_own_deadline_the_last_instant_is_that_of_the_last_one() -> None:
    deadline = Deadline(date(2021, 12, 31), time(23, 59, 59), IN_THE_CITY)

    assert deadline.instant == at("2022-01-01T11:59:59+00:00")


def more_time(*extensions: Extension) -> Cycle:
    return replace(the("report-2021"), extensions=extensions)


FEBRUARY = date(2022, 2, 28)


@pytest.mark.parametrize(
    ("extension", "slug", "expected"),
    [
        (Extension(FEBRUARY, "Flood", members=(cast.MELTON,)), cast.MELTON, "2022-02-28T22:59:59+00:00"),
        (Extension(FEBRUARY, "Flood", members=(cast.MELTON,)), cast.MEDELLIN, "2021-12-31T22:59:59+00:00"),
        (Extension(FEBRUARY, "Flood", countries=("CO",)), cast.MEDELLIN, "2022-02-28T22:59:59+00:00"),
        (Extension(FEBRUARY, "Flood", countries=("CO",)), cast.MELTON, "2021-12-31T22:59:59+00:00"),
        (Extension(FEBRUARY, "Flood"), cast.KASHAN, "2022-02-28T22:59:59+00:00"),
    ],
    ids=["member", "another member", "country", "another country", "all"],
)
def test_more_time_is_for_those_it_names(extension: Extension, slug: str, expected: str) -> None:
    """Story US-23.5; the hour and the zone stay those of the round."""
    assert more_time(extension).deadline_of(cast.member(slug)).instant == at(expected)


def test_of_two_extensions_for_a_city_the_longer_counts() -> None:
    march = Extension(date(2022, 3, 31), "Elections", countries=("AU",))
    cycle = more_time(march, Extension(FEBRUARY, "Flood", members=(cast.MELTON,)))

    assert cycle.extension_of(cast.member(cast.MELTON)) == march


@pytest.mark.parametrize(
    ("submit_at", "public"),
    [
        ("https://reports.example/2021", "https://reports.example/2021"),
        ("https://reports.example/2021?lang=en&token={code}#top", "https://reports.example/2021"),
        ("https://reports.example/2021/{code}", "https://reports.example/2021"),
        ("https://reports.example/{code}?lang=en", "https://reports.example"),
    ],
)
def test_what_everybody_may_see_of_the_address_ends_before_the_code(submit_at: str, public: str) -> None:
    cycle = replace(the("report-2021"), submit_at=submit_at)

    assert cycle.public_address == public
    assert "k3vq" not in cycle.public_address
    assert cycle.address_of("k3vq") == submit_at.replace("{code}", "k3vq")


def test_a_deadline_in_a_doubled_hour_is_the_last_of_the_two() -> None:
    """Whoever reads "until 02:30" on that night is right until the second one."""
    deadline = Deadline(date(2027, 10, 31), time(2, 30), "Europe/Berlin")

    assert deadline.instant == at("2027-10-31T02:30:00+01:00")
