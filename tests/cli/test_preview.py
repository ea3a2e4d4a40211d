"""`scheduler preview` and `scheduler send-test` as they are typed."""

from __future__ import annotations

import asyncio
import os
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from tests.cli.typed import Done, started, typed
from tests.mail.relay import a_relay
from tests.service.stage import part

INVITATION = ("invitation", "inclusion.covid-19-recovery", "--member", "Medellín")
REMINDER = ("week-before", *INVITATION[1:])
ME = "me@learning-cities.example"


def say(folder: Path, *words: str, **more: str) -> Done:
    return typed(*words, environment=surroundings(folder, **more))


def surroundings(folder: Path, **more: str) -> dict[str, str]:
    return {"SCHEDULER_DATA": str(folder / "var"), **more}


def test_a_preview_leaves_the_mail_and_its_parts(tmp_path: Path) -> None:
    done = started("preview", *INVITATION, environment=surroundings(tmp_path))

    folder = tmp_path / "var" / "preview"
    lines = done.stdout.splitlines()
    assert done.returncode == 0
    assert lines[0].startswith("Subject: Invitation: The challenge of inclusion in learning cities, ")
    assert lines[2:4] == [
        "To: Medellín <learningcity@medellin.example>",
        "Date: Wed, 20 May 2020 14:00:00 +0000",
    ]
    assert lines[-1] == f"OK: nothing was sent; open {folder}/mail.html"
    assert {path.name for path in folder.iterdir()} == {"mail.eml", "mail.html", "mail.txt", "invitation.ics"}
    assert (folder / "invitation.ics").read_bytes().startswith(b"BEGIN:VCALENDAR\r\n")


def test_what_an_earlier_preview_left_is_gone(tmp_path: Path) -> None:
    into = str(tmp_path / "shown")
    say(tmp_path, "preview", *INVITATION, "--into", into)

    say(tmp_path, "preview", *REMINDER, "--into", into)

    assert {path.name for path in Path(into).iterdir()} == {"mail.eml", "mail.html", "mail.txt"}


def test_a_preview_is_for_its_owners_eyes_only(tmp_path: Path) -> None:
    say(tmp_path, "preview", *REMINDER)

    files = (tmp_path / "var" / "preview").iterdir()
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}


def test_a_preview_makes_neither_a_key_nor_a_database(tmp_path: Path) -> None:
    say(tmp_path, "preview", *REMINDER)

    assert [path.name for path in (tmp_path / "var").iterdir()] == ["preview"]


def test_the_real_address_of_the_feed_is_shown_where_there_is_a_key(tmp_path: Path) -> None:
    say(tmp_path, "preview", *REMINDER)
    rehearsed = (tmp_path / "var" / "preview" / "mail.txt").read_text()

    say(tmp_path, "preview", *REMINDER, SCHEDULER_SECRET_KEY="k" * 32)

    assert (tmp_path / "var" / "preview" / "mail.txt").read_text() != rehearsed


def test_a_preview_opens_in_the_browser(tmp_path: Path) -> None:
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {tmp_path}/opened\n')
    browser.chmod(0o700)

    done = say(tmp_path, "preview", *REMINDER, "--open", BROWSER=f"{browser} %s")

    assert done.returncode == 0
    assert (tmp_path / "opened").read_text() == f"file://{tmp_path}/var/preview/mail.html\n"


def test_a_mail_that_a_city_does_not_get_is_said(tmp_path: Path) -> None:
    done = say(tmp_path, "preview", "follow-up", *INVITATION[1:-1], "Doha")

    assert done.returncode == 1
    assert done.stdout == ("No such mail: Doha is no member on 2020-06-17.\nThis city gets nothing of it.\n")
    assert not (tmp_path / "var").exists()


async def test_one_test_goes_over_the_wire(tmp_path: Path) -> None:
    async with a_relay() as relay:
        there = surroundings(tmp_path, SCHEDULER_MAIL_URL=f"smtp://127.0.0.1:{relay.port}")
        words = ("send-test", *INVITATION, "--to", ME)
        done = await asyncio.to_thread(lambda: typed(*words, environment=there))

    assert done.returncode == 0
    assert done.stdout.startswith(f"OK: one test was sent to {ME}: 250 ")
    (mail,) = relay.messages
    message = message_from_bytes(mail.octets, policy=policy.default)
    assert mail.to == ME
    assert str(message["Subject"]).startswith("[TEST] Invitation: ")
    assert str(message["Message-ID"]).startswith("<test.")


async def test_a_test_that_is_refused_is_said_with_the_servers_words(tmp_path: Path) -> None:
    async with a_relay() as relay:
        relay.answers("RCPT", "550 5.1.1 no such mailbox")
        url = f"smtp://127.0.0.1:{relay.port}"
        done = await asyncio.to_thread(
            lambda: say(tmp_path, "send-test", *REMINDER, "--to", ME, SCHEDULER_MAIL_URL=url)
        )

    assert done.returncode == 1
    assert done.stderr.startswith(f"error: the test was not sent to {ME}: 550 5.1.1 no such mailbox")


def test_two_tests_are_two_mails_that_count_nowhere(tmp_path: Path) -> None:
    for _ in range(2):
        say(tmp_path, "send-test", *REMINDER, "--to", ME)

    assert len(os.listdir(tmp_path / "var" / "mailbox" / "new")) == 2
    assert [path.name for path in (tmp_path / "var").iterdir()] == ["mailbox"]


def test_a_test_never_carries_the_real_address_of_a_feed(tmp_path: Path) -> None:
    key = {"SCHEDULER_SECRET_KEY": "k" * 32}
    say(tmp_path, "preview", *REMINDER)
    say(tmp_path, "send-test", *REMINDER, "--to", ME, **key)

    (file,) = (tmp_path / "var" / "mailbox" / "new").iterdir()
    sent = part(message_from_bytes(file.read_bytes()), "text/plain")
    rehearsed = (tmp_path / "var" / "preview" / "mail.txt").read_bytes().decode()
    assert sent.partition("\r\n\r\n")[2] == rehearsed


@pytest.mark.parametrize(
    ("to", "code", "said"),
    [
        (
            "me@unesco.org",
            1,
            "error: only_to in network.yaml does not allow me@unesco.org; write an address below",
        ),
        ("me", 2, '"me" is no mail address'),
    ],
)
def test_where_a_test_may_not_go_is_said(tmp_path: Path, to: str, code: int, said: str) -> None:
    done = say(tmp_path, "send-test", *REMINDER, "--to", to)

    assert done.returncode == code
    assert said in " ".join(done.stderr.replace("│", " ").split())
    assert not (tmp_path / "var").exists()
