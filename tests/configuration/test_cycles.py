"""cycles/*.yaml: what a reporting round says, above all until when."""

from __future__ import annotations

from datetime import date, time

import pytest

from scheduler.model.cycles import Cohort, Cycle, Deadline
from scheduler.model.members import Span
from scheduler.model.notices import Days
from tests.cast import at
from tests.configuration.desk import Desk, rule, with_change

CYCLE = """\
id: report-2021
title: Progress Report 2021
period:
  from: 2019-04
  to: 2021-09
opens: 2021-09-27
deadline: 2021-12-31 23:59:59 Europe/Berlin
submit_at: https://reports.cities.example/2021
who:
  joined_before: 2020-09
  excepted:
    - 2020-09
"""
DEADLINE = "deadline: 2021-12-31 23:59:59 Europe/Berlin"
WRITE_ALL = "write date, hour and zone, such as 2021-12-31 23:59:59 Europe/Berlin"


def read(desk: Desk, content: str = CYCLE) -> Cycle:
    cycle = desk.cycle(content)
    assert cycle is not None, desk.said
    return cycle


def test_a_round_is_read_whole(desk: Desk) -> None:
    cycle = read(desk)

    assert cycle.period == ("2019-04", "2021-09")
    assert cycle.opens == date(2021, 9, 27)
    assert cycle.deadline == Deadline(date(2021, 12, 31), time(23, 59, 59), "Europe/Berlin")
    assert cycle.submit_at == "https://reports.cities.example/2021"
    assert [one.id for one in cycle.rules] == ["opened", "days-90", "days-30", "days-14", "days-7", "days-1"]


def test_joined_before_a_month_is_before_the_intake_of_that_month(desk: Desk) -> None:
    cycle = read(desk)

    september = Span(date(2020, 9, 1), date(2020, 9, 30))
    assert cycle.who == Cohort(joined_before=date(2020, 9, 23), excepted=(september,))


def test_joined_before_a_month_without_an_intake_is_before_its_first_day(desk: Desk) -> None:
    cycle = read(desk, with_change(CYCLE, "joined_before: 2020-09", "joined_before: 2020-10"))

    assert cycle.who.joined_before == date(2020, 10, 1)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2021-12-31 23:59:59 Europe/Berlin", "2021-12-31T22:59:59+00:00"),
        ("2021-12-31   23:59 Europe/Berlin", "2021-12-31T22:59:00+00:00"),
        ('"2021-12-31 23:59:59 -12:00"', "2022-01-01T11:59:59+00:00"),
        ("2021-12-31 23:59:59 UTC", "2021-12-31T23:59:59+00:00"),
    ],
)
def test_a_deadline_is_date_hour_and_zone(desk: Desk, written: str, expected: str) -> None:
    cycle = read(desk, with_change(CYCLE, DEADLINE, f"deadline: {written}"))

    assert cycle.deadline.instant == at(expected)


def test_cities_are_added_and_exempted_by_name(desk: Desk) -> None:
    cycle = read(desk, f"{CYCLE}  also:\n    - gunpo\n  exempt:\n    melitopol: Contact out of reach\n")

    assert cycle.who.also == ("gunpo",)
    assert cycle.who.exempt == (("melitopol", "Contact out of reach"),)


