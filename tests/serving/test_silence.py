"""X05: whatever happens to a service, at whatever level it logs, its log names nobody and gives nothing away.

Everything that can go wrong goes wrong once, and each time the other side quotes what it should not.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from scheduler.model.network import Configuration
from scheduler.service.bounces import Bounces
from scheduler.service.daemon import Daemon
from scheduler.service.return_paths import ReturnPaths
from scheduler.store.database import Database
from scheduler.web.app import Site
from scheduler.web.server import serving as serving_http
from scheduler.web.shelf import Shelf
from tests.cast import DOHA, MANTES, MELTON, a_configuration, member
from tests.logged import logged
from tests.mail import reports
from tests.mail.relay import Received, RecordingRelay, a_relay
from tests.serving.test_daemon import a_session_in, serving

PASSWORD = "correct-horse"  # noqa: S105 - of a mail server that is not there
KEY = "k" * 32  # of `serving`
REFUSED, LATE, SPAM = (member(slug).contacts[0].address for slug in (MANTES, DOHA, MELTON))
CITIES = (MANTES, MELTON, DOHA)
CONTROLS = '\x1b[2J\x07\u2028{"event": "forged"}'


def everybody_invited() -> Configuration:
    """At once."""
    found = a_session_in(40)
    return replace(found, members=a_configuration(*found.series, members=CITIES).members)


def script(relay: RecordingRelay) -> None:
    """Each reply quotes the address, some also the password or what the mail says."""
    relay.answers("AUTH", f"535 5.7.8 no such user as scheduler with {PASSWORD}")
    relay.answers("MAIL", f"421 4.7.0 too much to {LATE} and {REFUSED.replace('@', '%40')}, {CONTROLS}")
    relay.answers("RCPT", f"550 5.7.1 <{REFUSED}>: denied by {REFUSED}", to=REFUSED)
    relay.answers("RCPT", f"450 4.2.0 {LATE} is greylisted", f"450 4.2.0 {LATE} again", to=LATE)
    words = "554 5.7.1 spam: Talks https://cities.example/stop/1-abcdefgh"
    relay.answers("CONTENT", f"{words} to {SPAM}", to=SPAM)


async def ask(daemon: Daemon, answered: int) -> list[str]:
    """Pages, feeds, answers and ends, over a real port, with the right links and with wrong ones."""
    shelf = Shelf(daemon.in_force, daemon.clock, daemon.links)
    await shelf.refresh()
    links, base = daemon.links, daemon.links.base_url
    paths = [links.city_feed_path(slug) for slug in CITIES]
    paths += [
        link.removeprefix(base) for link in (links.answer(answered, "first.talks"), links.stop(answered))
    ]
    wrong = [path[:-9] + "aaaa2" + path[-4:] for path in paths]
    headers = {"host": str(urlsplit(base).netloc)}
    async with (
        serving_http(Site(daemon, shelf), "127.0.0.1", 0) as http,
        httpx.AsyncClient(base_url=http.address, headers=headers) as client,
    ):
        for path in (*paths, *wrong):
            await client.get(path)
        for path in (*paths[3:], *wrong[3:]):
            await client.post(path, data={"answer": "declined", "List-Unsubscribe": "One-Click"})
        said = [(await client.get(path)).text for path in ("/health/ready", "/metrics")]
    secrets = [part for path in (*paths, *wrong) for part in path.split("/") if len(part) > 16]
    return [*said, *secrets]


async def take_bounces(database: Database, mail: Received) -> None:
    back = reports.standard(mail.sender, final=mail.to, original=(f"Message-ID: {id_of(mail)}",))
    paths = ReturnPaths(KEY.encode())
    await Bounces(database, paths).take(back, by="Anna", now=datetime.now(UTC))


def id_of(mail: Received) -> str:
    return str(message_from_bytes(mail.octets, policy=default)["Message-ID"])


def lines_of(mail: Received) -> set[str]:
    """What a mail says, by lines long enough to be its own."""
    message = message_from_bytes(mail.octets, policy=default)
    text = message.get_body(("plain",))
    assert text is not None
    found = {str(message["Subject"]), *text.get_content().splitlines()}
    return {line.strip() for line in found if len(line.strip()) > 20}


def never_said(relay: RecordingRelay) -> set[str]:
    """Addresses, also without their domain; what only the mail server may know; what it may not do to us."""
    contacts = [contact for slug in CITIES for contact in member(slug).contacts]
    people = {part for one in contacts for part in (one.address, one.address.partition("@")[0], one.name)}
    assert relay.log_ins == [("scheduler", PASSWORD)] * len(relay.log_ins) != []
    return {PASSWORD, KEY, "abcdefgh", "\x1b", "\u2028", *people} - {""}


def actions(log: str) -> set[str]:
    """Each line is one object, whatever was said."""
    return {json.loads(line).get("action", "") for line in log.splitlines()}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_no_log_names_anybody_or_gives_anything_away(database: Database, tmp_path: Path) -> None:
    with logged("debug") as said:
        async with a_relay(log_in=PASSWORD) as relay:
            script(relay)
            there = {
                "mail_url": f"smtp://scheduler:{PASSWORD}@127.0.0.1:{relay.port}",
                "retry_minutes": "0.001",
            }
            async with serving(database, everybody_invited(), tmp_path, **there) as daemon:
                await relay.until(lambda: len(relay.messages) == 4)
                await take_bounces(database, relay.messages[0])
                shown = await ask(daemon, answered=2)
    log, (health, metrics, *secrets) = said.getvalue(), shown

    forbidden, words = {*never_said(relay), *secrets}, set[str]().union(*map(lines_of, relay.messages))
    assert {word for word in forbidden | words if word in log} == set()
    assert {word for word in forbidden if word in health + metrics} == set()
    assert {"sent", "later", "never", "rest", "bounce", "unsubscribe", "answer"} <= actions(log)
