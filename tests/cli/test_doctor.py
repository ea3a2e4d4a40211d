"""What ops see in one screen. Expected lines are written as they are printed."""

from __future__ import annotations

import asyncio
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from threading import Event

import pytest
from sqlalchemy import text

from scheduler.cli.checkup import database as databases
from scheduler.cli.checkup import files, machine, mail, written
from scheduler.cli.checkup.database import Look
from scheduler.cli.checkup.files import Files
from scheduler.cli.checkup.finding import Finding, Level, look_at_all
from scheduler.service.apply import put_in_force
from scheduler.settings import Settings
from scheduler.store import installation
from scheduler.store.database import Database, open_database
from scheduler.store.lock import serving
from scheduler.store.migrate import migrate
from tests.cast import CONFIG, real
from tests.cli.typed import started, typed
from tests.mail.relay import a_relay

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def at(folder: Path, **environment: str) -> dict[str, str]:
    ours = {"SCHEDULER_DATA": str(folder), "SCHEDULER_CONFIG": str(CONFIG), "SCHEDULER_LISTEN": "127.0.0.1:0"}
    return {**ours, **environment}


def settings(folder: Path, **written: str) -> Settings:
    return Settings.model_validate({"data": folder, "config": CONFIG, **written})


def levels(findings: Iterator[Finding]) -> list[Level]:
    return [finding.level for finding in findings]


async def prepare(url: str, now: datetime = NOW) -> Database:
    database = open_database(url, durable=False)
    await migrate(database)
    await put_in_force(database, real(), now=now, by="staff", replaces=None)
    return database


# as it is typed


def test_a_new_installation_has_no_problem(tmp_path: Path) -> None:
    done = started("doctor", environment=at(tmp_path / "var"))

    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == "OK: 0 problems, 2 warnings"


def test_doctor_makes_nothing(tmp_path: Path) -> None:
    typed("doctor", environment=at(tmp_path / "var"))

    assert list(tmp_path.iterdir()) == []


def test_secrets_are_stars(tmp_path: Path) -> None:
    secrets = {
        "SCHEDULER_DATABASE_URL": "postgresql://user:geheim@127.0.0.1:1/name",
        "SCHEDULER_MAIL_URL": "smtp://user:geheim@127.0.0.1:1",
        "SCHEDULER_SECRET_KEY": "geheim" * 10,
    }

    done = typed("doctor", environment=at(tmp_path, **secrets))

    assert "geheim" not in done.stdout + done.stderr
    assert "smtp://user:***@127.0.0.1:1\n" in done.stdout
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == "Not well: 2 problems, 2 warnings"


def test_a_setting_that_cannot_be_read_is_a_line(tmp_path: Path) -> None:
    done = typed("doctor", environment=at(tmp_path, SCHEDULER_LISTEN="here"))

    assert done.returncode == 1
    assert done.stdout.startswith("problem  settings      SCHEDULER_LISTEN: write host and port")
    assert done.stderr == ""


def test_settings_are_shown_as_they_are_written(tmp_path: Path) -> None:
    given = {
        "amnesty_hours": "36",
        "hold_uncertain": "invitation,changed",
        "keep_days": "500",
        "retry_minutes": "1,2.5",
        "tick_seconds": "30",
    }

    shown = dict(line.split(None, 1) for line in written.lines_of(settings(tmp_path, **given)))

    assert {name: shown[f"SCHEDULER_{name.upper()}"] for name in given} == given


def test_kinds_of_mails_that_are_none_are_a_line(tmp_path: Path) -> None:
    (finding,) = written.of_kinds(settings(tmp_path, hold_uncertain="invitations"))

    assert "SCHEDULER_HOLD_UNCERTAIN: write all, or some of announcement, invitation," in str(finding)
    assert list(written.of_kinds(settings(tmp_path, hold_uncertain="all"))) == []
    assert list(written.of_kinds(settings(tmp_path, hold_uncertain="invitation, changed"))) == []


