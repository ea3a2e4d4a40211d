"""What `make chaos` plays at length, in small: the service against a mail server that does everything wrong,
against a database that drops its connections, and killed in the middle. Both books are compared (auditor)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from chaos import outbox, staff, talks
from chaos.auditor import audit
from chaos.certificates import Certificate, context, write_authority
from chaos.faults import CUT_INSIDE, LOST, QUIT_HANGS, SAID_AND_CUT, TAKEN_UNSAID, Fault, Manners, Step
from chaos.house import House, address
from chaos.mail_server import MailServer
from chaos.trial import until
from scheduler.model.network import Configuration
from scheduler.service.apply import put_in_force
from scheduler.service.bootstrap import build_daemon
from scheduler.service.daemon import Daemon
from scheduler.settings import Settings
from scheduler.store.database import open_database
from tests.cast import CONFIG

CITIES = 25
#: How many mails may be on their way: what one crash may repeat.
IN_FLIGHT = 10
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
ON_POSTGRESQL = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
GONE = frozenset({address(3), address(14)})
NO_USER = "550 5.1.1 no such mailbox"


@pytest.fixture(scope="module")
def invited(tmp_path_factory: pytest.TempPathFactory) -> Configuration:
    """A talk in five hours, to which each city must be invited."""
    house = House(tmp_path_factory.mktemp("kills") / "house").furnish(CITIES)
    return talks.only_invitations(staff.configuration_of(talks.prepare(house)))


@asynccontextmanager
async def serving(
    url: str, configuration: Configuration, server: MailServer, folder: Path, **more: Any
) -> AsyncIterator[Daemon]:
    """All but HTTP, in the test's own process; waits are a hundredth of what they are elsewhere."""
    database = open_database(url, durable=False)
    await put_in_force(database, configuration, now=datetime.now(UTC), by="staff", replaces=None)
    impatient: dict[str, Any] = {"tick_seconds": 1, "breaker_seconds": 0.05, "retry_minutes": "0.002"}
    files: dict[str, Any] = {"config": CONFIG, "data": folder, "secret_key": "k" * 32}
    settings = Settings(mail_url=server.url, max_in_flight=IN_FLIGHT, **files, **impatient, **more)
    daemon = build_daemon(settings, database)
    async with daemon.running():
        yield daemon
    await database.close()


async def all_done(url: str) -> None:
    """Every row is at its end."""
    assert await until(lambda: outbox.count(url, f"NOT {outbox.UNSENT}") == CITIES, every=0.1)


async def comes(claim: Callable[[], bool]) -> None:
    assert await until(claim)


@pytest.mark.parametrize(
    "faults",
    [
        (replace(CUT_INSIDE, share=0.2), replace(LOST, share=0.2)),  # S02
        (replace(TAKEN_UNSAID, share=0.2),),  # S03
        (SAID_AND_CUT, QUIT_HANGS),  # S04
    ],
    ids=["swallowed", "taken without a word", "rude farewell"],
)
@ON_SQLITE
async def test_whatever_a_line_does_everybody_is_invited_once(
    faults: tuple[Fault, ...], invited: Configuration, database_url: str, tmp_path: Path
) -> None:
    """But for what was taken and not said: that must be repeated, word for word."""
    with MailServer(6, Manners(faults)).running() as server:
        async with serving(database_url, invited, server, tmp_path):
            await all_done(database_url)
    found = audit(talks.owed_invitations(CITIES), server.journal.taken)

    assert found.is_whole, found
    assert found.charged == 0


