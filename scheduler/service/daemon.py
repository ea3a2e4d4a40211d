"""The service on the real clock: what runs in it, how it starts and how it stops."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta

from scheduler import logs
from scheduler.errors import DatabaseAway
from scheduler.mail.post import Post
from scheduler.service import clock_changes
from scheduler.service.delivery import Deliverer
from scheduler.service.digest import asks, digest
from scheduler.service.engine import Engine
from scheduler.service.in_force import InForce, Memory
from scheduler.service.leadership import Leadership
from scheduler.service.links import Links
from scheduler.service.lookout import Lookout
from scheduler.service.meters import Meters
from scheduler.service.passing_on import unreached_in_words
from scheduler.service.proposals import Proposals, Standing
from scheduler.service.pruning import Pruning
from scheduler.service.real_clock import RealClock
from scheduler.service.supervision import keep_running
from scheduler.store import configurations, installation
from scheduler.store.database import Database

#: Seconds for a task to end.
_PATIENCE = 2.0

Work = Callable[[], Awaitable[None]]

_log = logs.get("daemon")


@dataclass(frozen=True)
class Health:
    """Whether requests can be served, and what waits for a person."""

    #: empty: they can; else why not, in words
    not_ready: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class _Delivering:
    """What sends, and the tasks that end before it."""

    deliverer: asyncio.Task[None]
    before: tuple[asyncio.Task[None], ...]


@dataclass
class Daemon:
    """All parts of one running service."""

    database: Database
    clock: RealClock
    engine: Engine
    deliverer: Deliverer
    post: Post
    lookout: Lookout
    leadership: Leadership
    proposals: Proposals
    pruning: Pruning
    memory: Memory
    links: Links
    meters: Meters
    #: how long a stop waits for mails on their way
    drain: timedelta
    is_draining: bool = False
    _is_drained: bool = False
    _shown: InForce | None = None
    _delivering: _Delivering = field(init=False)

    @asynccontextmanager
    async def running(
        self, beside: Mapping[str, Work] | None = None, shown: asyncio.Event | None = None
    ) -> AsyncIterator[None]:
        """Starts from the clock upwards, and stops in the reverse order: mails on their way end with their
        reply, nothing new is begun. beside: tasks of others, to be started last; they are at work until
        the mails have ended.

        shown: set when what is in force is served. Until then neither are the files read, nor is what is due
        looked for: that takes the time that this needs. None: the files are read when this is entered.
        """
        self.clock.start()
        watchdog = self._start("watchdog", self.clock.watch)
        await self.lookout.look()  # from here on we know what time it is
        leadership = self._start("leadership", self.leadership.run)
        await self.leadership.asked()
        can_be_shown = shown is not None and await self._can_show()
        files = self._start("files", _after(shown if can_be_shown else None, self.proposals.run))
        read = self.proposals.looked
        if not can_be_shown:
            await read.wait()
            await self.lookout.look()
        lookout = self._start("lookout", self.lookout.run)
        # after the files: what was edited while nothing ran counts for what fell due meanwhile
        deliverer = self._start("deliverer", _after(read, self.deliverer.run))
        engine = self._start("engine", _after(read, self.engine.run))
        pruning = self._start("pruning", _after(read, self.pruning.run))
        self._delivering = _Delivering(deliverer, (pruning, files, engine, leadership))
        others = [self._start(name, work) for name, work in (beside or {}).items()]
        try:
            yield
        finally:
            await self.drain_mails()
            for task in (*others, lookout):
                await _end(task)
            await self.post.close()
            await _end(watchdog)
            self.clock.stop()

    async def drain_mails(self) -> None:
        """Returns when mails on their way have ended with their reply, or the time for it is over. Until
        `running` ends the service stands without them: pages and feeds can be served. The lead is given
        up first, so that another replica goes on at once."""
        if self._is_drained:  # what hung through its time is not waited for once more
            return
        self.stop_claiming()
        for task in self._delivering.before:
            await _end(task)
        await self._drain(self._delivering.deliverer)
        self._is_drained = True

    async def in_force(self) -> InForce | None:
        """None before the first configuration. Raises DatabaseAway."""
        async with self.database.read() as connection:
            if await configurations.latest_id(connection) == 0:
                return None
            return await self.memory.current(connection)

    async def to_show(self) -> InForce | None:
        """What feeds and pages are made of: what was in force last with the clocks of this program, for the
        same SEQUENCE must not stand for two hours. None while there is none. Raises DatabaseAway."""
        in_force = await self.in_force()
        if in_force and not in_force.clocks_disagree:
            self._shown = in_force
        return self._shown

    async def _can_show(self) -> bool:
        with suppress(DatabaseAway):
            return await self.to_show() is not None
        return False

    def stop_claiming(self) -> None:
        """From now on no mail is begun."""
        self.is_draining = True
        self.deliverer.drain()

    def health(self) -> Health:
        """From memory; no request waits for a database."""
        not_ready = []
        if self.is_draining:
            not_ready.append("the service is stopping")
        if not self.lookout.is_database_there:
            not_ready.append(self.lookout.trouble)
        elif not self.lookout.is_in_force:
            not_ready.append("no configuration is in force")
        if self.engine.trouble:
            not_ready.append(f"what is due cannot be written down: {logs.clean(self.engine.trouble)}")
        warnings = list(self._warnings())
        self.meters.warnings.set(len(warnings))
        self.meters.leads.set(int(self.leadership.is_leading))
        return Health(tuple(not_ready), tuple(warnings))

    def _warnings(self) -> Iterator[str]:
        now, in_force = self.clock.now(), self.memory.known
        if not self.lookout.may_send and self.lookout.is_in_force:
            yield installation.HELD_ELSEWHERE if self.lookout.is_elsewhere else installation.HELD
        if ahead := self.clock.astray:
            yield f"the clock of this machine is {_apart(ahead)}; the database's counts"
        if self.lookout.is_in_force and not self.proposals.looked.is_set():
            yield "the files are being read; nothing is sent before that"
        seen = self.proposals.seen
        if seen.standing is not Standing.SAME:
            yield str(seen)
        if in_force and in_force.held(now):
            yield f"held, for they vanished from the files: {', '.join(in_force.held(now))}"
        if self.lookout.clocks:
            yield str(self.lookout.clocks)
        if in_force and (said := clock_changes.disagreement(in_force)):
            yield said
        for hold in self.lookout.holds:
            if clock_changes.is_of_clocks(hold) and self.lookout.clocks:
                continue
            if hold.is_of_service:
                yield asks(hold, self.lookout.held.get(hold.subject, {}))
                continue
            since = hold.since.isoformat(timespec="minutes")
            by = hold.held_by if clock_changes.is_of_clocks(hold) else "a person"
            yield f"held by {by} since {since}: {hold.subject}; let it go with: scheduler resume"
        breaker = self.deliverer.breaker
        if breaker.is_open(now) or breaker.is_probing:
            yield f"the mail server is away: {logs.clean(breaker.said)}"
        yield from digest(self.lookout.losses, lambda at: f"{at:%Y-%m-%d %H:%M} UTC")
        for said, number in self.lookout.stuck.most_common(3):
            yield f"{number} overdue, the mail server said: {logs.clean(said) or 'nothing yet'}"
        yield from unreached_in_words(self.lookout.unreached)

    def _start(self, name: str, work: Work) -> asyncio.Task[None]:
        return asyncio.create_task(keep_running(name, work, self.meters), name=name)

    async def _drain(self, deliverer: asyncio.Task[None]) -> None:
        if not self.proposals.looked.is_set():  # it has not begun
            await _end(deliverer)
            return
        done, _ = await asyncio.wait([deliverer], timeout=self.drain.total_seconds())
        if not done:
            _log.warning("mails on their way were cut off; they will be sent again", action="drain")
            await _end(deliverer)


def _apart(ahead: timedelta) -> str:
    """Gives "600 s ahead of the database's"."""
    seconds = round(abs(ahead).total_seconds())
    return f"{seconds:,} s {'ahead of' if ahead > timedelta(0) else 'behind'} the database's"


def _after(event: asyncio.Event | None, work: Work) -> Work:
    async def wait_and_work() -> None:
        if event is not None:
            await event.wait()
        await work()

    return wait_and_work


async def _end(task: asyncio.Task[None]) -> None:
    """A task that hangs in a frozen database is left to the end of the process."""
    task.cancel()
    await asyncio.wait([task], timeout=_PATIENCE)