def test_keys_of_programs_are_named_by_who_has_them(tmp_path: Path) -> None:
    given = {"api_keys": f"survey:{'geheim' * 4},site:0123456789abcdef01234567"}
    (shown,) = (line for line in written.lines_of(settings(tmp_path, **given)) if "API_KEYS" in line)

    weak, well = written.of_api_keys(settings(tmp_path, **given))
    (in_the_open, _) = written.of_api_keys(
        settings(tmp_path, api_keys="site:0123456789abcdef01234567", base_url="http://cities.example")
    )
    (none,) = written.of_api_keys(settings(tmp_path))

    assert shown.split() == ["SCHEDULER_API_KEYS", "survey:***,site:***"]
    assert (weak.level, weak.what) == (
        Level.WARNING,
        "the key of survey repeats a few letters again and again",
    )
    assert (well.level, well.what) == (Level.OK, "keys of survey, site")
    assert "keys travel in the open" in in_the_open.what
    assert none.what == "no key is given out, so all below /api/ answers 404"


# the frame


def test_a_check_that_hangs_or_fails_stops_no_other() -> None:
    forever = Event()

    def hangs() -> Iterator[Finding]:
        forever.wait()
        yield from ()

    def fails() -> Iterator[Finding]:
        raise ValueError("secret")
        yield

    def works() -> Iterator[Finding]:
        yield Finding(Level.OK, "third", "is well")

    found = look_at_all({"first": hangs, "second": fails, "third": works}, patience=0.2)

    forever.set()
    assert [str(finding) for finding in found] == [
        "problem  first         did not answer within 0.2 seconds -> see whether disk and net are well",
        "problem  second        the check itself failed (ValueError) -> tell the developers",
        "ok       third         is well",
    ]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("sqlite:///var/scheduler.sqlite", "sqlite:///var/scheduler.sqlite"),
        ("maildir:var/mailbox", "maildir:var/mailbox"),
        ("postgresql://u:p@host:5432/name", "postgresql://u:***@host:5432/name"),
        ("postgresql://u:p@ss/w:rd@host/name", "postgresql://u:***@host/name"),
        ("postgresql://:p@host/name", "postgresql://:***@host/name"),
        ("postgresql://u@host/name?sslmode=require", "postgresql://u@host/name?sslmode=require"),
        (
            "postgresql:///name?host=/run&user=u&password=p&x=y",
            "postgresql:///name?host=/run&user=u&password=***&x=y",
        ),
        ("postgresql://u:p@a:1,b:2/name", "postgresql://u:***@a:1,b:2/name"),
        ("smtp://u:p@[::1]:587", "smtp://u:***@[::1]:587"),
        ("smtp://u:p/host", "***"),
        ("smtp:u:p@host", "***"),
        ("secret", "***"),
    ],
)
def test_a_password_is_never_shown(url: str, shown: str) -> None:
    assert written.masked(url) == shown


def test_a_misspelt_setting_is_found() -> None:
    found = list(written.unknown_names({"SCHEDULER_DATABSE_URL": "x", "SCHEDULER_CONFIG": "y", "HOME": "z"}))

    assert [finding.do for finding in found] == ["did you mean SCHEDULER_DATABASE_URL?"]


# files


def test_errors_in_the_configuration_are_a_problem(tmp_path: Path) -> None:
    (finding,) = files.of_configuration(Files(tmp_path / "nowhere"))

    assert finding.level is Level.PROBLEM
    assert finding.do == "see all with: scheduler check"


def test_a_folder_that_cannot_be_written_is_a_problem() -> None:
    assert levels(files.of_folder("data folder", Path("/proc/var"))) == [Level.PROBLEM]


@pytest.mark.parametrize(
    ("free", "level"), [(5_000_000, Level.PROBLEM), (500_000_000, Level.WARNING), (50_000_000_000, Level.OK)]
)
def test_a_full_disk_is_said(free: int, level: Level) -> None:
    assert files.of_space("data folder", Path("var"), free, is_there=True).level is level


@pytest.mark.parametrize(
    ("key", "mode", "level"),
    [
        ("k" * 64, 0o600, Level.OK),
        ("k" * 64, 0o644, Level.WARNING),
        ("k" * 31, 0o600, Level.WARNING),
        ("\n", 0o600, Level.PROBLEM),
    ],
)
def test_a_key_file_is_long_and_for_its_owner(tmp_path: Path, key: str, mode: int, level: Level) -> None:
    file = tmp_path / "secret-key"
    file.write_text(key)
    file.chmod(mode)

    assert levels(files.of_key(settings(tmp_path))) == [level]


