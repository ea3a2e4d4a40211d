"""The embedded mailbox: a Maildir that any mail program can open."""

from __future__ import annotations

import mailbox
from dataclasses import replace
from pathlib import Path

import pytest

from scheduler.errors import AddressRefused
from scheduler.mail.mailbox import Maildir, Outgoing
from scheduler.model.notices import Kind
from tests.cast import A_DAY, MELTON
from tests.mail.desk import NETWORK, NOW, about, envelope, letter, reader_in, the_session


def outgoing(number: int = 1, address: str = "learningcity@melton.example") -> Outgoing:
    made = letter(Kind.REMINDER, about(the_session(), reader_in(MELTON)))
    message_id = f"<{number}@learning-cities.example>"
    octets = made.addressed_to(envelope(message_id=message_id, address=address), None)
    return Outgoing(number, message_id, address, octets)


@pytest.fixture
def maildir(tmp_path: Path) -> Maildir:
    return Maildir(tmp_path / "mailbox").open()


def read(maildir: Maildir) -> mailbox.Maildir:
    return mailbox.Maildir(maildir.root, create=False)


def test_the_library_reads_what_was_put(maildir: Maildir) -> None:
    maildir.deliver([outgoing(1), outgoing(2)], NETWORK, NOW)

    found = {message["Message-ID"] for message in read(maildir)}
    assert found == {"<1@learning-cities.example>", "<2@learning-cities.example>"}


def test_a_receipt_names_the_file(maildir: Maildir) -> None:
    ((number, file),) = maildir.deliver([outgoing(7)], NETWORK, NOW)

    assert number == 7
    assert (maildir.root / file).read_bytes() == outgoing(7).octets.replace(b"\r\n", b"\n")


def test_the_same_message_put_again_is_one_file(maildir: Maildir) -> None:
    first = maildir.deliver([outgoing()], NETWORK, NOW)
    second = maildir.deliver([outgoing()], NETWORK, NOW + A_DAY)

    assert first == second
    assert len(read(maildir)) == 1


def test_a_file_bears_the_moment_of_its_arrival(maildir: Maildir) -> None:
    ((_, file),) = maildir.deliver([outgoing()], NETWORK, NOW)

    assert (maildir.root / file).stat().st_mtime == NOW.timestamp()


def test_no_half_written_file_is_left_over(maildir: Maildir) -> None:
    maildir.deliver([outgoing()], NETWORK, NOW)

    assert not list((maildir.root / "tmp").iterdir())


@pytest.mark.parametrize("address", ["mayor@cork.ie", "x@example.com", "x@notexample", "x@example.org"])
def test_mail_leaves_only_for_the_domains_that_are_allowed(maildir: Maildir, address: str) -> None:
    with pytest.raises(AddressRefused):
        maildir.deliver([outgoing(address=address)], NETWORK, NOW)


def test_one_refused_address_holds_the_whole_batch(maildir: Maildir) -> None:
    with pytest.raises(AddressRefused):
        maildir.deliver([outgoing(1), outgoing(2, "mayor@cork.ie")], NETWORK, NOW)

    assert len(read(maildir)) == 0


def test_without_a_list_of_domains_all_are_allowed(maildir: Maildir) -> None:
    anywhere = replace(NETWORK, only_to=())

    assert maildir.deliver([outgoing(1, "mayor@cork.ie")], anywhere, NOW)


def test_a_rehearsed_mailbox_holds_the_same_files(maildir: Maildir, tmp_path: Path) -> None:
    quick = Maildir(tmp_path / "quick", durable=False).open()

    assert quick.deliver([outgoing()], NETWORK, NOW) == maildir.deliver([outgoing()], NETWORK, NOW)
