"""`scheduler hold` and `scheduler resume` as they are typed, and what `scheduler status` says of them."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from scheduler.service.engine import Engine
from scheduler.service.fences import Fences
from scheduler.service.in_force import Memory
from scheduler.service.virtual_clock import VirtualClock
from scheduler.store import ledger, tables
from scheduler.store.database import open_database
from tests.cli.typed import Done, started, typed
from tests.serving.house import House


def say(house: House, *words: str) -> Done:
    return typed(*words, environment=surroundings(house))


def surroundings(house: House) -> dict[str, str]:
    return {"SCHEDULER_CONFIG": str(house.config), "SCHEDULER_DATA": str(house.folder / "var")}


def decided(house: House) -> tuple[int, list[tuple[str, str, str, str]]]:
    """The generation, and the journal: who, what, of what, why."""
    return asyncio.run(_decided(f"sqlite:///{house.folder / 'var' / 'scheduler.sqlite'}"))


async def _decided(url: str) -> tuple[int, list[tuple[str, str, str, str]]]:
    database = open_database(url, durable=False)
    table = tables.journal.c
    async with database.read() as connection:
        query = select(table.actor, table.action, table.subject, table.detail).order_by(table.id)
        rows = [tuple(row) for row in await connection.execute(query)]
        generation = await ledger.generation(connection)
    await database.close()
    return generation, rows


def test_a_series_is_held_by_a_name_and_for_a_reason(house: House) -> None:
    before, _ = decided(house)

    done = started(
        *("hold", "talks", "--by", "Anna", "--because", "the host is ill"), environment=surroundings(house)
    )

    generation, journal = decided(house)
    assert done.returncode == 0
    assert done.stdout == (
        "OK: talks is held; 0 mails wait; nothing leaves for it until: scheduler resume talks\n"
    )
    assert journal[-1] == ("Anna", "hold", "talks", "the host is ill")
    assert generation == before + 1


def test_holding_twice_is_said_plainly(house: House) -> None:
    say(house, "hold", "talks", "--by", "Anna", "--because", "the host is ill")

    done = say(house, "hold", "talks", "--by", "Bert")

    assert done.returncode == 0
    assert done.stdout.startswith("OK: talks is held already, since ")
    assert ", by Anna (the host is ill); nothing was changed; 0 mails wait\n" in done.stdout
    assert len(decided(house)[1]) == 2


def test_what_was_held_is_let_go(house: House) -> None:
    say(house, "hold", "first.talks")

    done = say(house, "resume", "first.talks", "--by", "Bert")

    assert done.returncode == 0
    assert done.stdout == "OK: first.talks is let go; 0 mails go out now, 0 are of no use any more\n"
    assert decided(house)[1][-1][:3] == ("Bert", "resume", "first.talks")


def test_what_is_not_held_is_said_plainly(house: House) -> None:
    done = say(house, "resume", "talks")

    assert (done.returncode, done.stdout) == (0, "OK: talks is not held; nothing was changed\n")


def test_what_a_wider_hold_covers_is_not_let_go(house: House) -> None:
    say(house, "hold", "everything", "--by", "Anna")

    done = say(house, "resume", "talks")

    assert done.returncode == 1
    assert done.stdout.startswith("! talks is held with everything still, since ")
    assert done.stdout.endswith(", by Anna; let that go with: scheduler resume everything\n")


@pytest.mark.parametrize("command", ["hold", "resume"])
def test_a_slip_of_the_pen_is_asked_back(house: House, command: str) -> None:
    done = say(house, command, "firts.talks")

    assert done.returncode == 1
    assert done.stderr == 'error: there is no "firts.talks"; did you mean "first.talks"?\n'


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("hold",), "or: everything"),
        (("resume",), "or: everything"),
        (("hold", "talks", "--by", "A\nB"), "write a name of at most 200 letters"),
        (("hold", "talks", "--because", "x" * 401), "write one line of at most 400 letters"),
        (("hold", "talks", "--because", "anna@cities.example asked"), "and no address"),
    ],
)
def test_wrong_usage_says_what_may_be_written(house: House, words: tuple[str, ...], said: str) -> None:
    done = say(house, *words)

    assert done.returncode == 2
    assert said in " ".join(done.stderr.replace("│", " ").split())


def test_nothing_is_made_where_there_is_no_database(tmp_path: Path) -> None:
    done = typed("hold", "everything", environment={"SCHEDULER_DATA": str(tmp_path / "var")})

    assert done.returncode == 1
    assert done.stderr.startswith("error: there is no database ")
    assert not (tmp_path / "var").exists()


def test_status_says_what_is_held(house: House) -> None:
    say(house, "hold", "talks", "--by", "Anna", "--because", "the host is ill")

    done = say(house, "status")

    assert done.returncode == 1
    assert "! held: talks, since " in done.stdout
    assert ", by Anna (the host is ill); 0 mails wait; let it go with: scheduler resume talks" in done.stdout


def test_status_says_what_is_due_next(house: House) -> None:
    """The reminder an hour before the session, of both cities; their invitations were not made yet."""
    say(house, "hold", "first.talks")

    done = say(house, "status")

    assert "Due        0 mails within 24 hours, 0 mails within 48 hours" in done.stdout
    assert "Hamburg time" in done.stdout
    assert "reminder soon, first.talks: 2 mails, held" in done.stdout


def test_status_for_programs_says_all_of_it(house: House) -> None:
    say(house, "hold", "everything", "--by", "Anna")

    done = say(house, "status", "--json")

    found = json.loads(done.stdout)
    assert done.returncode == 1
    assert found["ok"] is False
    assert found["in_force"].keys() == {"hash", "since", "by", "tzdata"}
    assert found["files"] == {
        "standing": "same",
        "said": "the files say what is in force",
        "difference": "nothing changes",
        "problems": [],
    }
    assert found["due"]["within_48_hours"] == 0
    assert [(due["rule"], due["mails"], due["is_held"]) for due in found["due"]["next"]] == [
        ("soon", 2, True)
    ]
    assert [(hold["subject"], hold["by"], hold["mails"]) for hold in found["holds"]] == [
        ("everything", "Anna", 0)
    ]
    assert found.keys() >= {
        "last_look",
        "may_send",
        "waiting",
        "oldest_due",
        "mails",
        "failures",
        "stuck",
        "vanished",
    }


def test_status_for_programs_before_anything_is_in_force(tmp_path: Path) -> None:
    done = typed("status", "--json", environment={"SCHEDULER_DATA": str(tmp_path / "var")})

    assert done.returncode == 1
    assert json.loads(done.stdout)["in_force"] is None


def holds_after_an_outage(house: House) -> None:
    """Last looked at ten days ago: the service holds what an outage made late."""
    asyncio.run(_hold_after_an_outage(f"sqlite:///{house.folder / 'var' / 'scheduler.sqlite'}"))


async def _hold_after_an_outage(url: str) -> None:
    database, now = open_database(url, durable=False), datetime.now(UTC)
    clock = VirtualClock(now, now + timedelta(minutes=1))
    async with database.write() as connection:
        await ledger.tick(connection, now - timedelta(days=10))
    engine = Engine(database, clock, clock.bell(), Memory(), fences=Fences(amnesty=timedelta(days=1)))
    await engine.look()
    await database.close()


def test_after_an_outage_the_status_asks_and_a_person_decides(house: House) -> None:
    holds_after_an_outage(house)

    asked = say(house, "status")
    done = say(house, "resume", "everything-but-reminders", "--skip", "--by", "Anna")

    assert (
        "\n! held by the service: everything-but-reminders, for the service did not run from " in asked.stdout
    )
    assert "; 2 announcements, 2 invitations wait; let it go with: scheduler resume" in asked.stdout
    assert done.stdout.splitlines()[0].endswith("mails, for it was skipped when the hold was let go")
    assert done.stdout.splitlines()[1].startswith(
        "OK: everything-but-reminders is let go; 0 mails go out now, "
    )
    assert decided(house)[1][-1][:3] == ("Anna", "resume", "everything-but-reminders")


def test_who_resumes_everything_is_told_what_the_service_holds(house: House) -> None:
    holds_after_an_outage(house)

    done = say(house, "resume", "everything")

    assert done.returncode == 1
    assert "let that go with: scheduler resume everything-but-reminders" in done.stdout
