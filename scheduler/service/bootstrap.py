"""The one place that knows all the real parts, and joins them."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from scheduler.errors import MailUrlRefused, SettingsRefused
from scheduler.mail.line import Patience
from scheduler.mail.mailbox import Maildir
from scheduler.mail.pace import Pace
from scheduler.mail.post import Post
from scheduler.mail.relay_address import RelayAddress, spoken_name
from scheduler.mail.smtp import Relay
from scheduler.model.notices import Kind
from scheduler.service.breaker import Breaker
from scheduler.service.clock import Clock
from scheduler.service.daemon import Daemon
from scheduler.service.delivery import MAX_IN_FLIGHT, Deliverer
from scheduler.service.engine import Engine
from scheduler.service.fences import Fences
from scheduler.service.in_force import Memory
from scheduler.service.leadership import Leadership
from scheduler.service.links import Links, read_or_make_key
from scheduler.service.lookout import Lookout
from scheduler.service.meters import Meters
from scheduler.service.proposals import Proposals
from scheduler.service.pruning import Pruning
from scheduler.service.real_clock import RealClock
from scheduler.settings import Settings
from scheduler.store.database import Database
from scheduler.store.identity import Identity, place_of, prove
from scheduler.store.lock import sqlite_file

_MAILDIR = "maildir:"


@dataclass(frozen=True)
class Rehearsing:
    """Engine and deliverer without supervision: what fails, fails the rehearsal."""

    engine: Engine
    deliverer: Deliverer

    @asynccontextmanager
    async def running(self) -> AsyncIterator[asyncio.Task[None]]:
        """Both tasks at work; gives the task that ends when one of them fails."""
        both = asyncio.create_task(self._run())
        try:
            yield both
        finally:
            both.cancel()
            await asyncio.wait([both])

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.deliverer.run(), name="deliverer")
            tasks.create_task(self.engine.run(), name="engine")


def build_rehearsing(
    database: Database, clock: Clock, post: Post, links: Links, max_in_flight: int = MAX_IN_FLIGHT
) -> Rehearsing:
    memory, meters = Memory(), Meters()
    deliverer = Deliverer(database, clock, post, links, memory, meters, max_in_flight)
    return Rehearsing(Engine(database, clock, deliverer.bell, memory, meters=meters), deliverer)


def build_daemon(settings: Settings, database: Database) -> Daemon:
    """Everything that `scheduler serve` runs. Raises SchedulerError for a setting that cannot be used."""
    meters, memory = Meters(), Memory()
    clock = RealClock(meters, settings.tick_seconds)
    links = Links(settings.base_url, secret_key(settings))
    fences = Fences(identity(settings), settings.amnesty_hours, has_limit=True)
    post = open_post(settings)
    deliverer = Deliverer(
        database,
        clock,
        post,
        links,
        memory,
        meters,
        max_in_flight=settings.max_in_flight,
        lease=settings.lease_seconds,
        ladder=settings.retry_minutes,
        to_hold=kinds_to_hold(settings),
        breaker=Breaker(settings.breaker_seconds),
        fences=fences,
        is_supervised=True,
    )

    lookout = Lookout(database, clock, meters, deliverer.bell, fences.here)
    leadership = _leadership(settings, lookout, memory)

    def leads() -> bool:
        return leadership.is_leading

    return Daemon(
        database=database,
        clock=clock,
        engine=Engine(database, clock, deliverer.bell, memory, leads, fences, meters),
        deliverer=deliverer,
        post=post,
        lookout=lookout,
        leadership=leadership,
        proposals=Proposals(
            settings.config, database, clock, memory, settings.quiet_seconds, leads, links.key
        ),
        pruning=Pruning(database, clock, settings.keep_days, leads),
        memory=memory,
        links=links,
        meters=meters,
        drain=settings.drain_seconds,
    )


def _leadership(settings: Settings, lookout: Lookout, memory: Memory) -> Leadership:
    def may_lead() -> bool:
        """Who has another tz database than what is in force makes no pass: one that has it must lead. Nor
        does another installation, which would read other files, too."""
        knows_its_clocks = memory.known is None or not memory.known.clocks_disagree
        return knows_its_clocks and not lookout.is_elsewhere

    is_alone = not (lookout.database.is_shared and settings.one_leads)
    return Leadership(lookout.database, lookout.clock, is_alone, may_lead=may_lead)


def identity(settings: Settings) -> Identity:
    """Which installation these settings name. Its key is no part of it where there is none yet."""
    has_key = settings.secret_key.get_secret_value() or key_file(settings).is_file()
    key_proof = prove(secret_key(settings)) if has_key else None
    return Identity(settings.base_url, place_of(settings.database_url.get_secret_value()), key_proof)


def kinds_to_hold(settings: Settings) -> frozenset[Kind]:
    """Of SCHEDULER_HOLD_UNCERTAIN."""
    if settings.hold_uncertain == ("all",):
        return frozenset(Kind)
    try:
        return frozenset(map(Kind, settings.hold_uncertain))
    except ValueError:
        what = f"write all, or some of {', '.join(Kind)}, with commas between them"
        raise SettingsRefused(f"SCHEDULER_HOLD_UNCERTAIN: {what}") from None


def open_post(settings: Settings) -> Post:
    """The mailbox or mail server of SCHEDULER_MAIL_URL."""
    url = settings.mail_url.get_secret_value()
    if url.startswith(_MAILDIR):
        return _open_mailbox(Path(url.removeprefix(_MAILDIR)))
    try:
        address = RelayAddress.of(url)
    except MailUrlRefused as error:
        raise SettingsRefused(f"SCHEDULER_MAIL_URL: {error}, or maildir:folder") from None
    return Relay(
        address,
        Patience(
            connect=settings.mail_connect_seconds.total_seconds(),
            command=settings.mail_command_seconds.total_seconds(),
            final_dot=settings.mail_reply_seconds.total_seconds(),
        ),
        connections=min(settings.mail_connections, settings.max_in_flight),
        connections_in_all=settings.max_in_flight,
        pace=Pace(settings.mail_per_second),
        name=spoken_name(settings.base_url),
        tls_context=_trusting(settings.mail_ca) if settings.mail_ca else None,
    )


def _open_mailbox(folder: Path) -> Maildir:
    try:
        return Maildir(folder).open()
    except OSError as error:
        what = f"SCHEDULER_MAIL_URL: the mailbox {folder} cannot be made ({error.strerror})"
        raise SettingsRefused(f"{what}; name a folder that this user may write to") from None


def _trusting(file: Path) -> ssl.SSLContext:
    context = ssl.create_default_context()
    try:
        context.load_verify_locations(file)
    except OSError as error:  # ssl.SSLError is one
        raise SettingsRefused(f"SCHEDULER_MAIL_CA: {file} holds no certificates ({error.strerror})") from None
    return context


def key_file(settings: Settings) -> Path:
    """Where the secret key is made: beside an SQLite database, else in the data folder."""
    file = sqlite_file(settings.database_url.get_secret_value())
    return (file.parent if file else settings.data) / "secret-key"


def secret_key(settings: Settings) -> bytes:
    given = settings.secret_key.get_secret_value()
    return given.encode() if given else read_or_make_key(key_file(settings))