def test_a_key_that_is_lost_beside_a_database_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "scheduler.sqlite").touch()

    assert levels(files.of_key(settings(tmp_path))) == [Level.PROBLEM]


def test_a_key_in_a_file_is_of_no_use_to_replicas(tmp_path: Path) -> None:
    found = files.of_key(settings(tmp_path, database_url="postgresql://host/name"))

    assert levels(found) == [Level.WARNING, Level.OK]


def test_a_short_key_in_the_environment_is_a_warning(tmp_path: Path) -> None:
    assert levels(files.of_key(settings(tmp_path, secret_key="k" * 31))) == [Level.WARNING]


# the database


async def test_a_database_that_sends_is_well(tmp_path: Path) -> None:
    database = await prepare(f"sqlite:///{tmp_path / 'scheduler.sqlite'}")

    found = await asyncio.to_thread(lambda: list(databases.of_database(settings(tmp_path), NOW)))

    assert [(finding.level, finding.about) for finding in found] == [
        (Level.OK, "database"),
        (Level.OK, "in force"),
        (Level.WARNING, "sending"),  # only_to of the example
    ]
    await database.close()


async def test_a_held_copy_is_a_warning(tmp_path: Path) -> None:
    database = await prepare(f"sqlite:///{tmp_path / 'scheduler.sqlite'}")
    async with database.write() as connection:
        await installation.hold(connection)

    found = await asyncio.to_thread(lambda: list(databases.of_database(settings(tmp_path), NOW)))

    assert "held: this database is a copy, and sends nothing" in [finding.what for finding in found]
    await database.close()


async def test_a_postgresql_is_asked_for_version_and_time(empty_postgres: str, tmp_path: Path) -> None:
    database = await prepare(empty_postgres)
    there = settings(tmp_path, database_url=empty_postgres)

    found = await asyncio.to_thread(lambda: list(databases.of_database(there, NOW - timedelta(days=900))))

    said = [finding.what for finding in found]
    assert said[0].startswith("PostgreSQL 1")
    assert any("behind what the database has settled" in what for what in said)
    assert any("that of the database server are" in what for what in said)
    await database.close()


@pytest.mark.parametrize(
    ("version", "said"), [("0001", "older tables than this program"), ("9999", "newer program")]
)
async def test_other_tables_are_a_problem(tmp_path: Path, version: str, said: str) -> None:
    database = await prepare(f"sqlite:///{tmp_path / 'scheduler.sqlite'}")
    async with database.write() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = :it"), {"it": version})

    (finding,) = await asyncio.to_thread(lambda: list(databases.of_database(settings(tmp_path), NOW)))

    assert finding.level is Level.PROBLEM
    assert said in finding.what
    await database.close()


def test_a_copy_made_by_hand_is_not_touched(tmp_path: Path) -> None:
    file = tmp_path / "scheduler.sqlite"
    with closing(sqlite3.connect(file)) as made:
        made.execute("CREATE TABLE letters (id INTEGER)")
    before = file.read_bytes()

    found = levels(databases.of_database(settings(tmp_path), NOW))

    assert found == [Level.WARNING]
    assert file.read_bytes() == before
    assert list(tmp_path.iterdir()) == [file]


def test_a_file_that_is_no_database_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "scheduler.sqlite").write_bytes(b"a letter " * 1000)

    assert levels(databases.of_database(settings(tmp_path), NOW)) == [Level.PROBLEM]


@pytest.mark.parametrize(
    "url", ["nonsense", "mysql://u:p@host/name", "postgresql://u:p@127.0.0.1:1/x", "sqlite://"]
)
def test_a_database_that_is_away_is_a_problem(tmp_path: Path, url: str) -> None:
    assert Level.PROBLEM in levels(databases.of_database(settings(tmp_path, database_url=url), NOW))


def test_a_network_file_systemis_known_by_its_mount(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"/dev/sda / ext4 rw 0 0\nserver:/x {tmp_path.resolve()} nfs4 rw 0 0\n")

    assert databases.file_system_of(tmp_path / "var", mounts) == "nfs4"
    assert databases.file_system_of(Path("/usr"), mounts) == "ext4"


# mail


def test_the_mailbox_is_named_as_such(tmp_path: Path) -> None:
    (finding,) = mail.of_mail(settings(tmp_path))

    assert finding.level is Level.WARNING
    assert "no city gets any" in finding.what
    assert list(tmp_path.iterdir()) == []


