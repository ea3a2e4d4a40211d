"""`scheduler cases import` and `scheduler cases codes` as they are typed."""

from __future__ import annotations

import asyncio
import csv
import shutil
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from scheduler.service.links import Links
from scheduler.store import cases
from tests.cli.rounds import HOSTILE, NOW, ROUND, Desk, furnish
from tests.cli.typed import Done, started, typed
from tests.limesurvey import TEXTS, as_csv, as_xlsx, participants, response, rows_of

KEY = "a key of thirty-two letters, or so"


def code(slug: str) -> str:
    return Links("", KEY.encode()).code(ROUND, slug)


def clock(ago: timedelta) -> str:
    """What the clock of a survey in UTC showed."""
    return f"{NOW - ago:%Y-%m-%d %H:%M:%S}"


WHEN = clock(timedelta(days=3))


@pytest.fixture(scope="session")
def a_round(tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: Path) -> Path:
    return furnish(tmp_path_factory.mktemp("imported") / "desk", migrated_sqlite).folder


@pytest.fixture
def desk(a_round: Path, tmp_path: Path) -> Desk:
    return Desk(shutil.copytree(a_round, tmp_path / "desk"))


def surroundings(desk: Desk) -> dict[str, str]:
    return {**desk.environment, "SCHEDULER_SECRET_KEY": KEY}


def say(desk: Desk, *words: str) -> Done:
    return typed("cases", *words, environment=surroundings(desk))


def export(desk: Desk, octets: bytes, name: str = "export.csv") -> str:
    path = desk.folder / name
    path.write_bytes(octets)
    return str(path)


def submitted(desk: Desk) -> dict[str, str]:
    """Slug -> when its report came, in UTC."""

    async def read() -> dict[str, str]:
        database = desk.opened()
        async with database.read() as connection:
            found = await cases.read(connection, ROUND)
        await database.close()
        return {one.member: f"{one.submitted_at:%Y-%m-%d %H:%M:%S}" for one in found if one.submitted_at}

    return asyncio.run(read())


def test_an_export_is_taken_after_its_plan(desk: Desk) -> None:
    rows = rows_of(response(code("gdynia"), WHEN), response(code("melton"), G01Q01="Melton"))
    file = export(desk, as_csv(rows, TEXTS, ";"))

    done = say(desk, "import", ROUND, file, "--zone", "UTC", "--by", "Anna", "--yes")

    assert (done.returncode, done.stderr) == (0, "")
    said = done.stdout.splitlines()
    assert said[0].endswith("export.csv are read in the zone UTC (as was said with --zone)")
    assert said[1:5] == [
        "new: 1 report came",
        f"  gdynia  Gdynia  {WHEN}",
        "drafts: 1 city got further",
        "  melton  Melton  begun 2021-11-02 10:15:00, page 2, 1 of 5 answered",
    ]
    assert said[-1].startswith(f"OK: {ROUND}: 1 report came; 1 draft; ")
    assert said[-1].endswith("0 known before, 0 left alone")
    assert submitted(desk) == {"gdynia": WHEN}


def test_nothing_is_written_where_nobody_can_be_asked(desk: Desk) -> None:
    file = export(desk, as_csv(rows_of(response(code("gdynia"), WHEN))))

    done = started("cases", "import", ROUND, file, environment=surroundings(desk))

    assert done.returncode == 1
    assert "new: 1 report came" in done.stdout
    assert done.stdout.endswith("--yes\n")
    assert submitted(desk) == {}


def test_the_zone_is_the_networks_own_where_none_is_said(desk: Desk) -> None:
    file = export(desk, as_csv(rows_of(response(code("gdynia"), WHEN))))

    done = say(desk, "import", ROUND, file, "--yes")

    assert "in the zone Europe/Berlin (the network's own; say another one with --zone)" in done.stdout
    (came,) = submitted(desk).values()
    hours = (datetime.fromisoformat(WHEN) - datetime.fromisoformat(came)) / timedelta(hours=1)
    assert hours in (1, 2)


def test_a_zone_that_is_none_is_wrong_usage(desk: Desk) -> None:
    done = say(desk, "import", ROUND, "export.csv", "--zone", "Europe/Berln")

    assert done.returncode == 2
    assert "Europe/Berlin" in done.stderr


def test_one_bad_line_and_nothing_is_written(desk: Desk) -> None:
    rows = rows_of(
        response(code("gdynia"), WHEN), response("qqqqqqqqqqqqqqqq", WHEN), response(code("melton"), WHEN)
    )

    done = say(desk, "import", ROUND, export(desk, as_csv(rows)), "--yes")

    assert done.returncode == 1
    first, last = done.stdout.splitlines()
    assert f"export.csv:3:1: error: no city has this code in {ROUND}" in first
    assert last == "Not usable: 1 error; nothing was written"
    assert submitted(desk) == {}


