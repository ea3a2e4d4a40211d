"""A report that comes over HTTP while the service is at work: what asks for it stops, and a receipt goes out.

Here the daemon runs on the real clock, with a mail server that first says "later" to the reminder.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from email import message_from_bytes
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import httpx
from pydantic import SecretStr
from sqlalchemy import select

from scheduler.model.cycles import Deadline
from scheduler.model.network import Configuration
from scheduler.model.notices import Days, Kind, NoticeRule, QuietHours
from scheduler.service.apply import put_in_force
from scheduler.service.bootstrap import build_daemon
from scheduler.settings import Settings
from scheduler.store import tables
from scheduler.store.database import Database
from scheduler.web.app import Site
from scheduler.web.server import serving
from scheduler.web.shelf import Shelf
from tests.cast import CONFIG, MANTES, a_configuration, member, open_house
from tests.mail.relay import RecordingRelay, a_relay
from tests.service.test_cases import ROUND, the_round

SECRET = "0123456789-of-the-survey"  # noqa: S105 - of this test
LATER = "450 4.2.0 greylisted"
#: Seconds within which all is over; a story allows a minute.
SOON = 20


def with_a_reminder_an_hour_ago(now: datetime) -> Configuration:
    """One city, and no other mails of the round but that and the receipt.

    It has neither nights nor weekends: whenever this runs, nothing waits for the next morning.
    """
    due = (now - timedelta(hours=1)).astimezone(ZoneInfo(member(MANTES).zone))
    deadline = Deadline(due.date() + timedelta(days=7), due.time(), "Europe/Berlin")
    received = next(rule for rule in the_round().rules if rule.kind is Kind.REPORT_RECEIVED)
    reminder = NoticeRule("week", Kind.REPORT_REMINDER, ("coordinator",), Days(-7, due.time()))
    opens = due.date() - timedelta(days=30)
    cycle = replace(the_round(opens=opens, deadline=deadline), rules=(reminder, received))
    city = replace(member(MANTES), weekend=())
    network = replace(open_house().network, quiet_hours=QuietHours(time(0), time(0)))
    return replace(a_configuration(), members=(city,), cycles=(cycle,), network=network)


@asynccontextmanager
async def a_service(
    database: Database, relay: RecordingRelay, folder: Path
) -> AsyncIterator[httpx.AsyncClient]:
    """At work, and a program that has a key."""
    now = datetime.now(UTC)
    found = with_a_reminder_an_hour_ago(now)
    await put_in_force(database, found, now=now - timedelta(hours=12), by="staff", replaces=None)
    impatient: dict[str, Any] = {"tick_seconds": 1, "secret_key": "k" * 32}
    relayed = f"smtp://127.0.0.1:{relay.port}"
    daemon = build_daemon(Settings(config=CONFIG, data=folder, mail_url=relayed, **impatient), database)
    site = Site(
        daemon, Shelf(daemon.in_force, daemon.clock, daemon.links), (), [("survey", SecretStr(SECRET))]
    )
    headers = {"host": str(urlsplit(daemon.links.base_url).netloc), "authorization": f"Bearer {SECRET}"}
    async with (
        daemon.running(),
        serving(site, "127.0.0.1", 0) as http,
        httpx.AsyncClient(base_url=http.address, headers=headers) as client,
    ):
        yield client


async def states(database: Database) -> dict[str, str]:
    """Kind -> state of the one row of each."""
    async with database.read() as connection:
        rows = await connection.execute(select(tables.outbox.c.kind, tables.outbox.c.state))
        return {kind: state for kind, state in rows}  # noqa: C416 - rows are no pairs


async def until_it_is(database: Database, kind: str, state: str) -> None:
    async with asyncio.timeout(SOON):
        while (await states(database)).get(kind) != state:  # noqa: ASYNC110 - rows ring no bell of ours
            await asyncio.sleep(0.05)


async def test_a_report_stops_its_reminder_and_gets_a_receipt(database: Database, tmp_path: Path) -> None:
    """US-24.2: within a minute; the reminder waits for the mail server, and would go in another one."""
    async with a_relay() as relay:
        relay.answers("RCPT", LATER)
        async with a_service(database, relay, tmp_path) as client:
            await relay.until(lambda: any(command.startswith("RCPT") for command in relay.commands))
            await until_it_is(database, "report-reminder", "deferred")
            said_at = monotonic()

            answer = await client.post(
                f"/api/cases/{ROUND}/{MANTES}", json={"state": "submitted"}, headers={"idempotency-key": "1"}
            )
            await relay.until(lambda: bool(relay.messages))
            took = monotonic() - said_at
            await until_it_is(database, "report-received", "sent")

        (mail,) = relay.messages
        found = await states(database)

    assert (answer.json()["withdrawn"], answer.json()["receipts"]) == (1, 1)
    assert "received" in str(message_from_bytes(mail.octets)["Message-ID"])
    assert took < SOON
    assert found == {"report-reminder": "withdrawn", "report-received": "sent"}
