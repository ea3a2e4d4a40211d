"""cycles/*.yaml: what a reporting round says, above all until when."""

from __future__ import annotations

from datetime import date, time

import pytest

from scheduler.model.cycles import ANYWHERE, IN_THE_CITY, Cohort, Cycle, Deadline, Extension
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
WRITE_ALL = (
    "write date, hour and zone, such as 2021-12-31 23:59:59 Europe/Berlin; "
    "or 2021-12-31 end of day in the city; or 2021-12-31 anywhere on Earth"
)
SUBMIT_AT = "submit_at: https://reports.cities.example/2021"
ANOTHER_POLICY = "this extension has another hour or zone than the deadline: one round has one policy"
WHERE_CODE = "it may stand once: behind the ?, such as ?token={code}, or as the last part of the path"


def more_time(until: str, *lines: str) -> str:
    """An extension as it is written."""
    return "\n".join(["extensions:", f"  - until: {until}", "    because: Flood", *lines, "who:\n"])


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
    rungs = ["days-90", "days-30", "days-14", "days-7", "days-1"]
    assert [one.id for one in cycle.rules] == [
        *("opened", "moved", *rungs, *(f"digest-{rung}" for rung in rungs), "overdue", "received"),
        *("renewed", "incomplete", "no-progress", "not-submitted"),
    ]


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
        ("2021-12-31 anywhere on Earth", "2022-01-01T11:59:59+00:00"),
    ],
)
def test_a_deadline_is_date_hour_and_zone(desk: Desk, written: str, expected: str) -> None:
    cycle = read(desk, with_change(CYCLE, DEADLINE, f"deadline: {written}"))

    assert cycle.deadline.instant == at(expected)


@pytest.mark.parametrize(
    ("words", "zone"),
    [
        ("end of day in the city", IN_THE_CITY),
        ("End of Day  in the CITY", IN_THE_CITY),
        ("anywhere on Earth", ANYWHERE),
        ("  anywhere   on earth ", ANYWHERE),
    ],
)
def test_a_deadline_may_be_a_policy_in_words(desk: Desk, words: str, zone: str) -> None:
    """Story US-23.2: one policy for each round; the second that is written still belongs to it."""
    cycle = read(desk, with_change(CYCLE, DEADLINE, f"deadline: 2021-12-31 {words}"))

    assert cycle.deadline == Deadline(date(2021, 12, 31), time(23, 59, 59), zone)


@pytest.mark.parametrize("until", ["2022-02-28", "2022-02-28 23:59:59 Europe/Berlin"])
def test_more_time_is_a_date_and_a_reason(desk: Desk, until: str) -> None:
    cycle = read(desk, with_change(CYCLE, "who:\n", more_time(until)))

    assert cycle.extensions == (Extension(date(2022, 2, 28), "Flood"),)
    assert cycle.deadline.on == date(2021, 12, 31)


def test_more_time_is_for_cities_and_for_countries(desk: Desk) -> None:
    lines = ("    members:", "      - melton", "    countries: [br, QA]")
    cycle = read(desk, with_change(CYCLE, "who:\n", more_time("2022-02-28", *lines)))

    assert cycle.extensions[0].members == ("melton",)
    assert cycle.extensions[0].countries == ("BR", "QA")


def test_more_time_keeps_the_policy_of_the_round(desk: Desk) -> None:
    content = with_change(CYCLE, DEADLINE, "deadline: 2021-12-31 end of day in the city")
    cycle = read(desk, with_change(content, "who:\n", more_time("2022-02-28 end of day in the city")))

    assert cycle.extensions[0].until == date(2022, 2, 28)


def test_what_follows_a_round_is_read(desk: Desk) -> None:
    after = "membership_ends: 2022-07-01\nreapply: {from: 2023-03-01, to: 2023-04-30}\n"
    cycle = read(desk, f"{CYCLE}{after}word_limits:\n  400: [9]\n  250: [13, 12]\n")

    assert cycle.membership_ends == date(2022, 7, 1)
    assert cycle.reapply == (date(2023, 3, 1), date(2023, 4, 30))
    assert cycle.word_limits == ((9, 400), (12, 250), (13, 250))


