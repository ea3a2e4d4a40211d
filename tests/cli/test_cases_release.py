"""`scheduler cases release` as it is typed, in an installation whose round of 2021 has ended."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import func, select

from scheduler.model.cases import LETTERS, State
from scheduler.model.notices import Kind
from scheduler.store import cases, suppressions, tables
from scheduler.store.database import open_database
from scheduler.store.holds import EVERYTHING as ALL
from scheduler.store.holds import Hold, put
from scheduler.store.suppressions import EVERYTHING, Suppression
from tests import cast
from tests.cast import MELTON
from tests.cli.typed import Done, started, typed
from tests.engines import opened
from tests.service.outcomes import JANUARY, OUTCOMES, ROUND, furnish, switched_off, the_round
from tests.service.stage import Stage

ALL_LETTERS = 3 * len(OUTCOMES)
TITLE = "report-2021: UNESCO Learning Cities Biennial Progress Report 2019–2021"


@pytest.fixture(scope="module")
def ended(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One outcome of each kind is recorded, and nothing is released."""
    file = Path(shutil.copy(migrated_sqlite, tmp_path_factory.mktemp("ended") / "scheduler.sqlite"))
    asyncio.run(_furnish(file))
    return file


async def _furnish(file: Path) -> None:
    database = open_database(f"sqlite:///{file}")
    await furnish(Stage(database, file.parent))
    await database.close()


@pytest.fixture
def there(ended: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(ended, tmp_path / "scheduler.sqlite"))


def say(there: Path, *words: str, round: str = ROUND) -> Done:
    return typed("cases", "release", round, *words, environment={"SCHEDULER_DATA": str(there.parent)})


def letters(there: Path) -> int:
    """How many are on the way."""
    return asyncio.run(_letters(there))


async def _letters(there: Path) -> int:
    database = open_database(f"sqlite:///{there}")
    async with database.read() as connection:
        of_outcomes = tables.outbox.c.kind.in_([kind.value for kind in LETTERS.values()])
        number = await connection.scalar(select(func.count()).select_from(tables.outbox).where(of_outcomes))
    await database.close()
    return number or 0


def last(done: Done) -> str:
    return done.stdout.splitlines()[-1]


def plan_in(done: Done) -> str:
    found = re.search(r"^Plan ([0-9a-f]{12})\. ", done.stdout, re.MULTILINE)
    assert found, done.stdout
    return found[1]


def test_a_preview_shows_who_gets_what(there: Path) -> None:
    before = there.read_bytes()

    done = started("cases", "release", ROUND, environment={"SCHEDULER_DATA": str(there.parent)})

    lines = done.stdout.splitlines()
    of_each = "3 letters (mayor 1, coordinator 1, national-commission 1)"
    assert (done.returncode, done.stderr, lines[0]) == (0, "", TITLE)
    for outcome, city in (
        ("renewed", "Medellín"),
        ("incomplete", "Thrissur"),
        ("no progress", "Kashan"),
        ("not submitted", "Melton"),
    ):
        assert f"{outcome}: {of_each} for {city}" in lines
        assert f"  The letter to the mayor of {city}:" in lines
    assert "    To the Mayor of Melton" in lines
    assert there.read_bytes() == before


def test_a_preview_shows_what_an_end_causes(there: Path) -> None:
    lines = say(there).stdout.splitlines()

    begin = "3 memberships end: from Friday 1 July 2022 on the cities belong to the network no more"
    assert begin in lines
    assert "! 2022-07-01 has passed, so these memberships end at once" in lines
    assert [line for line in lines if line.startswith("! Melton: ")] == [
        "! Melton: no mail of this round has arrived (no mail of this round was sent), so it was not "
        "notified; write or call another way, or leave it out for now. "
        "See: scheduler cases show melton --cycle report-2021"
    ]
    assert not any(line.startswith("! Medellín") for line in lines)


def test_a_preview_says_how_to_release_just_that(there: Path) -> None:
    done = say(there, "--outcome", "renewed", "--city", "Medellín")

    assert done.stdout.splitlines()[-2:] == [
        f"  scheduler cases release report-2021 --outcome renewed --city medellin --plan {plan_in(done)} "
        "--by NAME",
        "OK: 1 case of report-2021, 3 letters",
    ]


def test_a_release_is_said_in_short(there: Path) -> None:
    done = say(there, "--by", "Anna", "--plan", plan_in(say(there)))

    assert done.returncode == 0
    assert last(done) == "OK: 4 cases of report-2021 released by Anna; 12 letters on the way"
    assert "Subject:" not in done.stdout
    assert letters(there) == ALL_LETTERS


