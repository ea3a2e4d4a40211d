"""Mail that came back, as it is taken in, shown and lifted; and people who are erased."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from scheduler.model.network import Network
from scheduler.service.return_paths import ReturnPaths
from scheduler.store import tables
from scheduler.store.database import open_database
from tests.cast import real
from tests.cli.typed import Done, typed
from tests.mail import reports
from tests.serving.house import House, address

KEY = "a key that is used for tests only"
PATHS = ReturnPaths(KEY.encode())
NETWORK: Network = real().network


def say(house: House, *words: str) -> Done:
    return typed(*words, environment=surroundings(house))


def surroundings(house: House) -> dict[str, str]:
    folder = {"SCHEDULER_CONFIG": str(house.config), "SCHEDULER_DATA": str(house.folder / "var")}
    return {**folder, "SCHEDULER_SECRET_KEY": KEY}


@pytest.fixture
def sent(house: House) -> House:
    """Both cities were sent the announcement; rows 1 and 2 of the outbox."""
    now = datetime.now(UTC)
    row: dict[str, Any] = {
        "occurrence": "talks",
        "rule": "announcement",
        "kind": "announcement",
        "uid": "talks@learning-cities.example",
        "sequence": 0,
        "status": "",
        "place": "",
        "state": "sent",
        "reason": "",
        "attempts": 0,
        **dict.fromkeys(("due_at", "useful_by", "inserted_at", "next_at", "sent_at"), now),
    }

    async def write() -> None:
        database = open_database(f"sqlite:///{house.folder / 'var' / 'scheduler.sqlite'}")
        async with database.write() as connection:
            for number in (1, 2):
                key = {"id": number, "contact_id": number, "notice_key": f"{number}"}
                values = {**row, **key, "message_id": f"<{number}@cities.example>"}
                await connection.execute(tables.outbox.insert().values(values))
        await database.close()

    asyncio.run(write())
    return house


def a_report(house: House, number: int = 1, **changes: Any) -> Path:
    said = {"final": address(number), "original": (f"Message-ID: <{number}@cities.example>",)}
    octets = reports.standard(PATHS.of(NETWORK, number), **{**said, **changes})
    file = house.folder / f"{number}-{changes.get('status', '5.1.1')}.eml"
    file.write_bytes(octets)
    return file


def test_each_mail_says_what_became_of_it(sent: House) -> None:
    files = [
        a_report(sent, 1),
        a_report(sent, 2, status="5.7.1", said="smtp; 554 5.7.1 refused: looks like spam"),
    ]
    away = sent.folder / "away.eml"
    away.write_bytes(reports.on_leave(PATHS.of(NETWORK, 2)))

    done = say(sent, "bounces", "import", *map(str, files), str(away), "--by", "Anna")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        f"{files[0]}: city-1 coordinator: the address does not exist (5.1.1); nothing is sent there any more",
        f"{files[1]}: city-2 coordinator: refused by a rule of the mail server (5.7.1); "
        "mail 2 did not arrive, and the address stays; a person has to look",
        f"{away}: left alone; it is an automatic answer, such as of somebody on leave",
        "OK: 1 not written to any more, 1 for you to look at, 1 left alone",
    ]


def test_a_folder_of_mails_is_taken_in_at_once(sent: House) -> None:
    box = sent.folder / "box"
    for name in ("new", "cur", "tmp"):
        (box / name).mkdir(parents=True)
    a_report(sent, 1).rename(box / "new" / "1.host")
    a_report(sent, 2).rename(box / "cur" / "2.host:2,S")

    first, second = (say(sent, "bounces", "import", str(box)) for _ in range(2))

    assert first.stdout.endswith("OK: 2 not written to any more\n")
    assert second.stdout.endswith("OK: 2 taken in before\n")


def test_a_mail_may_come_through_a_pipe(sent: House) -> None:
    """As a mail server hands over what came to an address."""
    with a_report(sent, 1).open() as mail:
        command = (sys.executable, "-m", "scheduler", "bounces", "import", "-")
        there = {**os.environ, **surroundings(sent)}
        done = subprocess.run(command, stdin=mail, capture_output=True, text=True, env=there, check=True)  # noqa: S603

    assert done.stdout.startswith("-: city-1 coordinator: the address does not exist")


def test_what_is_refused_stops_no_other(sent: House) -> None:
    forged = sent.folder / "forged.eml"
    forged.write_bytes(reports.standard(final=address(2)))

    done = say(sent, "bounces", "import", str(forged), str(sent.folder / "none.eml"), str(a_report(sent, 1)))

    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"! {forged}: no address in it bears the signature of one of our mails",
        f"! {sent.folder / 'none.eml'}: No such file or directory",
    ]
    assert done.stdout.endswith("1 not written to any more; 2 mails refused\n")


def test_a_folder_that_is_no_maildir_is_refused_in_a_sentence(sent: House) -> None:
    (sent.folder / "box" / "new").mkdir(parents=True)

    inside, other = (say(sent, "bounces", "import", str(sent.folder / name)) for name in ("box/new", "var"))

    assert (inside.returncode, other.returncode) == (1, 1)
    assert f"inside a Maildir; write the Maildir: {sent.folder / 'box'}" in inside.stderr
    assert "is a folder, and no Maildir" in other.stderr


def test_staff_see_to_whom_nothing_is_sent(sent: House) -> None:
    say(sent, "bounces", "import", str(a_report(sent, 1)), str(a_report(sent, 2, status="5.7.1")))

    status, shown, found = (
        say(sent, *words).stdout
        for words in (("status",), ("bounces", "list"), ("members", "find", "city-1"))
    )

    assert (
        "! nothing is sent to city-1 coordinator: the address does not exist (5.1.1); "
        "write another address into members.csv" in status
    )
    assert "came back within 14 days, and the address stays: " in status
    assert shown.splitlines()[-1] == "OK: nothing is sent to 1 contact"
    assert "city-2 coordinator: mail 2 did not arrive: " in shown
    assert "coordinator: nothing is sent since " in found
    assert "@" not in shown


def test_a_person_lifts_it(sent: House) -> None:
    say(sent, "bounces", "import", str(a_report(sent, 1)))

    first, second = (say(sent, "bounces", "lift", "city-1", "--by", "Anna").stdout for _ in range(2))

    assert first == "OK: mail goes to 1 contact of city-1 again\n"
    assert second == "OK: mail goes to all contacts of city-1 anyway; nothing was changed\n"
    assert json.loads(say(sent, "status", "--json").stdout)["barred"] == []


# a person


def test_an_export_is_json_of_one_person(sent: House) -> None:
    found = json.loads(say(sent, "members", "export", "city-1", "coordinator").stdout)

    assert found["address"] == address(1)
    assert [row["id"] for row in found["outbox"]] == [1]
    assert address(2) not in json.dumps(found)


def test_nobody_is_erased_without_being_asked_for(sent: House) -> None:
    done = say(sent, "members", "erase", "--address", address(1))

    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "This is contact 1 (city-1 coordinator).",
        "  not sent any more: 0 mails that wait",
        "  kept without name and address: 1 mail",
        "  deleted: 0 notes of what it was told, 0 answers, 0 bounces, 0 blocks of the address",
        "  the city's calendar address stays; to give it another one: scheduler feeds renew",
        "Nothing was erased; to erase this contact, say it with --yes",
    ]


def test_who_was_erased_stands_in_the_files_and_counts_for_nothing(sent: House) -> None:
    """`check`, `plan` and `members import` name the row and say what to do; `apply` leaves it out (X13)."""
    say(sent, "members", "erase", "city-1", "coordinator", "--by", "Anna", "--yes")
    csv = sent.config / "members.csv"

    said = {words: say(sent, *words) for words in (("check",), ("plan",), ("members", "import", str(csv)))}
    applied = say(sent, "apply")

    for words, done in said.items():
        assert f"{csv}:2:" in done.stdout, words
        assert "was erased on" in done.stdout, words
        assert "take the address out of this row" in done.stdout, words
    assert "in force already" in applied.stdout
    again = say(sent, "members", "export", "--address", address(1))
    assert again.stderr.startswith("error: the person at this address was erased on ")


def test_without_the_key_nobody_can_tell_who_was_erased(sent: House) -> None:
    say(sent, "members", "erase", "city-1", "coordinator", "--yes")
    keyless = {**surroundings(sent), "SCHEDULER_SECRET_KEY": ""}

    done = {word: typed(word, environment=keyless) for word in ("apply", "plan")}
    checked = typed("check", environment=keyless)

    assert {one.returncode for one in done.values()} == {1}
    assert all("only the installation's secret key of that time tells who" in d.stderr for d in done.values())
    assert "only the installation's secret key of that time tells who" in checked.stdout


def test_who_asks_for_it_may_come_back(sent: House) -> None:
    say(sent, "members", "erase", "city-1", "coordinator", "--yes")

    done = say(sent, "members", "readmit", "--address", address(1).upper())

    assert done.stdout.startswith("OK: this address may stand in members.csv again")
    assert say(sent, "apply").stdout.startswith("OK: in force now")


@pytest.mark.parametrize(
    "words",
    [
        ("erase",),
        ("erase", "city-1"),
        ("export", "city-1", "baker"),
        ("erase", "city-1", "--address", "a@b.example"),
        ("readmit",),
        ("erase", "city-1", "coordinator", "--because", "anna@city.example asked"),
    ],
)
def test_wrong_usage_is_said_in_one_line(sent: House, words: tuple[str, ...]) -> None:
    assert say(sent, "members", *words).returncode == 2
