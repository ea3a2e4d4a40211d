"""Mails about reports: what is a city's own reaches that city alone, and what is the same is made once."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from email import message_from_bytes, policy
from functools import lru_cache

import pytest

from scheduler.model.cases import Case, State
from scheduler.model.cycles import Extension
from scheduler.model.drafts import Draft, TooLong
from scheduler.model.history import NOTHING_PASSED, History
from scheduler.model.members import NATIONAL_COMMISSION, NATIONAL_COORDINATOR
from scheduler.model.network import Configuration
from scheduler.model.notices import AWAITING, OF_CASES, REPORTS, Kind
from scheduler.model.told import Told
from scheduler.service.letters import Letters
from scheduler.store.outbox import Delivery
from tests.cast import KASHAN, MEDELLIN, MELTON, at, open_house
from tests.mail.desk import A_DRAFT, html, plain
from tests.service.force import LINKS, in_force
from tests.service.rows import a_row

CODE = "secretcodeofcity"
DECEMBER, DUE = at("2021-12-24T09:00:00+11:00"), at("2021-12-31T22:59:59+00:00")
#: Mails that one city gets about its own report.
OWN = sorted(AWAITING - {Kind.REPORT_DIGEST})
OFFICES = (NATIONAL_COORDINATOR, NATIONAL_COMMISSION)


def a_round(**changes: object) -> Configuration:
    """The round of 2021, with a code in the address, among all cities."""
    (cycle,) = (cycle for cycle in open_house().cycles if cycle.id == "report-2021")
    cycle = replace(cycle, submit_at="https://reports.cities.example/r?token={code}", **changes)  # type: ignore[arg-type]
    return replace(open_house(), series=(), cycles=(cycle,))


@lru_cache(maxsize=1)
def the_letters() -> Letters:
    return Letters(in_force(a_round()), LINKS)


def row_of(kind: Kind, member: str = MELTON, role: str = "coordinator", until: datetime = DUE) -> Delivery:
    rule = next(rule for rule in the_letters().in_force.cycles["report-2021"].rules if rule.kind is kind)
    arrived_at = None if kind is Kind.REPORT_NOT_SUBMITTED else at("2021-12-10T14:03:12+01:00")
    return a_row(
        *(kind, "report-2021", ""), rule=rule.id, member=member, role=role, due_at=DECEMBER,
        inserted_at=DECEMBER, starts_at=arrived_at, ends_at=until,
    )  # fmt: skip


def passed(kind: Kind, **changes: object) -> History:
    missing = (MELTON, MEDELLIN) if kind is Kind.REPORT_DIGEST else ()
    return replace(History(code=CODE, missing=missing), **changes)  # type: ignore[arg-type]


def drafted(draft: Draft, member: str = MELTON) -> History:
    case = Case("report-2021", member, State.DRAFT, DECEMBER, DECEMBER, DECEMBER, draft=draft)
    return History(case=case)


def said(
    row: Delivery, history: History = NOTHING_PASSED, now: datetime = DECEMBER, letters: Letters | None = None
) -> str:
    """The texts of a mail, one behind the other."""
    octets = (letters or the_letters()).write(row, history, now)
    message = message_from_bytes(octets, policy=policy.default)
    return f"{message}\n{plain(message)}\n{html(message)}"


# what is a city's own


@pytest.mark.parametrize("kind", OWN)
def test_a_city_reads_its_own_code(kind: Kind) -> None:
    text = said(row_of(kind), passed(kind))

    assert f"https://reports.cities.example/r?token={CODE}" in text
    assert f'href="https://reports.cities.example/r?token={CODE}"' in text


def test_a_code_that_no_survey_made_is_worked_out() -> None:
    code = LINKS.code("report-2021", MELTON)

    assert f"?token={code}" in said(row_of(Kind.REPORT_REMINDER))
    assert f"?token={code}" not in said(row_of(Kind.REPORT_REMINDER, MEDELLIN))


def test_a_code_cannot_leave_its_place() -> None:
    text = said(row_of(Kind.REPORT_REMINDER), History(code='"><script>'))

    assert "<script>" not in text
    assert "?token=%22%3E%3Cscript%3E" in text


@pytest.mark.parametrize("kind", sorted(REPORTS))
@pytest.mark.parametrize("role", OFFICES)
def test_an_office_reads_nothing_that_is_a_citys_own(kind: Kind, role: str) -> None:
    text = said(row_of(kind, role=role), passed(kind))

    assert CODE not in text
    assert LINKS.code("report-2021", MELTON) not in text
    assert LINKS.city_feed(MELTON) not in text
    assert "/feeds/city/" not in text


@pytest.mark.parametrize("kind", sorted(OF_CASES))
def test_what_asks_for_nothing_names_no_code(kind: Kind) -> None:
    assert CODE not in said(row_of(kind), passed(kind))


def test_a_letter_that_ends_a_membership_names_no_calendar() -> None:
    assert LINKS.city_feed(MELTON) in said(row_of(Kind.REPORT_RENEWED))
    assert LINKS.city_feed(MELTON) not in said(row_of(Kind.REPORT_INCOMPLETE))


# what is the same is made once


def test_cities_on_one_clock_share_a_sheet_in_spite_of_their_codes() -> None:
    letters = Letters(in_force(a_round()), LINKS)
    letters.write(row_of(Kind.REPORT_REMINDER), History(code="one"), DECEMBER)

    other = letters.write_at_once(row_of(Kind.REPORT_REMINDER, "wyndham"), History(code="two"), DECEMBER)

    assert other
    assert b"secret" not in other


def test_a_city_with_more_time_reads_its_own_deadline() -> None:
    more = Extension(date(2022, 2, 28), "A flood", members=(MELTON,))
    letters = Letters(in_force(a_round(extensions=(more,))), LINKS)
    extended = row_of(Kind.REPORT_REMINDER, until=at("2022-02-28T22:59:59+00:00"))

    texts = [said(row, letters=letters) for row in (extended, row_of(Kind.REPORT_REMINDER, "wyndham"))]

    assert "Tuesday 1 March 2022, 09:59 in Melton (UTC+11)" in texts[0]
    assert "The deadline is later than announced: A flood" in texts[0]
    assert "Saturday 1 January 2022, 09:59 in Wyndham (UTC+11)" in texts[1]
    assert "A flood" not in texts[1]


def test_a_draft_is_told_to_its_own_city_alone() -> None:
    letters = Letters(in_force(a_round()), LINKS)

    mine = said(row_of(Kind.REPORT_REMINDER), drafted(A_DRAFT), letters=letters)
    theirs = said(row_of(Kind.REPORT_REMINDER, "wyndham"), letters=letters)

    assert "Begun on Monday 4 October 2021, 10:12 in Melton (UTC+11)." in mine
    assert "33 questions have no answer yet: 4, 7 and 12–42." in mine
    assert "Question 9: 274 words, at most 250" in mine
    assert "YOUR DRAFT" not in theirs


def test_a_draft_of_which_little_is_known_says_that() -> None:
    text = said(row_of(Kind.REPORT_REMINDER), drafted(Draft(too_long=(TooLong(12, 274, 250),))))

    assert "Question 12: 274 words, at most 250\n  Nothing is cut; please shorten it." in text
    assert "questions" not in text


@pytest.mark.parametrize(
    ("member", "here", "days"),
    [
        (MELTON, "Saturday 1 January 2022, 09:59 in Melton (UTC+11)", 8),
        (MEDELLIN, "Friday 31 December 2021, 17:59 in Medellín (UTC−5)", 8),
        (KASHAN, "Saturday 1 January 2022, 02:29 in Kashan (UTC+3:30)", 8),
    ],
)
def test_a_city_reads_the_deadline_there_and_in_hamburg(member: str, here: str, days: int) -> None:
    """US-23.1; on 23 December in Medellín, and on the 24th elsewhere."""
    text = said(row_of(Kind.REPORT_REMINDER, member))

    assert here in text
    assert "Friday 31 December 2021, 23:59 Hamburg time (CET, UTC+1)" in text
    assert f"{days} days left" in text


# who reads it


def test_a_new_deadline_names_the_old_one() -> None:
    before = Told(0, "", None, at("2021-11-30T22:59:59+00:00"), "confirmed", "")

    text = said(row_of(Kind.REPORT_MOVED), History(told=before))

    assert "No longer: Wednesday 1 December 2021, 09:59 in Melton (UTC+11);" in text


def test_a_digest_names_the_deadline_of_most_and_the_others_beside_their_city() -> None:
    """The city on whose clock it goes out is the one that has more time."""
    more = Extension(date(2022, 2, 28), "A flood", members=(MELTON,))
    letters = Letters(in_force(a_round(extensions=(more,))), LINKS)
    row = row_of(Kind.REPORT_DIGEST, role=NATIONAL_COORDINATOR, until=at("2022-02-28T22:59:59+00:00"))

    text = said(row, History(missing=(MELTON, "wyndham", MEDELLIN)), letters=letters)

    assert "Saturday 1 January 2022, 09:59 in Melton" in text
    assert "  Melton (until Tuesday 1 March 2022, 09:59 there)\n  Wyndham\n  Medellín\n" in text
    assert "The progress reports of 3 cities in Australia are still missing." in text


@pytest.mark.parametrize(
    ("role", "line"),
    [
        ("mayor", None),
        ("coordinator", "Copy for the contact of Melton"),
        (NATIONAL_COMMISSION, "Copy for the National Commission of Australia"),
    ],
)
def test_a_letter_is_to_the_mayor_and_a_copy_says_that_it_is_one(role: str, line: str | None) -> None:
    text = said(row_of(Kind.REPORT_NO_PROGRESS, role=role))

    assert "To the Mayor of Melton\n" in text
    assert line in text if line else "Copy for" not in text


def test_who_stands_in_for_others_is_told_so() -> None:
    text = said(row_of(Kind.REPORT_OVERDUE, role=NATIONAL_COORDINATOR))

    assert "Nobody else in Melton could be reached, so this mail comes to you." in text


def test_an_office_is_addressed_as_one() -> None:
    row = row_of(Kind.REPORT_DIGEST, role=NATIONAL_COORDINATOR)

    assert "To: National coordinator of Australia" in said(row, passed(Kind.REPORT_DIGEST))


@pytest.mark.parametrize("kind", sorted(OF_CASES - {Kind.REPORT_RECEIVED, Kind.REPORT_RENEWED}))
def test_a_letter_says_when_membership_ends(kind: Kind) -> None:
    case = Case("report-2021", MELTON, State.CLOSED, DECEMBER, DECEMBER, DECEMBER, ends_on=date(2022, 6, 30))

    text = said(row_of(kind, role="mayor"), History(case=case))

    assert "its last day is Thursday 30 June 2022" in text