def test_what_is_released_does_not_wait_any_more(there: Path) -> None:
    say(there, "--by", "Anna", "--outcome", "renewed", "--outcome", "incomplete")
    say(there, "--by", "Anna")

    done = say(there, "--by", "Anna")

    assert (done.returncode, last(done)) == (
        0,
        "OK: no letter of report-2021 waits for a release; nothing was changed",
    )
    assert letters(there) == ALL_LETTERS


def test_another_plan_is_refused(there: Path) -> None:
    plan = plan_in(say(there))
    say(there, "--by", "Anna", "--city", "medellin")

    done = say(there, "--by", "Anna", "--plan", plan)

    assert done.returncode == 1
    assert done.stderr.startswith(
        "error: what a release would do has changed since it was shown, and nothing"
    )
    assert letters(there) == 3


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--yes",), "write --by NAME"),
        (("--plan", "000000000000"), "write --by NAME"),
        (("--by", " "), "write the name of who releases them"),
        (("--by", "anna@cities.example"), "and no address"),
        (("--outcome", "late"), "late is no outcome; write one of renewed, incomplete"),
        (("--outcome", "\x1b[31m"), "is no outcome"),
    ],
)
def test_wrong_usage_is_said(there: Path, words: tuple[str, ...], said: str) -> None:
    done = say(there, *words)

    assert done.returncode == 2
    assert said in " ".join(done.stderr.replace("│", " ").split())
    assert "\x1b[31m" not in done.stderr
    assert letters(there) == 0


@pytest.mark.parametrize(
    ("words", "round", "said"),
    [
        (("--city", "melto"), ROUND, "did you mean melton"),
        ((), "report-2012", 'no round "report-2012" is in force'),
        (("--city", "melton", "--outcome", "renewed"), ROUND, "melton is not submitted"),
    ],
)
def test_what_is_not_there_is_said(there: Path, words: tuple[str, ...], round: str, said: str) -> None:
    done = say(there, *words, round=round)

    assert (done.returncode, said in done.stderr) == (1, True), done.stderr


@pytest.fixture
async def stage_there(migrated_sqlite: Path, tmp_path: Path) -> AsyncIterator[tuple[Stage, Path]]:
    file = Path(shutil.copy(migrated_sqlite, tmp_path / "scheduler.sqlite"))
    async with opened(file) as database:
        yield Stage(database, tmp_path), file


async def test_what_stands_in_the_way_is_said(stage_there: tuple[Stage, Path]) -> None:
    stage, file = stage_there
    await furnish(stage, replace(switched_off(Kind.REPORT_RENEWED), membership_ends=None))

    shown = await asyncio.to_thread(say, file)
    done = await asyncio.to_thread(say, file, "--by", "Anna")

    assert (shown.returncode, last(shown)) == (1, "Nothing can be released before that is put right")
    assert (done.returncode, last(done)) == (1, "Nothing was released")
    lines = done.stdout.splitlines()
    assert "renewed: no letter, it is switched off; the cases are closed: Medellín" in lines
    assert any(line.startswith("! cycles/report-2021.yaml does not say when") for line in lines)


async def test_what_people_hold_and_who_cannot_be_written_to_is_said(
    stage_there: tuple[Stage, Path],
) -> None:
    stage, file = stage_there
    await furnish(stage, the_round(title="<script>\x1b[31m"))
    async with stage.database.write() as connection:
        await put(connection, Hold(ALL, JANUARY, "Ben", "holidays"))
        for contact in cast.member(MELTON).contacts:
            await suppressions.add(connection, Suppression(contact.address, EVERYTHING, JANUARY, "bounced"))

    done = await asyncio.to_thread(say, file)
    alone = await asyncio.to_thread(say, file, "--city", MELTON)

    assert "! everything is held by Ben: letters wait until it is resumed" in done.stdout.splitlines()
    left_out = "! left out, for nobody there can be written to: Melton; write an address that works"
    assert left_out in done.stdout
    assert (alone.returncode, last(alone)) == (1, "Nothing can be released before that is put right")
    assert "\x1b" not in done.stdout


async def test_the_log_has_the_name_and_the_letter(there: Path) -> None:
    await asyncio.to_thread(say, there, "--by", "Anna", "--city", "melton")

    database = open_database(f"sqlite:///{there}")
    async with database.read() as connection:
        line = (await cases.log(connection, ROUND, MELTON))[-1]
        (found,) = await cases.read(connection, ROUND, [MELTON])
    await database.close()
    assert (line.actor, found.state) == ("Anna", State.NOT_SUBMITTED)
    assert found.released_at is not None
    assert str(line.letter).startswith("Subject: The membership of Melton is not renewed")