async def test_a_mail_server_is_asked_without_sending(tmp_path: Path) -> None:
    async with a_relay() as relay:
        there = settings(tmp_path, mail_url=f"smtp://127.0.0.1:{relay.port}")
        (finding,) = await asyncio.to_thread(lambda: list(mail.of_mail(there)))

    assert finding.level is Level.OK
    assert "takes mail without a log-in" in finding.what
    assert relay.messages == []


@pytest.mark.parametrize("url", ["smtp://u:geheim@127.0.0.1:1", "smpt://u:geheim@host", "nonsense:geheim"])
def test_a_mail_server_that_cannot_be_had_is_a_problem(tmp_path: Path, url: str) -> None:
    (finding,) = mail.of_mail(settings(tmp_path, mail_url=url))

    assert finding.level is Level.PROBLEM
    assert "geheim" not in str(finding)


# the world around


@pytest.mark.parametrize(
    ("url", "is_set", "level"),
    [
        ("https://calendar.learning-cities.example", False, Level.WARNING),
        ("https://calendar.cities.example", True, Level.WARNING),
        ("http://calendar.unesco.org", True, Level.WARNING),
        ("https://calendar.unesco.org", True, Level.OK),
    ],
)
def test_the_base_url_is_what_cities_can_reach(url: str, is_set: bool, level: Level) -> None:
    assert levels(machine.of_base_url(url, is_set)) == [level]


def test_an_address_that_is_taken_is_a_problem() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        (finding,) = machine.of_listen("127.0.0.1", taken.getsockname()[1])

    assert finding.level is Level.PROBLEM
    assert finding.do.startswith("end the other program")


async def test_an_address_that_we_serve_is_well() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        said = b'{"status": "alive", "tick_age_seconds": 0.1}'
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(said), said))
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]

    (finding,) = await asyncio.to_thread(lambda: list(machine.of_listen("127.0.0.1", port)))

    server.close()
    await server.wait_closed()
    assert finding.what == f"127.0.0.1:{port} is served by a scheduler already"


@pytest.mark.parametrize(
    ("behind", "apart", "expected"),
    [
        (timedelta(seconds=30), timedelta(seconds=30), []),
        (timedelta(seconds=90), timedelta(0), [Level.PROBLEM]),
        (timedelta(days=-3), timedelta(seconds=-90), [Level.WARNING]),
    ],
)
def test_a_clock_is_compared_with_the_database(
    behind: timedelta, apart: timedelta, expected: list[Level]
) -> None:
    look = Look("PostgreSQL 18.1", NOW + apart, NOW + behind, None, None)

    assert levels(databases.of_clocks(look, NOW)) == expected


@pytest.mark.parametrize(("year", "level"), [(1970, Level.PROBLEM), (2026, Level.OK)])
def test_a_clock_that_was_never_set_is_a_problem(year: int, level: Level) -> None:
    assert levels(machine.of_year(NOW.replace(year=year), "2026f")) == [level]


@pytest.mark.parametrize(
    ("today", "level"), [(date(2027, 7, 1), Level.OK), (date(2027, 7, 2), Level.WARNING)]
)
def test_an_old_tz_database_is_a_warning(today: date, level: Level) -> None:
    assert levels(machine.of_time_zones(today, "2026f")) == [level]


@pytest.mark.parametrize(
    ("limit", "mails", "level"),
    [
        (256, 10, Level.WARNING),
        (1024, 10, Level.OK),
        (1024, 1000, Level.WARNING),
        (4096, 1000, Level.OK),
        (-1, 1000, Level.OK),
    ],
)
def test_fewer_open_files_than_are_needed_are_a_warning(limit: int, mails: int, level: Level) -> None:
    assert levels(machine.of_open_files(limit, mails)) == [level]


async def test_doctor_looks_while_a_service_runs(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'scheduler.sqlite'}"
    database = await prepare(url, datetime.now(UTC))
    (tmp_path / "secret-key").write_text("k" * 64)
    (tmp_path / "secret-key").chmod(0o600)

    async with serving(database, url):
        done = await asyncio.to_thread(typed, "doctor", environment=at(tmp_path))

    assert done.returncode == 0, done.stdout
    await database.close()
