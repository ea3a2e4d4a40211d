"""What judges the service under `make chaos` is judged here: the auditor, the journal, the table of rows."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from datetime import timedelta

import pytest

from chaos.auditor import ALWAYS, Audit, Notice, Span, audit, notice_of
from chaos.journal import Journal, Taken
from chaos.play import Played, all_rows
from chaos.report import Report
from chaos.trial import Verdict
from tests.cast import at

MELTON, CORK = "contact@melton.example", "contact@cork.example"
INVITED = "first.talks.invitation.0"
NOON = at("2027-06-14T12:00:00+00:00")


def a_mail(to: str = MELTON, number: int = 1, **changes: object) -> Taken:
    taken = Taken(
        number=number,
        at=NOON,
        sender="webinars@cities.example",
        to=to,
        message_id=f"<{INVITED}.{7 if to == MELTON else 8}@cities.example>",
        sha256="5",
        written_to=to,
        uid="first.talks@cities.example",
        sequence="0",
        method="REQUEST",
        starts="20270614T110000Z",
        connection=1,
        began=1.0,
        ended=2.0,
        is_said=True,
    )
    return replace(taken, **changes)  # type: ignore[arg-type]


def owed(*addresses: str, span: Span = ALWAYS) -> dict[Notice, Span]:
    return {Notice(to, "first.talks", "invitation"): span for to in addresses}


def test_two_equal_books_are_whole() -> None:
    found = audit(owed(MELTON, CORK), [a_mail(MELTON), a_mail(CORK)])

    assert found.is_whole
    assert (found.charged, found.excused) == (0, 0)


def test_a_mail_that_never_came_is_missing() -> None:
    found = audit(owed(MELTON, CORK), [a_mail(MELTON)])

    assert [notice.address for notice in found.missing] == [CORK]
    assert not found.is_whole


def test_a_mail_to_somebody_else_is_unexpected() -> None:
    assert [notice.address for notice in audit(owed(MELTON), [a_mail(), a_mail(CORK)]).unexpected] == [CORK]


@pytest.mark.parametrize(("is_said", "counts"), [(True, (1, 0)), (False, (0, 1))])
def test_a_repeat_is_excused_where_nobody_heard_the_first_one(is_said: bool, counts: tuple[int, int]) -> None:
    found = audit(owed(MELTON), [a_mail(is_said=is_said), a_mail(number=2)])

    assert (found.charged, found.excused) == counts
    assert found.is_whole


@pytest.mark.parametrize(
    "change",
    [{"sha256": "6"}, {"sequence": "1"}, {"uid": "x"}, {"message_id": f"<{INVITED}.9@cities.example>"}],
)
def test_a_repeat_in_other_words_is_unstable(change: dict[str, str]) -> None:
    assert audit(owed(MELTON), [a_mail(), a_mail(number=2, **change)]).unstable


@pytest.mark.parametrize(
    ("span", "field"),
    [
        (Span(due_at=NOON + timedelta(seconds=1)), "early"),
        (Span(useful_by=NOON - timedelta(seconds=1)), "late"),
    ],
)
def test_a_mail_at_another_time_is_found(span: Span, field: str) -> None:
    found: Audit = audit(owed(MELTON, span=span), [a_mail()])

    assert [notice.address for notice in getattr(found, field)] == [MELTON]


def test_an_envelope_for_another_person_is_found() -> None:
    assert audit(owed(MELTON), [a_mail(written_to=CORK)]).misaddressed


def test_a_foreign_message_id_is_a_notice_of_its_own() -> None:
    assert notice_of(a_mail(message_id="<x@y>")) == Notice(MELTON, "<x@y>", "")


def test_the_journal_reads_the_calendar_of_a_mail() -> None:
    calendar = b"BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nUID:a-long-\r\n one@x\r\nSEQUENCE:4\r\nDTSTART:2027\r\n"
    part = b"Content-Type: text/calendar; method=REQUEST\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    octets = (
        b"Message-ID: <1@x>\r\nTo: M <" + MELTON.encode() + b">\r\n\r\n--b\r\n" + part + b64encode(calendar)
    )

    taken = Journal().take("a@b", MELTON, octets + b"\r\n--b--\r\n", 1, 0.0)

    assert (taken.message_id, taken.written_to) == ("<1@x>", MELTON)
    assert (taken.uid, taken.sequence, taken.method, taken.starts) == ("a-long-one@x", "4", "REQUEST", "2027")


def test_every_row_is_played() -> None:
    rows = {
        "C": (1, 2, 3, 4, 5, 6, 8),
        "S": range(1, 13),
        "D": (1, 2, 3, 4, 5, 6, 7, 10),
        "T": range(1, 7),
        "P": range(7, 14),
    }

    assert list(all_rows()) == [f"{letter}{n:02}" for letter, numbers in rows.items() for n in numbers]


def test_the_report_does_not_hide_what_fails() -> None:
    row = all_rows()["C01"]
    played = Played(row, Verdict.FAILS, ("killed",), ("1 taken",), ("nothing | missing",), 3.0)

    text = Report([played], seed=6, is_quick=True).text()

    assert "| **FAILS** | 3 |" in text
    assert "- **does not hold**: nothing \\| missing" in text
