"""Reports of mail servers, read: what is certain is kept, and nothing is guessed."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.errors import NoReport, ReportRefused
from scheduler.mail.bounces import LARGEST, Action, read_report, status_in
from tests.mail import reports
from tests.mail.reports import ANNA, BACK, SHAPES

EACH_SHAPE = pytest.mark.parametrize("shape", SHAPES)


@EACH_SHAPE
def test_every_server_says_who_failed_and_why(shape: str) -> None:
    found = read_report(SHAPES[shape](BACK)).about(ANNA)

    assert found
    assert (found.final, found.action) == (ANNA, Action.FAILED)
    assert found.status == ("5.1.10" if shape == "exchange" else "5.1.1")


@EACH_SHAPE
def test_the_address_it_came_back_to_is_found(shape: str) -> None:
    assert BACK in read_report(SHAPES[shape](BACK)).texts


def test_a_complaint_names_the_mail_by_its_envelope() -> None:
    report = read_report(reports.complaint())

    assert report.is_complaint
    assert f"<{BACK}>" in report.texts


@pytest.mark.parametrize("shape", ["postfix", "exchange", "international", "international_encoded"])
def test_the_mail_that_came_back_is_named(shape: str) -> None:
    found = read_report(SHAPES[shape](BACK))

    assert found.message_id == "<first.talks.invitation.0.1@cities.example>"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("ánna@medellin.example", "ánna@medellin.example"),
        (r"\x{E1}nna@medellin.example", "ánna@medellin.example"),
        ("anna@medellín.example", "anna@xn--medelln-dza.example"),
    ],
)
def test_an_address_in_utf_8_is_read(written: str, read: str) -> None:
    """RFC 6533."""
    octets = reports.international().replace(f"utf-8; {ANNA}".encode(), f"utf-8; {written}".encode())

    assert read_report(octets).recipients[0].final == read


@EACH_SHAPE
def test_a_byte_order_mark_in_front_is_no_part_of_it(shape: str) -> None:
    assert read_report(b"\xef\xbb\xbf" + SHAPES[shape](BACK)) == read_report(SHAPES[shape](BACK))


def test_when_it_was_written_is_read_with_its_offset() -> None:
    assert read_report(reports.postfix()).written_at == datetime.fromisoformat("2027-05-25T08:00:30+00:00")


@pytest.mark.parametrize(
    ("action", "status", "wanted"),
    [
        ("delayed", "4.4.1", Action.DELAYED),
        ("delivered", "2.0.0", Action.DELIVERED),
        ("failed (given up)", "5.4.7", Action.FAILED),
        ("", "5.1.1", Action.FAILED),
        ("", "", Action.DELIVERED),
    ],
)
def test_what_became_of_it_is_read(action: str, status: str, wanted: Action) -> None:
    found = read_report(reports.standard(action=action, status=status)).about(ANNA)

    assert found
    assert found.action is wanted


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ("550 5.1.1 <a@b.example>: unknown", "5.1.1"),
        ("550-5.1.1 first line 550 5.1.1 last", "5.1.1"),
        ("550 #5.1.1 unknown", "5.1.1"),
        ("Sorry. (#5.2.2)", "5.2.2"),
        ("552-5.2.2 The recipient's inbox is out of storage space", "5.2.2"),
        ("550 No such user", ""),
        ("host mx [5.1.1.9] said nothing", ""),
        ("version 5.1.1 of our terms", ""),
        ("554 5.0.0 Service unavailable", ""),
    ],
)
def test_only_a_status_code_of_a_reply_counts(said: str, status: str) -> None:
    assert status_in(said) == status


def test_whom_we_wrote_to_counts_before_others() -> None:
    """A list that answers for all on it: the first block is about somebody else."""
    octets = reports.standard(final="left@medellin.example")
    ours = f"\r\nFinal-Recipient: rfc822; {ANNA}\r\nAction: delivered\r\nStatus: 2.0.0\r\n".encode()

    report = read_report(
        octets.replace(b"\r\n--x1\r\nContent-Type: message/rfc822", ours + b"\r\n--x1\r\nX: ")
    )

    found = report.about(ANNA)
    assert found
    assert found.action is Action.DELIVERED


@pytest.mark.parametrize("made", [reports.on_leave, reports.receipt])
def test_what_programs_answer_by_themselves_is_no_report(made: object) -> None:
    with pytest.raises(NoReport):
        read_report(made())  # type: ignore[operator]


def test_good_words_of_a_provider_are_no_complaint() -> None:
    with pytest.raises(NoReport, match="not-spam"):
        read_report(reports.complaint(kind="not-spam"))


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"Subject: a question\r\n\r\nCan we join later? 550 5.1.1\r\n",
        reports.standard().replace(b"Final-Recipient", b"X-A").replace(b"Original-Recipient", b"X-B"),
        reports.standard().replace(b"message/delivery-status", b"message/not-known-yet"),
        reports.standard().replace(b"Content-Type: message/delivery-status", b"X: "),
        b"x" * (LARGEST + 1),
        b"a: b\r\n" * 50_000,
    ],
)
def test_what_is_none_is_refused_in_a_sentence(octets: bytes) -> None:
    with pytest.raises(ReportRefused) as refused:
        read_report(octets)

    assert "\n" not in str(refused.value)
    assert not isinstance(refused.value, NoReport)


@pytest.mark.parametrize("filler", [b"-", b"+b1.", b"a@", b"(#5.", b"550 5.1.", b"<", b" \t"])
@pytest.mark.parametrize("shape", ["postfix", "exim", "qmail"])
def test_what_is_made_to_cost_time_has_an_end(shape: str, filler: bytes) -> None:
    octets = SHAPES[shape](BACK).replace(b"\r\n\r\n", b"\r\nX-Failed-Recipients: " + filler * 100_000, 1)
    longer = SHAPES[shape](BACK).replace(ANNA.encode(), ANNA.encode() + filler * 100_000, 2)
    for one in (octets, longer, longer.replace(b"This", filler * 100_000 + b"This", 1)):
        with suppress(ReportRefused):
            assert len(read_report(one).recipients) <= 20


@settings(max_examples=50)
@given(st.binary(max_size=300), st.sampled_from(sorted(SHAPES)), st.integers(0, 1500))
def test_nothing_but_refusals_comes_out(noise: bytes, shape: str, at: int) -> None:
    octets = SHAPES[shape](BACK)

    with suppress(ReportRefused):
        assert read_report(octets[:at] + noise + octets[at + len(noise) :])