def test_no_code_is_ever_printed(desk: Desk) -> None:
    rows = rows_of(response(code("gdynia"), WHEN), response(code("garissa")), response("qqqqqqqqqqqqqqqq"))
    rows.append([code("melton")])

    done = say(desk, "import", ROUND, export(desk, as_csv(rows)), "--yes")

    for slug in ("gdynia", "garissa", "melton"):
        assert code(slug) not in done.stdout + done.stderr
    assert "qqqq" not in done.stdout + done.stderr


def test_a_second_time_there_is_nothing_to_do(desk: Desk) -> None:
    file = export(desk, as_csv(rows_of(response(code("gdynia"), WHEN))))
    say(desk, "import", ROUND, file, "--yes", "--zone", "UTC")

    done = say(desk, "import", ROUND, file, "--zone", "UTC")

    assert done.returncode == 0
    assert done.stdout.splitlines()[1:] == [
        "known: 1 report that came before; nothing changes",
        f"OK: nothing to change in {ROUND}: 1 known before, 0 left alone",
    ]


def test_a_workbook_does_as_well(desk: Desk) -> None:
    file = export(desk, as_xlsx(rows_of(response(code("gdynia"), WHEN))), "export.xlsx")

    done = say(desk, "import", ROUND, file, "--sheet", "Report 2021", "--zone", "UTC", "--yes")

    assert done.returncode == 0, done.stdout
    assert submitted(desk) == {"gdynia": WHEN}


def test_a_hostile_name_of_a_city_is_printed_as_it_is(desk: Desk) -> None:
    file = export(desk, as_csv(rows_of(response(code("mantes-la-jolie"), WHEN))))

    done = say(desk, "import", ROUND, file, "--zone", "UTC", "--yes")

    assert f"  mantes-la-jolie  {HOSTILE}  {WHEN}" in done.stdout.splitlines()


def test_a_round_that_is_not_in_force_is_asked_for(desk: Desk) -> None:
    done = say(desk, "import", "report-nov", "export.csv")

    assert done.returncode == 1
    assert f'did you mean "{ROUND}"?' in done.stderr


def test_without_the_key_it_says_where_to_run(desk: Desk) -> None:
    done = typed("cases", "import", ROUND, "export.csv", environment=desk.environment)

    assert done.returncode == 1
    assert "SCHEDULER_SECRET_KEY" in done.stderr


# codes


def test_the_list_of_participants_is_for_its_owner_only(desk: Desk) -> None:
    file = desk.folder / "participants.csv"

    done = started("cases", "codes", ROUND, "--write", str(file), environment=surroundings(desk))

    assert done.returncode == 0
    assert done.stdout.endswith(f"has the codes of 5 cities of {ROUND}; only its owner may read it\n")
    assert file.stat().st_mode & 0o777 == 0o600
    with file.open(newline="", encoding="utf-8") as opened:
        rows = list(csv.DictReader(opened))
    assert [row["attribute_1"] for row in rows] == [
        "gdynia",
        "kashan",
        "mantes-la-jolie",
        "medellin",
        "melton",
    ]
    assert [row["token"] for row in rows] == [code(row["attribute_1"]) for row in rows]
    assert rows[2]["lastname"] == f"'{HOSTILE}"
    assert code("gdynia") not in done.stdout


def test_codes_of_the_survey_are_taken_and_forgotten(desk: Desk) -> None:
    octets = participants([("1", "", "Gdynia", "", "Xy7_q~2", "gdynia"), ("2", "", "", "", "", "melton")])
    file = export(desk, octets, "tokens.csv")
    rows = as_csv(rows_of(response("Xy7_q~2", WHEN)))

    taken = say(desk, "codes", ROUND, "--read", file, "--by", "Anna", "--yes")
    imported = say(desk, "import", ROUND, export(desk, rows), "--yes")
    forgotten = say(desk, "codes", ROUND, "--forget", "--yes")

    assert taken.stdout.splitlines() == [
        "! line 3: melton has no code there, and keeps the one that it has",
        f"{ROUND}: 1 code of the survey in place of what we have, 0 known already; links in mails that were "
        "sent before have the old ones",
        f"OK: {ROUND}: 1 code taken",
    ]
    assert imported.returncode == 0
    assert forgotten.stdout.endswith(f"OK: {ROUND}: 1 code forgotten\n")


def test_two_ways_at_once_are_wrong_usage(desk: Desk) -> None:
    done = say(desk, "codes", ROUND, "--forget", "--write", "participants.csv")

    assert done.returncode == 2


def test_a_wrong_list_of_participants_changes_nothing(desk: Desk) -> None:
    octets = participants([("1", "", "", "", "same1", "gdynia"), ("2", "", "", "", "same1", "melton")])

    done = say(desk, "codes", ROUND, "--read", export(desk, octets, "tokens.csv"), "--yes")

    assert done.stdout == "line 3: line 2 has the same code\nNot usable: 1 error; nothing was written\n"
    assert done.returncode == 1
