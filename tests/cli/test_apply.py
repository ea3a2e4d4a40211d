"""`scheduler apply` and `scheduler status`: what comes into force, and what people are told of it."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from scheduler.store import outbox, tables
from scheduler.store.database import open_database
from tests.cli.typed import Done, started, typed
from tests.serving.house import House


@pytest.fixture
def house(tmp_path: Path) -> House:
    """Two cities and a session in two months; an edit waits for a person."""
    house = House(tmp_path / "house").furnish(2)
    house.write_session(datetime.now(UTC) + timedelta(days=60))
    house.edit("network.yaml", "apply: auto", "apply: confirm")
    return house


def say(house: House, *words: str) -> Done:
    return typed(*words, environment=surroundings(house))


def surroundings(house: House) -> dict[str, str]:
    return {"SCHEDULER_CONFIG": str(house.config), "SCHEDULER_DATA": str(house.folder / "var")}


def test_the_files_come_into_force(house: House) -> None:
    done = started("apply", "--by", "Anna", environment=surroundings(house))

    assert done.returncode == 0
    assert done.stdout.startswith("OK: in force now: 2 members, 1 series, 0 cycles, 1 occurrence until ")
    assert ", by Anna (" in say(house, "status").stdout


def test_applying_twice_changes_nothing(house: House) -> None:
    say(house, "apply")

    done = say(house, "apply")

    assert done.returncode == 0
    assert re.match(r"OK: in force already, since .+, by .+; nothing was changed: 2 members", done.stdout)


def test_a_broken_file_is_not_applied(house: House) -> None:
    house.edit("series/talks.yaml", "audience: World", "audience: Wrld")

    done = say(house, "apply")

    assert done.returncode == 1
    assert "talks.yaml:3:11: error: " in done.stderr
    assert "nothing was changed" in done.stderr
    assert "Nothing is in force yet" in say(house, "status").stdout


def test_what_vanished_is_said_by_apply(house: House) -> None:
    say(house, "apply")
    (house.config / "series" / "talks.yaml").unlink()

    done = say(house, "apply")

    assert done.returncode == 0
    assert "held: first.talks vanished from the files; cancel it with status: cancelled" in done.stdout


def test_what_vanished_is_said_by_status_until_somebody_decides(house: House) -> None:
    say(house, "apply")
    (house.config / "series" / "talks.yaml").unlink()
    say(house, "apply")

    done = say(house, "status")

    assert done.returncode == 1
    assert "! held: first.talks vanished from the files" in done.stdout


def test_an_edit_that_waits_is_said_by_status(house: House) -> None:
    say(house, "apply")
    house.edit("series/talks.yaml", "title: Talks", "title: Talks at noon")

    done = say(house, "status")

    assert done.returncode == 1
    assert "! the files differ from what is in force and wait for: scheduler apply" in done.stdout


def test_a_broken_file_is_named_by_status(house: House) -> None:
    say(house, "apply")
    house.edit("series/talks.yaml", "audience: World", "audience: Wrld")

    done = say(house, "status")

    assert done.returncode == 1
    assert "! the files have errors; what was in force stays: 1 error, the first in " in done.stdout
    assert "series/talks.yaml:3:11; see all with: scheduler check" in done.stdout


def test_a_name_that_calendars_hold_on_to_is_not_changed(house: House) -> None:
    say(house, "apply")
    asyncio.run(tell_somebody(house))
    house.edit("network.yaml", "uid_domain: ", "uid_domain: new.")

    done = say(house, "apply")

    sentence = "with another one calendars would show everything twice; write "
    assert (done.returncode, done.stderr.count(sentence)) == (1, 1)
    assert done.stderr.endswith(" again. Nothing was changed\n")
    assert "Refused by scheduler apply: uid_domain in network.yaml: " in say(house, "plan").stdout
    assert sentence in say(house, "status").stdout


async def tell_somebody(house: House) -> None:
    database = open_database(f"sqlite:///{house.folder / 'var' / 'scheduler.sqlite'}")
    now = datetime.now(UTC)
    row = {"contact_id": 1, "occurrence": "talks", "uid": "x", "sequence": 0, "method": "", "told_at": now}
    async with database.write() as connection:
        await connection.execute(tables.told.insert().values(**row, status="confirmed", place=""))
    await database.close()


def test_status_before_anything_is_in_force_says_what_to_do(house: House) -> None:
    done = say(house, "status")

    assert done.returncode == 1
    assert done.stdout == "Nothing is in force yet. Put the files in force with: scheduler apply\n"
    assert not (house.folder / "var").exists()


def test_mail_that_does_not_leave_is_said_with_the_servers_words(house: House) -> None:
    """An hour ago the mail server said "later"; nothing has failed, and nothing is well."""
    house.write_session(datetime.now(UTC) + timedelta(hours=5))
    say(house, "apply")
    asyncio.run(an_hour_of_later(f"sqlite:///{house.folder / 'var' / 'scheduler.sqlite'}"))

    done = say(house, "status")

    assert done.returncode == 1
    assert "! 1 mail overdue; the mail server said: 451 4.3.0 come back" in done.stdout


async def an_hour_of_later(url: str) -> None:
    database = open_database(url)
    long_ago = datetime.now(UTC) - timedelta(hours=1)
    async with database.write() as connection:
        contact = await connection.scalar(tables.contacts.select().limit(1))
        row = {
            **dict.fromkeys(("notice_key", "message_id", "occurrence", "rule", "uid", "place"), "x"),
            "kind": "invitation",
            "sequence": 0,
            "status": "confirmed",
            "contact_id": contact,
            **dict.fromkeys(("due_at", "useful_by", "inserted_at", "next_at"), long_ago),
            "state": outbox.DEFERRED,
            "reason": "",
            "attempts": 3,
            "reply": "451 4.3.0 come back",
        }
        await connection.execute(tables.outbox.insert().values(**row))
    await database.close()
