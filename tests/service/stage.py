"""A small stage for engine and deliverer: a virtual clock, a mailbox, and what was sent."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email import message_from_bytes
from email.message import Message
from pathlib import Path

from sqlalchemy import select

from scheduler.mail.mailbox import Maildir
from scheduler.mail.post import Post
from scheduler.model.network import Configuration
from scheduler.model.notices import Kind
from scheduler.service.apply import put_in_force
from scheduler.service.bootstrap import build_rehearsing
from scheduler.service.fences import Fences
from scheduler.service.links import Links
from scheduler.service.meters import Meters
from scheduler.service.virtual_clock import VirtualClock
from scheduler.store import configurations, counts, outbox, tables
from scheduler.store.database import Database
from scheduler.store.outbox import Delivery

LINKS = Links("https://cities.example", b"test")


@dataclass
class Stage:
    database: Database
    folder: Path
    #: instead of the mailbox
    post: Post | None = None
    links: Links = LINKS
    fences: Fences = field(default_factory=Fences)
    #: kinds that are not sent again by themselves when they may have arrived
    to_hold: Collection[Kind] = ()
    #: of what was played last
    meters: Meters = field(default_factory=Meters)

    async def apply(
        self, configuration: Configuration, now: datetime, *, older_clocks: bool = False
    ) -> list[str]:
        """Puts a configuration in force, as staff would at `now`."""
        async with self.database.read() as connection:
            before = await configurations.latest(connection)
        replaces = before.hash if before else None
        return await put_in_force(
            self.database,
            configuration,
            now=now,
            by="staff",
            replaces=replaces,
            older_clocks=older_clocks,
            key=self.links.key,
        )

    async def play(self, start: datetime, end: datetime) -> None:
        """Engine and deliverer at work from `start` to `end`."""
        clock = VirtualClock(start, end)
        post = self.post or self.mailbox
        service = build_rehearsing(self.database, clock, post, self.links)
        self.meters = service.deliverer.meters
        service.engine.fences = service.deliverer.fences = self.fences
        service.deliverer.to_hold = self.to_hold
        async with service.running() as tasks:
            over = asyncio.create_task(clock.over())
            done, _ = await asyncio.wait([over, tasks], return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            await task

    @property
    def mailbox(self) -> Maildir:
        return Maildir(self.folder / "mailbox", durable=False).open()

    async def sent(self, kind: str | None = None) -> list[Delivery]:
        async with self.database.read() as connection:
            rows = [row async for row in outbox.sent(connection)]
        return [row for row in rows if kind in (None, row.kind.value)]

    async def reasons(self, kind: str) -> Counter[tuple[str, str, str]]:
        """(rule, state, reason) of all mails of a kind, with how many each."""
        table = tables.outbox.c
        async with self.database.read() as connection:
            query = select(table.rule, table.state, table.reason).where(table.kind == kind)
            return Counter(tuple(row) for row in await connection.execute(query))

    async def states(self) -> dict[tuple[str, str], int]:
        async with self.database.read() as connection:
            return await counts.count_by_state(connection)

    def message(self, delivery: Delivery) -> Message:
        assert delivery.receipt
        return message_from_bytes((self.folder / "mailbox" / delivery.receipt).read_bytes())


def part(message: Message, kind: str) -> str:
    """The text of the one part of a kind."""
    found = [one for one in message.walk() if one.get_content_type() == kind]
    octets = found[0].get_payload(decode=True)
    assert isinstance(octets, bytes)
    return octets.decode()


def told(rows: Sequence[Delivery]) -> list[tuple[str, str, str | None, int]]:
    """(kind, member, method, sequence) of each, in the order of sending."""
    return [(row.kind.value, row.member, row.method, row.sequence) for row in rows]
