"""`scheduler clocks` as it is typed, and where else it is said that something waits.

By the older tz database Morocco is on +01 all year, so that any day will do.
"""

from __future__ import annotations

import asyncio
import json
import shutil
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from scheduler.model import times
from scheduler.service.apply import meet_new_clocks, put_in_force
from scheduler.store import tables
from scheduler.store.database import open_database
from tests.cast import a_configuration, a_series, a_session
from tests.cli.typed import Done, started, typed
from tests.older_clocks import RELEASE, age

DAY = (datetime.now(UTC) + timedelta(days=10)).date()
RUNNING = times.tzdata_version()


@pytest.fixture(scope="module")
def met(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A talk at 13:00 in Hamburg, one that its host in Agadir wrote for 18:00; a new tz database was met."""
    file = shutil.copy(migrated_sqlite, tmp_path_factory.mktemp("met") / "scheduler.sqlite")
    asyncio.run(_meet(f"sqlite:///{file}"))
    return Path(file)


@pytest.fixture
def surroundings(met: Path, tmp_path: Path) -> dict[str, str]:
    shutil.copy(met, tmp_path / "scheduler.sqlite")
    return {"SCHEDULER_DATA": str(tmp_path)}


async def _meet(url: str) -> None:
    host = a_session(id="host", on=DAY, start=time(18), end=time(19), zone="Africa/Casablanca")
    series = a_series(a_session(on=DAY), host, announced=DAY - timedelta(days=60))
    whole = a_configuration(series, members=("agadir", "fez", "medellin"))
    database, now = open_database(url), datetime.now(UTC)
    await put_in_force(database, whole, now=now, by="staff", replaces=None)
    await age(database, whole, now)
    await meet_new_clocks(database, now)
    await database.close()


def say(surroundings: dict[str, str], *words: str) -> Done:
    return typed(*words, environment=surroundings)


def test_it_is_said_in_people_and_hours(surroundings: dict[str, str]) -> None:
    done = started("clocks", environment=surroundings)

    lines = done.stdout.splitlines()
    assert done.returncode == 1
    assert lines[0] == f"This program computes with tz database {RUNNING}"
    assert lines[1].endswith(f": {RUNNING} in the place of {RELEASE}")
    assert "  host.talks, written in Africa/Casablanca: it is held; 3 cities must know" in lines
    assert "; 18:00 in Africa/Casablanca as before" in lines[3]
    assert f"  Agadir and 1 other city: 1 session from {DAY} on, one hour earlier there" in lines
    assert lines[-1] == (
        "! nobody is told yet; calendars that are subscribed to show what moved already; "
        "tell it with: scheduler clocks release; or not, with: scheduler clocks dismiss"
    )


def test_programs_read_the_same(surroundings: dict[str, str]) -> None:
    found = json.loads(say(surroundings, "clocks", "--json").stdout)

    assert (found["ok"], found["running"], found["waiting"]["before"]) == (False, RUNNING, RELEASE)
    assert [(one["occurrence"], one["cities"]) for one in found["moved"]] == [("host.talks", 3)]
    (hours,) = found["hours"]
    assert hours["cities"] == ["agadir", "fez"]
    (session,) = hours["occurrences"]
    assert (session["occurrence"], session["offset_before"], session["offset_now"]) == ("first.talks", 60, 0)


def test_a_release_is_said_and_leaves_nothing_waiting(surroundings: dict[str, str]) -> None:
    done = say(surroundings, "clocks", "release", "--by", "Anna")

    assert (done.returncode, done.stdout) == (
        0,
        "let go: host.talks; who is invited gets an update\n"
        "OK: released; 2 mails to cities whose hours moved\n",
    )
    after = say(surroundings, "clocks")
    assert (after.returncode, after.stdout.splitlines()[-1]) == (0, "OK: nothing waits for a person")


def test_a_second_release_changes_nothing(surroundings: dict[str, str]) -> None:
    say(surroundings, "clocks", "release")

    done = say(surroundings, "clocks", "release")

    assert (done.returncode, done.stdout) == (0, "OK: nothing waited; nothing was changed\n")


def test_a_dismissal_says_what_stays_held(surroundings: dict[str, str]) -> None:
    done = say(surroundings, "clocks", "dismiss", "--by", "Anna")

    assert (done.returncode, done.stdout) == (
        1,
        "! host.talks is held still, for it begins at another moment; "
        "let it go with: scheduler resume host.talks\n"
        "OK: no city is told of its new hours\n",
    )
    assert "! host.talks is held, the rules of the clock in" in say(surroundings, "clocks").stdout


def test_status_and_plan_say_that_it_waits(surroundings: dict[str, str]) -> None:
    """Once, and not again for each session that is held."""
    said = (
        f"! the clocks changed with tz database {RUNNING}: 1 session or deadline moved, "
        "2 cities read another hour; see it with: scheduler clocks"
    )

    status, plan = say(surroundings, "status").stdout, say(surroundings, "plan").stdout

    assert said in status.splitlines()
    assert said in plan.splitlines()
    assert "held: host.talks" not in status


def test_a_program_that_has_not_met_its_clocks_says_so(surroundings: dict[str, str]) -> None:
    asyncio.run(_age(f"sqlite:///{surroundings['SCHEDULER_DATA']}/scheduler.sqlite"))

    done = say(surroundings, "clocks")

    assert done.returncode == 1
    assert done.stdout.splitlines()[1] == (
        "! what is in force was computed with 2025a; what that moves is found when `scheduler serve` starts, "
        "or with: scheduler apply"
    )


def test_status_says_that_the_clocks_were_not_met(surroundings: dict[str, str]) -> None:
    asyncio.run(_age(f"sqlite:///{surroundings['SCHEDULER_DATA']}/scheduler.sqlite"))

    status = say(surroundings, "status")

    assert status.returncode == 1
    assert "what is in force was computed with 2025a; nothing is sent until the service" in status.stdout


async def _age(url: str) -> None:
    database = open_database(url)
    async with database.write() as connection:
        await connection.execute(update(tables.configurations).values(tzdata="2025a"))
    await database.close()


def test_a_check_says_that_it_waits_and_is_fine(surroundings: dict[str, str]) -> None:
    done = say(surroundings, "check")

    assert done.returncode == 0
    assert f"! the clocks changed with tz database {RUNNING}; see it with: scheduler clocks" in done.stdout


def test_a_name_that_is_none_is_wrong_usage(surroundings: dict[str, str]) -> None:
    assert say(surroundings, "clocks", "release", "--by", "\t").returncode == 2
