"""Sets of members: what is counted at once is what would be counted one by one."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from scheduler.model import times
from scheduler.model.audience import Audience
from scheduler.model.cycles import Duty
from scheduler.model.members import Span, Standing
from scheduler.model.programme import occurrences_of
from scheduler.model.roll import Roll
from tests import cast


@pytest.fixture(scope="module")
def roll() -> Roll:
    return Roll(cast.real())


def members_of(roll: Roll, found: int) -> list[str]:
    return [member.slug for member in roll.of(found, most=10_000)]


@pytest.mark.parametrize(
    "audience",
    [
        Audience("all", everyone=True, left_out=("doha", "nowhere")),
        Audience("two lists", regions=("africa",), languages=("fr",), members=("melton", "nowhere")),
        Audience("an intake", joined=(Span(date(2022, 9, 1), date(2022, 9, 30)),), left_out=("doha",)),
        Audience("a country", countries=("BR",)),
    ],
    ids=lambda audience: audience.label,
)
def test_an_audience_is_whom_it_includes(roll: Roll, audience: Audience) -> None:
    expected = [member.slug for member in cast.real().members if audience.includes(member)]

    assert members_of(roll, roll.audience(audience)) == expected


@pytest.mark.parametrize("day", [date(2020, 6, 10), date(2022, 9, 2), date(2026, 1, 1)])
def test_those_who_belong_are_members_of_that_day(roll: Roll, day: date) -> None:
    expected = [m.slug for m in cast.real().members if m.standing(day) is Standing.MEMBER]

    assert members_of(roll, roll.belonging(day)) == expected


def test_those_invited_are_whom_an_occurrence_invites(roll: Roll) -> None:
    network = cast.real().network
    for series in cast.real().series:
        for occurrence in occurrences_of(series):
            expected = [m.slug for m in cast.real().members if occurrence.invites(m, network)]

            assert members_of(roll, roll.invited(occurrence)) == expected


def test_those_who_must_report_are_due(roll: Roll) -> None:
    for cycle in cast.real().cycles:
        expected = [m.slug for m in cast.real().members if cycle.duty(m) is Duty.DUE]

        assert members_of(roll, roll.due(cycle)) == expected


@pytest.mark.parametrize(
    "at",
    [
        datetime(2027, 2, 17, 12, tzinfo=UTC),
        # the day on which clocks change in Europe, before and after it
        datetime(2027, 3, 28, 0, 59, tzinfo=UTC),
        datetime(2027, 3, 28, 1, 0, tzinfo=UTC),
        # in the evening of the day before, in Chile
        datetime(2027, 4, 4, 2, 59, tzinfo=UTC),
        datetime(2027, 4, 4, 3, 0, tzinfo=UTC),
    ],
    ids=str,
)
def test_each_member_sees_its_own_clock(roll: Roll, at: datetime) -> None:
    there = {slug: wall for wall, part in roll.at_local(at) for slug in members_of(roll, part)}

    assert there == {
        member.slug: times.local(at, member.zone).replace(tzinfo=None) for member in cast.real().members
    }
