"""`scheduler deliveries` as it is typed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from scheduler.service.engine import Engine
from scheduler.service.in_force import Memory
from scheduler.service.virtual_clock import VirtualClock
from scheduler.store import suppressions, tables
from scheduler.store.database import Database, open_database
from scheduler.store.suppressions import EVERYTHING, Suppression
from tests.cli.typed import Done, typed
from tests.serving.house import House

NOW = datetime.now(UTC)


def say(house: House, *words: str) -> Done:
    there = {"SCHEDULER_CONFIG": str(house.config), "SCHEDULER_DATA": str(house.folder / "var")}
    return typed("deliveries", *words, environment=there)


def opened(house: House) -> Database:
    return open_database(f"sqlite:///{house.folder / 'var' / 'scheduler.sqlite'}")


@pytest.fixture
def due(house: House) -> House:
    """The announcements and invitations of two cities wait: mails 1 to 4, or so."""

    async def look() -> None:
        database = opened(house)
        clock = VirtualClock(datetime.now(UTC), NOW + timedelta(hours=1))
        await Engine(database, clock, clock.bell(), Memory()).look()
        await database.close()

    asyncio.run(look())
    return house


def set_all(house: House, **values: object) -> None:
    async def write() -> None:
        database = opened(house)
        async with database.write() as connection:
            await connection.execute(update(tables.outbox).values(**values))
        await database.close()

    asyncio.run(write())


def column(house: House, name: str, table: str = "outbox") -> list[object]:
    async def read() -> list[object]:
        database = opened(house)
        async with database.read() as connection:
            found = tables.metadata.tables[table]
            values = list(await connection.scalars(select(found.c[name]).order_by(found.c.id)))
        await database.close()
        return values

    return asyncio.run(read())


def numbers(house: House) -> Iterator[str]:
    return map(str, column(house, "id"))


def test_the_list_shows_what_a_person_may_want_to_mend(due: House) -> None:
    first, *_ = numbers(due)
    assert say(due, "list").stdout == "OK: 0 mails failed, held, deferred\n"
    set_all(due, state="failed", reason="refused: 550 5.7.1 no")

    said = say(due, "list", "--city", "city-1").stdout.splitlines()

    assert said[0].split() == ["mail", "state", "due", "what", "of", "for", "why"]
    assert all("city-1 coordinator" in line and line.endswith("550 5.7.1 no") for line in said[1:-1])
    assert said[-1] == f"OK: {len(said) - 2} mails failed, held, deferred"
    assert first


def test_the_list_for_programs_has_no_addresses(due: House) -> None:
    said = json.loads(say(due, "list", "--state", "all", "--json").stdout)

    assert {one["state"] for one in said["deliveries"]} == {"queued"}
    assert "address" not in said["deliveries"][0]


def test_one_mail_is_shown_with_all_that_is_known(due: House) -> None:
    first, *_ = numbers(due)
    set_all(due, state="deferred", attempts=2, reply="451 4.3.0 try later", first_try_at=NOW)

    said = say(due, "show", first).stdout

    assert f"mail         {first}, deferred" in said
    assert "for          city-1 coordinator <contact@city-1.example>" in said
    assert "last words   451 4.3.0 try later" in said
    assert "2 answers since" in said


def test_what_failed_is_tried_again_and_written_down(due: House) -> None:
    first, second, *_ = numbers(due)
    set_all(due, state="failed", reason="refused: 550 no", attempts=1)

    done = say(due, "retry", first, second, "--by", "Anna")

    assert done.stdout == "OK: 2 mails will be tried again now\n"
    assert column(due, "state")[:3] == ["deferred", "deferred", "failed"]
    assert column(due, "attempts")[:3] == [0, 0, 1]
    assert column(due, "action", "journal")[-2:] == ["retry delivery", "retry delivery"]
    assert column(due, "actor", "journal")[-1] == "Anna"


def test_what_is_of_no_use_any_more_is_not_tried_again(due: House) -> None:
    first, *_ = numbers(due)
    set_all(due, state="failed", useful_by=NOW - timedelta(hours=1))

    done = say(due, "retry", first)

    assert done.returncode == 1
    assert done.stdout == f"{first} is of no use any more: its moment has passed\n"
    assert "nothing was changed" in done.stderr


def test_what_would_be_withdrawn_is_not_tried_again(due: House) -> None:
    first, *_ = numbers(due)
    set_all(due, state="failed", reason="refused: 550 5.1.1 no such user")

    async def bar() -> None:
        database = opened(due)
        async with database.write() as connection:
            wanted = Suppression("contact@city-1.example", EVERYTHING, NOW, "does not exist (5.1.1)")
            await suppressions.add(connection, wanted)
        await database.close()

    asyncio.run(bar())

    done = say(due, "retry", first)

    assert done.returncode == 1
    assert "nothing is sent to; first: scheduler bounces lift" in done.stdout
    assert column(due, "state")[0] == "failed"


def test_a_mail_is_held_and_let_go(due: House) -> None:
    first, *_ = numbers(due)

    held = say(due, "hold", first, "--because", "wrong title", "--by", "Anna")
    assert held.stdout == "OK: 1 mail held until: scheduler deliveries release\n"
    assert column(due, "state")[0] == "held"
    assert column(due, "reason")[0] == "held by Anna: wrong title"

    assert say(due, "release", first).stdout == "OK: 1 mail let go\n"
    assert column(due, "state")[0] == "queued"
    assert column(due, "reason")[0] == ""


def test_what_was_sent_can_neither_be_held_nor_tried_again(due: House) -> None:
    first, *_ = numbers(due)
    set_all(due, state="sent", sent_at=NOW)

    assert say(due, "hold", first).stdout == f"{first} is sent: only what waits can be held\n"
    said = say(due, "retry", first).stdout
    assert said == f"{first} is sent: only what failed or was put off is tried again\n"


def test_a_number_that_no_mail_has_is_said(due: House) -> None:
    done = say(due, "show", "4711")

    assert (done.returncode, done.stderr) == (
        1,
        "error: there is no mail 4711; see: scheduler deliveries list --state all\n",
    )


def test_a_state_that_is_none_is_said(due: House) -> None:
    done = say(due, "list", "--state", "lost")

    assert done.returncode == 2
    assert "write one of queued, sending" in done.stderr
