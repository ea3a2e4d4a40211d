"""The whole service on the real clock, in the test's own process: SQLite and PostgreSQL, a real mail server.

Sessions in files begin at full minutes; here they are put in force with seconds, so that nobody waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import func, select

from scheduler.model.network import Configuration
from scheduler.model.notices import Kind, MinutesBefore, NoticeRule
from scheduler.model.series import Status
from scheduler.service.apply import put_in_force
from scheduler.service.bootstrap import build_daemon
from scheduler.service.daemon import Daemon
from scheduler.settings import Settings
from scheduler.store import holds, tables
from scheduler.store.database import Database, open_database
from scheduler.store.holds import Hold
from scheduler.store.migrate import migrate
from tests.cast import CONFIG, MANTES, MELTON, a_configuration, a_series, a_session
from tests.mail.relay import Received, RecordingRelay, a_relay
from tests.serving.house import until

#: How late a reminder may be.
PUNCTUAL = timedelta(seconds=2)
SOON = NoticeRule("soon", Kind.REMINDER, ("coordinator",), MinutesBefore(1))


def a_session_in(seconds: float) -> Configuration:
    """One session, its reminder due in so many seconds; nobody waits for a change to settle."""
    starts = datetime.now(UTC) + timedelta(minutes=1, seconds=seconds)
    session = a_session(on=starts.date(), start=starts.time(), end=None, zone="+00:00")
    rules = tuple(rule for rule in a_series().rules if rule.kind is not Kind.REMINDER)
    series = a_series(session, announced=starts.date() - timedelta(days=30), rules=(*rules, SOON))
    found = a_configuration(series, members=(MANTES, MELTON))
    return replace(found, network=replace(found.network, settle=timedelta(0)))


@asynccontextmanager
async def serving(
    database: Database, configuration: Configuration, tmp_path: Path, **more: Any
) -> AsyncIterator[Daemon]:
    """In force at once. The files differ, and wait for a person."""
    await put_in_force(database, configuration, now=datetime.now(UTC), by="staff", replaces=None)
    impatient: dict[str, Any] = {"tick_seconds": 1, "breaker_seconds": 0.05, "secret_key": "k" * 32}
    settings = Settings(config=CONFIG, data=tmp_path, **impatient, **more)
    daemon = build_daemon(settings, database)
    async with daemon.running():
        yield daemon


def over_smtp(relay: RecordingRelay) -> str:
    return f"smtp://127.0.0.1:{relay.port}"


def rule_of(mail: Received) -> str:
    """Gives "soon" of a Message-ID such as <first.talks.soon.20270614T1100Z.7@learning-cities.example>."""
    return str(message_from_bytes(mail.octets)["Message-ID"].partition("@")[0].split(".")[-3])


def mails_sent(daemon: Daemon) -> float:
    """How many are marked."""
    value = daemon.meters.registry.get_sample_value
    return sum(value("scheduler_mails_sent_total", {"kind": kind.value}) or 0 for kind in Kind)


def reminders(relay: RecordingRelay) -> list[str]:
    """Who was reminded."""
    return [mail.to for mail in relay.messages if rule_of(mail) == "soon"]


def due_at(configuration: Configuration) -> datetime:
    session = configuration.series[0].sessions[0]
    assert session.start
    return datetime.combine(session.on, session.start, UTC) - timedelta(minutes=1)


async def test_a_session_is_announced_invited_and_reminded_by_itself(
    database: Database, tmp_path: Path
) -> None:
    configuration = a_session_in(3)
    async with a_relay() as relay, serving(database, configuration, tmp_path, mail_url=over_smtp(relay)):
        await relay.until(lambda: len(relay.messages) == 6)
        late = datetime.now(UTC) - due_at(configuration)

    rules = list(map(rule_of, relay.messages))
    assert timedelta(0) <= late < PUNCTUAL
    assert sorted(rules[:4]) == ["announcement", "announcement", "invitation", "invitation"]
    assert rules[4:] == ["soon", "soon"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_into_the_mailbox_it_is_as_punctual(database: Database, tmp_path: Path) -> None:
    configuration = a_session_in(3)
    async with serving(database, configuration, tmp_path):
        await until(lambda: len(list((tmp_path / "mailbox" / "new").iterdir())) == 6)

        late = datetime.now(UTC) - due_at(configuration)

    assert timedelta(0) <= late < PUNCTUAL


async def test_a_database_that_was_away_does_not_stop_the_clock(
    postgres: str, empty_postgres: str, tmp_path: Path
) -> None:
    """All its connections are cut and new ones refused while the engine looks again and again (D06)."""
    database = open_database(empty_postgres)
    await migrate(database)
    name = empty_postgres.rpartition("?")[0].rpartition("/")[2]
    configuration = a_session_in(4)
    async with (
        a_relay() as relay,
        serving(database, configuration, tmp_path, mail_url=over_smtp(relay)) as daemon,
    ):
        await relay.until(lambda: len(relay.messages) == 4)
        # a reminder is not sent beside an invitation that is still on its way: it is to be marked
        await until(lambda: mails_sent(daemon) == 4)
        with psycopg.connect(postgres, autocommit=True) as connection:
            connection.execute(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS false")
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,)
            )
            await until(lambda: not daemon.lookout.is_database_there)
            was_ready = not daemon.health().not_ready
            was_alive = daemon.clock.is_alive
            connection.execute(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS true")
        await relay.until(lambda: len(reminders(relay)) == 2)
        late = datetime.now(UTC) - due_at(configuration)
    await database.close()

    assert (was_ready, was_alive) == (False, True)
    assert timedelta(0) <= late < PUNCTUAL
    assert len(relay.messages) == 6


async def test_nothing_is_sent_that_cannot_be_marked(
    postgres: str, empty_postgres: str, tmp_path: Path
) -> None:
    """The database is read-only for a while, as a standby is, and the reminder falls due meanwhile (D07)."""
    database = open_database(empty_postgres)
    await migrate(database)
    name = empty_postgres.rpartition("?")[0].rpartition("/")[2]
    configuration = a_session_in(3)
    async with (
        a_relay() as relay,
        serving(database, configuration, tmp_path, mail_url=over_smtp(relay)) as daemon,
    ):
        await relay.until(lambda: len(relay.messages) == 4)
        # a reminder is not sent beside an invitation that is still on its way: it is to be marked
        await until(lambda: mails_sent(daemon) == 4)
        with psycopg.connect(postgres, autocommit=True) as connection:
            for is_read_only in ("on", "off"):
                connection.execute(
                    f"ALTER DATABASE {name} SET default_transaction_read_only = {is_read_only}"
                )
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,)
                )
                if is_read_only == "on":
                    await until(lambda: "the database is read-only" in daemon.health().not_ready)
                    await until(lambda: datetime.now(UTC) > due_at(configuration) + PUNCTUAL / 10)
                    sent, is_alive = len(relay.messages), daemon.clock.is_alive
        await relay.until(lambda: len(reminders(relay)) == 2)
        await until(lambda: not daemon.health().not_ready)
    await database.close()

    assert (sent, is_alive) == (4, True)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_clock_whose_timer_died_is_mended(database: Database, tmp_path: Path) -> None:
    """One error inside APScheduler 3.11.3 disarms its timer for good, and `running` stays True (A2)."""
    configuration = a_session_in(3)
    async with (
        a_relay() as relay,
        serving(database, configuration, tmp_path, mail_url=over_smtp(relay)) as daemon,
    ):
        daemon.clock._scheduler._stop_timer()
        await relay.until(lambda: len(reminders(relay)) == 2)
        late = datetime.now(UTC) - due_at(configuration)

    assert timedelta(0) <= late < PUNCTUAL


async def test_what_was_decided_elsewhere_is_seen_within_seconds(database: Database, tmp_path: Path) -> None:
    """A command in another process cancels the session; whoever was invited hears of it at once."""
    configuration = a_session_in(600)
    async with (
        a_relay() as relay,
        serving(database, configuration, tmp_path, mail_url=over_smtp(relay)) as daemon,
    ):
        await relay.until(lambda: len(relay.messages) == 4)
        (series,) = configuration.series
        (session,) = series.sessions
        gone = replace(series, sessions=(replace(session, status=Status.CANCELLED),))
        in_force = await daemon.in_force()
        assert in_force
        changed = replace(configuration, series=(gone,))
        await put_in_force(database, changed, now=datetime.now(UTC), by="Anna", replaces=in_force.hash)
        await relay.until(lambda: len(relay.messages) == 6)

    assert list(map(rule_of, relay.messages[4:])) == ["cancelled", "cancelled"]


async def reminders_made(database: Database) -> int:
    query = select(func.count()).where(tables.outbox.c.kind == Kind.REMINDER.value)
    async with database.read() as connection:
        return await connection.scalar(query) or 0


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_what_a_command_holds_back_leaves_when_another_lets_it_go(
    database: Database, tmp_path: Path
) -> None:
    """The reminder falls due while it is held: its rows are made, and go out with the second command."""
    configuration = a_session_in(2)
    held = Hold("talks", datetime.now(UTC), "Anna", "")
    async with (
        a_relay() as relay,
        serving(database, configuration, tmp_path, mail_url=over_smtp(relay)) as daemon,
    ):
        await relay.until(lambda: len(relay.messages) == 4)
        async with database.write() as connection:
            await holds.put(connection, held)
        while await reminders_made(database) < 2:  # noqa: ASYNC110 - rows ring no bell of ours
            await asyncio.sleep(0.05)
        await until(lambda: daemon.lookout.holds == (held,))
        (_, warning) = daemon.health().warnings
        while_held = len(relay.messages)
        async with database.write() as connection:
            await holds.lift(connection, held, "Bert", datetime.now(UTC))
        await relay.until(lambda: len(reminders(relay)) == 2)

    assert while_held == 4
    assert warning.startswith("held by a person since ")
    assert warning.endswith(": talks; let it go with: scheduler resume")
