"""`scheduler check`: how problems are printed, and what --fix writes."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import stat
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from scheduler.model.cycles import Duty
from scheduler.service.cases import Cases
from scheduler.service.in_force import Memory
from scheduler.store.database import open_database
from tests.cli.typed import Done, typed
from tests.configuration.house import House
from tests.serving.house import House as ServingHouse

RECOVERY = "series/covid-19-recovery.yaml"
WHEN = '    date: 2020-06-17\n    when: "13.00 to 14.30h CET"\n'
CANONICAL = '    date: 2020-06-17\n    start: "13:00"\n    end: "14:30"\n    zone: Europe/Berlin\n'


@pytest.fixture
def house(tmp_path: Path) -> House:
    """The real configuration, with a time line as a colleague wrote it."""
    house = House.copied_to(tmp_path / "config")
    house.change(RECOVERY, "    date: 2020-06-17\n", WHEN)
    return house


def check(house: House, *words: str) -> Done:
    nowhere = {"SCHEDULER_DATA": str(house.folder.parent / "var")}
    return typed("check", *words, cwd=house.folder.parent, environment=nowhere)


def octets(house: House) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in house.folder.rglob("*") if path.is_file()}


def test_without_fix_nothing_is_written(house: House) -> None:
    before = octets(house)

    check(house)

    assert octets(house) == before
    assert not (house.folder.parent / "var").exists()


def test_fix_writes_what_was_understood(house: House) -> None:
    expected = octets(house)
    file = str(house.folder / RECOVERY)
    expected[file] = expected[file].replace(WHEN.encode(), CANONICAL.encode())

    done = check(house, "--fix")

    assert done.stdout.splitlines()[0] == f"config/{RECOVERY}: 1 place written"
    assert octets(house) == expected


def test_fix_twice_writes_once(house: House) -> None:
    check(house, "--fix")

    done = check(house, "--fix")

    assert done.stdout.startswith("Nothing was written: ")


def test_fix_keeps_mark_line_ends_and_mode(house: House) -> None:
    path = house.folder / RECOVERY
    text = path.read_text("utf-8")
    path.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    path.chmod(0o640)

    check(house, "--fix")

    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    fixed = text.replace(WHEN, CANONICAL).replace("\n", "\r\n")
    assert path.read_bytes() == b"\xef\xbb\xbf" + fixed.encode()


def test_fix_follows_a_link_and_leaves_it_one(house: House) -> None:
    path, target = house.folder / RECOVERY, house.folder.parent / "elsewhere.yaml"
    os.replace(path, target)
    path.symlink_to(target)

    check(house, "--fix")

    assert path.is_symlink()
    assert CANONICAL in target.read_text("utf-8")


def test_programs_are_told_what_was_written(house: House) -> None:
    found = json.loads(check(house, "--fix", "--format", "json").stdout)

    assert found["written"] == {f"config/{RECOVERY}": 1}
    assert found["usable"] is True
    assert found["counts"]["error"] == 0


def test_github_is_given_commands(house: House) -> None:
    house.change(RECOVERY, "\naudience: World\n", "\naudience: Wrold\n")

    done = check(house, "--format", "github", "--config", str(house.folder))

    line = house.line_of(RECOVERY, "audience: Wrold")
    assert (
        f"::error file=config/{RECOVERY},line={line},col=11,title=scheduler check%3A error"
        '::the audience "Wrold" is not defined in network.yaml; did you mean "World"?'
    ) in done.stdout.splitlines()
    assert done.returncode == 1


def test_warnings_are_said_beside_errors(house: House) -> None:
    """Story US-03.5: all problems of all files come in one run."""
    house.change(RECOVERY, "\naudience: World\n", "\naudience: Wrold\n")

    done = check(house)

    assert "2024-04-01 is Easter Monday in Germany" in done.stdout


def test_another_format_is_wrong_usage(house: House) -> None:
    assert check(house, "--format", "xml").returncode == 2


def test_an_id_that_is_in_force_and_gone_is_named(tmp_path: Path) -> None:
    """Only where a database tells what is in force."""
    installation = ServingHouse(tmp_path / "house").furnish(2)
    installation.write_session(datetime.now(UTC) + timedelta(days=60))
    there = {
        "SCHEDULER_CONFIG": str(installation.config),
        "SCHEDULER_DATA": str(installation.folder / "var"),
    }
    typed("apply", environment=there)
    installation.edit("series/talks.yaml", "- id: first", "- id: opening")

    done = typed("check", environment=there)

    assert (
        'warning: the id "first" is in force and no longer here; is it "opening" now? ids are names for ever'
    ) in done.stdout


def decide(url: str, slug: str) -> None:
    async def decided() -> None:
        database = open_database(url)
        try:
            door = Cases(database, Memory())
            now = datetime.now(UTC)
            await door.decide("report-2021", [slug], Duty.DUE, because="By its letter", by="Anna", now=now)
        finally:
            await database.close()

    asyncio.run(decided())


def test_what_people_decided_is_named_where_the_files_say_otherwise(house: House) -> None:
    """What the service learnt wins over the files, and `check` names each such difference (DESIGN, 5.3)."""
    var = house.folder.parent / "var"
    there = {"SCHEDULER_CONFIG": str(house.folder), "SCHEDULER_DATA": str(var)}
    typed("apply", environment=there)
    decide(f"sqlite:///{var / 'scheduler.sqlite'}", "garissa")

    done = typed("check", environment=there)

    assert (
        "note: a person decided that garissa must report, and by the files it is undecided: "
        "the decision counts"
    ) in done.stdout


def test_a_membership_that_ended_by_an_outcome_is_named(house: House) -> None:
    var = house.folder.parent / "var"
    there = {"SCHEDULER_CONFIG": str(house.folder), "SCHEDULER_DATA": str(var)}
    typed("apply", environment=there)
    melton = "(SELECT id FROM members WHERE slug = 'melton') AND cycle = 'report-2021'"
    with closing(sqlite3.connect(var / "scheduler.sqlite")) as connection, connection:
        connection.execute(
            f"UPDATE cases SET state = 'incomplete', ends_on = '2022-06-30' WHERE member_id = {melton}"  # noqa: S608
        )

    done = typed("check", environment=there)

    assert (
        "warning: the membership of melton ends on 2022-06-30 with the outcome of report-2021, "
        "and here it goes on: the outcome counts"
    ) in done.stdout