@ON_SQLITE
async def test_later_is_tried_again_and_never_is_not(
    invited: Configuration, database_url: str, tmp_path: Path
) -> None:
    """S01."""
    faults = (
        Fault(Step.RCPT, NO_USER, to=GONE),
        Fault(Step.RCPT, "450 4.2.1 mailbox busy", share=0.2),
        Fault(Step.RCPT, "421 4.3.2 going down", share=0.05),
        Fault(Step.DOT, "452 4.3.1 disk full", share=0.1),
    )
    with MailServer(6, Manners(faults)).running() as server:
        async with serving(database_url, invited, server, tmp_path):
            await all_done(database_url)
    found = audit(talks.owed_invitations(CITIES, but=GONE), server.journal.taken)

    assert found.is_whole, found
    assert found.charged == 0
    assert sorted(to for _, to in server.journal.tries if to in GONE) == sorted(GONE)
    assert outbox.count(database_url, f"state = 'failed' AND reason LIKE '%{NO_USER}%'") == len(GONE)


@pytest.mark.parametrize("bad", [Certificate.SELF_SIGNED, None], ids=["self-signed", "no STARTTLS"])
@ON_SQLITE
async def test_where_tls_is_not_as_it_must_be_all_wait_and_a_person_is_told(
    bad: Certificate | None, invited: Configuration, database_url: str, tmp_path: Path
) -> None:
    """S10: of a host that is not "this machine" by name the service demands STARTTLS. Each certificate that
    is not to be trusted has its line in tests/mail/test_smtp.py."""
    host, ca = "0.0.0.0", tmp_path / "authority.pem"  # noqa: S104 - our own server
    write_authority(ca)
    server = MailServer(host=host, starttls=context(bad, host) if bad else None)
    with server.running():
        async with serving(database_url, invited, server, tmp_path, mail_ca=ca) as daemon:
            await comes(lambda: any("the mail server is away" in one for one in daemon.health().warnings))
            begun = server.journal.counts["MAIL"]
            waiting = outbox.count(database_url, f"{outbox.UNSENT} AND attempts = 0")
            server.starttls = context(Certificate.GOOD, host)
            await all_done(database_url)
    found = audit(talks.owed_invitations(CITIES), server.journal.taken)

    assert (begun, waiting) == (0, CITIES)
    assert found.is_whole, found


@ON_POSTGRESQL
async def test_a_database_that_drops_its_connections_costs_no_mail(
    postgres: str, invited: Configuration, database_url: str, tmp_path: Path
) -> None:
    """As D01 and D04: three times in the middle of a fan-out."""
    name = database_url.rpartition("?")[0].rpartition("/")[2]
    with MailServer(manners=Manners(seconds_per_message=0.1)).running() as server:
        async with serving(database_url, invited, server, tmp_path):
            for share in (1, 2, 3):
                await comes(lambda share=share: len(server.journal.taken) >= share * CITIES // 5)  # type: ignore[misc]
                await asyncio.to_thread(drop_connections, postgres, name)
            await all_done(database_url)
    found = audit(talks.owed_invitations(CITIES), server.journal.taken)

    assert found.is_whole, found
    assert found.charged <= 3 * IN_FLIGHT


def drop_connections(server: str, database: str) -> None:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (database,)
        )


# destructive; row C01 of `make chaos` does it at full size
@pytest.mark.chaos
async def test_a_kill_loses_nothing_and_repeats_what_was_on_its_way_at_the_most(tmp_path: Path) -> None:
    """One point of C02, with real processes on one SQLite file."""
    house = talks.prepare(House(tmp_path / "house").furnish(CITIES))
    house.environment["SCHEDULER_MAX_IN_FLIGHT"] = str(IN_FLIGHT)
    with MailServer(manners=Manners(seconds_per_message=0.05)).running() as server:
        house.environment["SCHEDULER_MAIL_URL"] = server.url
        async with house.launching() as service:
            await comes(lambda: len(server.journal.taken) >= CITIES)
            service.kill()
        at_the_kill = len(server.journal.taken)
        async with house.serving():
            await talks.done(house, 2 * CITIES)
    found = audit(talks.owed(CITIES), server.journal.taken)

    assert at_the_kill < 2 * CITIES
    assert found.is_whole, found
    assert found.charged <= IN_FLIGHT
    assert outbox.integrity(house.database_url) == "ok"