def test_a_round_may_change_a_rung_for_itself(desk: Desk) -> None:
    cycle = read(desk, f"{CYCLE}notices:\n  reminders:\n    days-7:\n      to:\n        - mayor\n")

    assert rule(cycle.rules, "days-7").to == ("mayor",)
    assert rule(cycle.rules, "days-7").when == Days(-7, time(9), on_working_day=True)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        pytest.param(
            DEADLINE,
            "deadline: 2021-12-31",
            f'7:11: error: the deadline "2021-12-31" is written without hour and zone; {WRITE_ALL}',
            id="date only",
        ),
        pytest.param(
            DEADLINE,
            "deadline: 2021-12-31 23:59:59",
            f'7:11: error: the deadline "2021-12-31 23:59:59" is written without hour or zone; {WRITE_ALL}',
            id="no zone",
        ),
        pytest.param(
            DEADLINE,
            "deadline: 2021-12-31 Europe/Berlin",
            '7:11: error: the deadline "2021-12-31 Europe/Berlin" is written without hour or zone; '
            + WRITE_ALL,
            id="no hour",
        ),
        pytest.param(
            DEADLINE,
            "deadline: 31 December 2021, 23:59 in Hamburg",
            f'7:11: error: "31 December 2021, 23:59 in Hamburg" is no deadline; {WRITE_ALL}',
            id="words",
        ),
        pytest.param(
            DEADLINE,
            "deadline: 2021-12-31 23:59:59 CET",
            '7:11: error: zone "CET" is unknown; '
            "a deadline needs a place such as Europe/Berlin, or an offset such as +01:00",
            id="label",
        ),
        pytest.param(
            DEADLINE,
            "deadline: 2021-12-31 24:00 Europe/Berlin",
            '7:11: error: "24:00" is no time of day; write hours and minutes in quotes, such as "13:00"',
            id="24:00",
        ),
        pytest.param(
            DEADLINE,
            "deadline: 2021-10-31 02:30 Europe/Berlin",
            "7:11: error: 2021-10-31 02:30 exists twice (the clocks go back over it) in Europe/Berlin; "
            "write another hour",
            id="hour that is there twice",
        ),
        pytest.param(
            DEADLINE,
            "deadline: 2021-11-31 23:59 Europe/Berlin",
            "7:11: error: 2021-11-31 is not in the calendar; write a day that exists",
            id="31 November",
        ),
        pytest.param(
            "opens: 2021-09-27",
            "opens: 2022-01-01",
            "6:8: error: this round opens on 2022-01-01, after its deadline; write an earlier day",
            id="opens after the deadline",
        ),
        pytest.param(
            "  to: 2021-09",
            "  to: 2019-03",
            "4:3: error: this period ends before it begins; write from, then to",
            id="period the wrong way round",
        ),
        pytest.param(
            "  joined_before: 2020-09\n  excepted:\n    - 2020-09",
            "  exempt:\n    doha: Flood",
            "10:3: error: nobody must report; write joined_before, joined or also",
            id="nobody must report",
        ),
        pytest.param(
            "joined_before: 2020-09",
            "joined_before: 0001-01",
            "10:18: error: 0001-01 is too far away; write a year from 1970 to 2037",
            id="year 1",
        ),
        pytest.param(
            "    - 2020-09\n",
            "    - 2020-09\n  also:\n    - gunpo\n  exempt:\n    gunpo: Flood\n",
            '16:5: error: "gunpo" stands in also and in exempt; keep one of the two',
            id="also and exempt",
        ),
        pytest.param(
            "    - 2020-09\n",
            "    - 2020-09\n  exempt:\n    gunpo:\n",
            "14:11: error: a text is needed here",
            id="exempt without a reason",
        ),
        pytest.param(
            "submit_at: https://reports.cities.example/2021",
            "submit_at: reports.cities.example/2021",
            '8:12: error: "reports.cities.example/2021" is no web address; '
            "write it with https:// in front, or leave the line out",
            id="address",
        ),
        pytest.param(
            "who:\n",
            "notices:\n  reminders:\n    days-3:\n      to:\n        - mayor\nwho:\n",
            '11:5: error: the rule "days-3" does not say when; write days_before or working_days_before',
            id="rung without a moment",
        ),
        pytest.param(
            "who:\n",
            "notices:\n  reminders:\n    days-3:\n      days_before: 3\nwho:\n",
            '11:5: error: the rule "days-3" names no role; write to: with a list, such as - coordinator',
            id="rung without a role",
        ),
        pytest.param(
            "who:\n",
            "notices:\n  reminders:\n    days-7:\n      minutes_before: 60\nwho:\n",
            '12:7: error: "minutes_before" does not fit "reminders"; '
            "here may stand: days_before, working_days_before, at, on_working_day",
            id="rung in minutes",
        ),
    ],
)
def test_a_mistake_is_said_in_one_sentence(desk: Desk, old: str, new: str, problem: str) -> None:
    cycle = desk.cycle(with_change(CYCLE, old, new))

    assert cycle is None
    assert desk.said == [f"file.yaml:{problem}"]