@pytest.mark.parametrize(
    "address",
    [
        "https://reports.cities.example/2021?token={code}",
        "https://reports.cities.example/2021?lang=en&token={code}&x=1#top",
        "https://reports.cities.example?token={code}",
        "https://reports.cities.example/2021/{code}",
        "https://reports.cities.example/{code}/?lang=en",
    ],
)
def test_an_address_may_hold_the_code_of_a_city(desk: Desk, address: str) -> None:
    cycle = read(desk, with_change(CYCLE, SUBMIT_AT, f"submit_at: {address}"))

    assert cycle.submit_at == address


def test_a_city_may_be_added_with_a_reason(desk: Desk) -> None:
    cycle = read(desk, f"{CYCLE}  also:\n    gunpo: Asked for it itself\n")

    assert cycle.who.also == ("gunpo",)
    assert cycle.who.also_because == (("gunpo", "Asked for it itself"),)


def test_a_rung_that_a_round_adds_keeps_off_the_weekend(desk: Desk) -> None:
    """Never on the member's weekend, unless somebody writes just that."""
    rung = "notices:\n  reminders:\n    days-3:\n      to: [mayor]\n      days_before: 3\n"
    cycle = read(desk, CYCLE + rung)
    other = read(desk, f"{CYCLE}{rung}      on_working_day: no\n")

    assert rule(cycle.rules, "days-3").when == Days(-3, time(9), on_working_day=True)
    assert rule(other.rules, "days-3").when == Days(-3, time(9), on_working_day=False)


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
            '8:12: error: "reports.cities.example/2021" is no web address; write it with https:// in front',
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
        pytest.param(
            DEADLINE,
            "deadline: 2021-12-31 end of day",
            '7:11: error: "2021-12-31 end of day" is no deadline; ' + WRITE_ALL,
            id="half a policy",
        ),
        pytest.param(
            DEADLINE,
            "deadline: 2021-12-31 23:59 anywhere on Earth",
            '7:11: error: "2021-12-31 23:59 anywhere on Earth" is no deadline; ' + WRITE_ALL,
            id="policy and hour",
        ),
        pytest.param(
            "who:\n",
            more_time("2022-02-28 23:59:59 UTC"),
            f"10:12: error: {ANOTHER_POLICY}; write the date alone: 2022-02-28",
            id="extension in another zone",
        ),
        pytest.param(
            "who:\n",
            more_time("2022-02-28 anywhere on Earth"),
            f"10:12: error: {ANOTHER_POLICY}; write the date alone: 2022-02-28",
            id="extension with another policy",
        ),
        pytest.param(
            "who:\n",
            more_time("2022-02-28 18:00"),
            f'10:12: error: the deadline "2022-02-28 18:00" is written without hour or zone; {WRITE_ALL}',
            id="extension with half of it",
        ),
        pytest.param(
            "who:\n",
            more_time("2021-12-31"),
            "10:12: error: this extension ends on 2021-12-31, which is not after the deadline on 2021-12-31; "
            "write a later day",
            id="extension without more time",
        ),
        pytest.param(
            "who:\n",
            "extensions:\n  - until: 2022-02-28\nwho:\n",
            '10:5: error: "because" is missing; write it',
            id="extension without a reason",
        ),
        pytest.param(
            "who:\n",
            more_time("2022-02-28", "    members:"),
            '12:5: error: nobody stands in "members"; write who, or remove the line: then it is for all',
            id="extension for nobody",
        ),
        pytest.param(
            "who:\n",
            more_time("2022-02-28", "    countries: []"),
            '12:5: error: nobody stands in "countries"; write who, or remove the line: then it is for all',
            id="extension for no country",
        ),
        pytest.param(
            "who:\n",
            more_time("2022-02-28", "    members: [Doha]"),
            '12:15: error: "Doha" is no slug; write its slug, such as doha',
            id="extension for the name of a city",
        ),
        pytest.param(
            "who:\n",
            more_time("2022-02-28", "    countries: [Brazil]"),
            '12:17: error: "Brazil" is no country code; write two capitals, such as BR',
            id="extension for the name of a country",
        ),
        pytest.param(
            SUBMIT_AT,
            "submit_at: https://{code}.cities.example/2021",
            f"8:12: error: {{code}} cannot stand at this place; {WHERE_CODE}",
            id="code in the host",
        ),
        pytest.param(
            SUBMIT_AT,
            "submit_at: https://reports.cities.example/{code}/2021",
            f"8:12: error: {{code}} cannot stand at this place; {WHERE_CODE}",
            id="code inside the path",
        ),
        pytest.param(
            SUBMIT_AT,
            "submit_at: https://reports.cities.example/2021#{code}",
            f"8:12: error: {{code}} cannot stand at this place; {WHERE_CODE}",
            id="code in the fragment",
        ),
        pytest.param(
            SUBMIT_AT,
            "submit_at: https://reports.cities.example/{code}?token={code}",
            f"8:12: error: {{code}} stands twice in this address; {WHERE_CODE}",
            id="code twice",
        ),
        pytest.param(
            SUBMIT_AT,
            "submit_at: https://reports.cities.example/2021?token={TOKEN}",
            '8:12: error: "{TOKEN}" means nothing in an address; write {code} for the code of the city',
            id="another word for the code",
        ),
        pytest.param(
            SUBMIT_AT,
            "submit_at: https://reports.cities.example/2021?token={code",
            '8:12: error: "https://reports.cities.example/2021?token={code" has a brace in it; '
            "braces stand only around the word code: {code}",
            id="half a code",
        ),
        pytest.param(
            "who:\n",
            "membership_ends: 2021-12-31\nwho:\n",
            "9:18: error: memberships would end on 2021-12-31, but cities can report until 2021-12-31; "
            "write a later day",
            id="membership ends with the deadline",
        ),
        pytest.param(
            "who:\n",
            f"membership_ends: 2022-02-01\n{more_time('2022-02-28')}",
            "9:18: error: memberships would end on 2022-02-01, but cities can report until 2022-02-28; "
            "write a later day",
            id="membership ends within an extension",
        ),
        pytest.param(
            "who:\n",
            "reapply: {from: 2021-12-31, to: 2022-04-30}\nwho:\n",
            "9:17: error: cities could apply again from 2021-12-31 on, which is not after the deadline; "
            "write a later day",
            id="apply again before the deadline",
        ),
        pytest.param(
            "who:\n",
            "reapply: {from: 2022-04-30, to: 2022-04-01}\nwho:\n",
            "9:10: error: this window ends before it begins; write from, then to",
            id="window the wrong way round",
        ),
        pytest.param(
            "who:\n",
            "word_limits:\n  250: [12, 13]\n  400: [13]\nwho:\n",
            "11:9: error: question 13 has a limit of 250 and 400 words; keep one of the two",
            id="two limits for one question",
        ),
        pytest.param(
            "who:\n",
            "word_limits:\n  250: [12, 12]\nwho:\n",
            "10:13: error: question 12 has a limit of 250 words twice; keep one of the two",
            id="one limit twice",
        ),
        pytest.param(
            "who:\n",
            "word_limits:\n  many: [12]\nwho:\n",
            '10:3: error: "many" is no number of words; write a number such as 250',
            id="limit in words",
        ),
        pytest.param(
            "who:\n",
            "word_limits:\n  250: [Q12]\nwho:\n",
            '10:9: error: "Q12" is no whole number from 1 to 999',
            id="question without a number",
        ),
        pytest.param(
            "    - 2020-09\n",
            "    - 2020-09\n  also:\n    gunpo: Asked for it\n  exempt:\n    gunpo: Flood\n",
            '16:5: error: "gunpo" stands in also and in exempt; keep one of the two',
            id="also with a reason and exempt",
        ),
        pytest.param(
            "    - 2020-09\n",
            "    - 2020-09\n  also:\n    Gunpo: Asked for it\n",
            '14:5: error: "Gunpo" is no slug; write its slug, such as gunpo',
            id="also with a name",
        ),
        pytest.param(
            "    - 2020-09\n",
            "    - 2020-09\n  also:\n    gunpo:\n",
            "14:11: error: a text is needed here",
            id="also with no reason",
        ),
        pytest.param(
            "    - 2020-09\n",
            "    - 2020-09\n  also: gunpo\n",
            '13:9: error: a list is needed here; begin each item on its own line with "- "',
            id="also without a list",
        ),
    ],
)
def test_a_mistake_is_said_in_one_sentence(desk: Desk, old: str, new: str, problem: str) -> None:
    cycle = desk.cycle(with_change(CYCLE, old, new))

    assert cycle is None
    assert desk.said == [f"file.yaml:{problem}"]
