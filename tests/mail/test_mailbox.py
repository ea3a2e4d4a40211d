"""The embedded mailbox: a Maildir that any mail program can open."""

from __future__ import annotations

import mailbox
from dataclasses import replace
from pathlib import Path

import pytest

from scheduler.mail.mailbox import Maildir
from scheduler.mail.post import NOT_ALLOWED, Fate, Outcome, Outgoing, hand_over
from scheduler.model.network import Network
from scheduler.model.notices import Kind
from tests.cast import A_DAY, MELTON
from tests.mail.desk import NETWORK, NOW, about, envelope, letter, reader_in, the_session


def outgoing(
    number: int = 1, address: str = "learningcity@melton.example", network: Network = NETWORK
) -> Outgoing:
    made = letter(Kind.REMINDER, about(the_session(), reader_in(MELTON)))
    message_id = f"<{number}@learning-cities.example>"
    octets = made.addressed_to(envelope(message_id=message_id, address=address), None)
    return Outgoing(number, message_id, address, octets, network, NOW)


@pytest.fixture
def maildir(tmp_path: Path) -> Maildir:
    return Maildir(tmp_path / "mailbox").open()


def read(maildir: Maildir) -> mailbox.Maildir:
    return mailbox.Maildir(maildir.root, create=False)


async def test_the_library_reads_what_was_put(maildir: Maildir) -> None:
    await hand_over(maildir, [outgoing(1), outgoing(2)])

    found = {message["Message-ID"] for message in read(maildir)}
    assert found == {"<1@learning-cities.example>", "<2@learning-cities.example>"}


async def test_a_receipt_names_the_file(maildir: Maildir) -> None:
    (outcome,) = await hand_over(maildir, [outgoing(7)])

    assert (outcome.id, outcome.fate) == (7, Fate.SENT)
    assert (maildir.root / outcome.said).read_bytes() == outgoing(7).octets.replace(b"\r\n", b"\n")


async def test_the_same_message_put_again_is_one_file(maildir: Maildir) -> None:
    first = await hand_over(maildir, [outgoing()])
    second = await hand_over(maildir, [replace(outgoing(), at=NOW + A_DAY)])

    assert first == second
    assert len(read(maildir)) == 1


async def test_a_file_bears_the_moment_of_its_arrival(maildir: Maildir) -> None:
    (outcome,) = await hand_over(maildir, [outgoing()])

    assert (maildir.root / outcome.said).stat().st_mtime == NOW.timestamp()


async def test_no_half_written_file_is_left_over(maildir: Maildir) -> None:
    await hand_over(maildir, [outgoing()])

    assert not list((maildir.root / "tmp").iterdir())


@pytest.mark.parametrize("address", ["mayor@cork.ie", "x@example.com", "x@notexample", "x@example.org"])
async def test_mail_leaves_only_for_the_domains_that_are_allowed(maildir: Maildir, address: str) -> None:
    outcomes = await hand_over(maildir, [outgoing(1), outgoing(2, address)])

    assert outcomes[1] == Outcome(2, Fate.NEVER, NOT_ALLOWED)
    assert len(read(maildir)) == 1


async def test_a_mailbox_that_cannot_be_written_keeps_all_mail_waiting(maildir: Maildir) -> None:
    (maildir.root / "tmp").rmdir()

    (outcome,) = await hand_over(maildir, [outgoing()])

    assert outcome.fate is Fate.AWAY
    assert outcome.needs_a_person
    assert "cannot be written" in outcome.said


async def test_without_a_list_of_domains_all_are_allowed(maildir: Maildir) -> None:
    anywhere = replace(NETWORK, only_to=())

    (outcome,) = await hand_over(maildir, [outgoing(1, "mayor@cork.ie", anywhere)])

    assert outcome.fate is Fate.SENT


async def test_a_rehearsed_mailbox_holds_the_same_files(maildir: Maildir, tmp_path: Path) -> None:
    quick = Maildir(tmp_path / "quick", durable=False).open()

    assert await hand_over(quick, [outgoing()]) == await hand_over(maildir, [outgoing()])
