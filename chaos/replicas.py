"""Two replicas on one PostgreSQL, each with a mail server of its own, in a storm."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from time import monotonic

from chaos import staff, talks
from chaos.auditor import Notice, Span
from chaos.faults import Manners
from chaos.house import House, address
from chaos.journal import Taken
from chaos.mail_server import MailServer
from chaos.rows.crashes import a_house
from chaos.serving import Serving
from chaos.trial import Trial
from scheduler.model.notices import Kind, MinutesBefore, NoticeRule

#: What happens to replicas, and to the database they share.
KILL, STOP, FREEZE = "SIGKILL", "SIGTERM", "SIGSTOP"
RESTART, CRASH, DROP = "restart of the database", "kill -9 of the database", "dropped connections"
WHOLE_STORM = (KILL, STOP, FREEZE, RESTART, CRASH, DROP)
#: What may repeat what was on its way.
_CHARGED = (KILL, FREEZE, RESTART, CRASH, DROP)
_LEASE = 3.0
_HOUR_BEFORE = NoticeRule("soon", Kind.REMINDER, ("coordinator",), MinutesBefore(60))


async def prepare(
    trial: Trial, cities: int, sessions: int, seconds: float
) -> tuple[House, dict[Notice, Span]]:
    """So many talks, whose reminders fall due evenly within so many seconds from now on; and what is owed."""
    house = a_house(trial, cities)
    house.environment |= {
        "SCHEDULER_DATABASE_URL": trial.postgres().a_database(),
        "SCHEDULER_LEASE_SECONDS": str(_LEASE),
    }
    begin = datetime.now(UTC) + timedelta(seconds=6)
    starts = {
        f"talk-{n}": begin + timedelta(minutes=60, seconds=n * 0.8 * seconds / sessions)
        for n in range(sessions)
    }
    configuration = staff.configuration_of(house)
    (series,) = configuration.series
    (session,) = series.sessions
    talks_ = tuple(staff.at(replace(session, id=name), start) for name, start in starts.items())
    series = staff.with_rules(replace(series, sessions=talks_), more=(_HOUR_BEFORE,))
    await staff.decide(house, replace(configuration, series=(series,)))
    due = {
        Notice(address(n), f"{name}.talks", "soon"): Span(start - timedelta(minutes=60), start)
        for n in range(1, cities + 1)
        for name, start in starts.items()
    }
    return house, due


async def remind(house: House, ahead: timedelta) -> datetime:
    """One talk, whose reminder is due so far ahead; gives when."""
    talks.prepare(house)
    due_at = datetime.now(UTC) + ahead
    configuration = staff.configuration_of(house)
    (series,) = configuration.series
    moved = replace(series, sessions=(staff.at(series.sessions[0], due_at + timedelta(minutes=60)),))
    moved = staff.with_rules(moved, more=(_HOUR_BEFORE,))
    await staff.decide(house, replace(configuration, series=(moved,)))
    return due_at


@dataclass
class Pair:
    """Both replicas, from the first to the last mail."""

    trial: Trial
    house: House
    seconds: float
    #: what is different in the house of the second one
    change: Callable[[House], House] = lambda house: house
    storm: dict[str, int] = field(default_factory=dict)
    servers: list[MailServer] = field(default_factory=list)
    _running: list[Serving | None] = field(default_factory=lambda: [None, None])

    @property
    def taken(self) -> list[Taken]:
        """What both servers took, in order."""
        return sorted(
            (one for server in self.servers for one in server.journal.taken), key=lambda one: one.ended
        )

    @property
    def shares(self) -> list[int]:
        return [len(server.journal.taken) for server in self.servers]

    @property
    def charges(self) -> int:
        return sum(number for name, number in self.storm.items() if name in _CHARGED)

    async def run(self, storm: tuple[str, ...], every: float = 4.0) -> None:
        """Both at work; every few seconds one thing of the storm happens. Ends when all is done."""
        with ExitStack() as stack:
            # what one replica claims at once takes it so long that the other one sees what is left
            manners = Manners(seconds_per_message=0.05)
            self.servers = [stack.enter_context(self.trial.mail_server(manners=manners)) for _ in range(2)]
            one, other = (self._sending_to(server) for server in self.servers)
            houses = (one, self.change(other))
            weather = asyncio.create_task(self._weather(storm, every))
            ends = [asyncio.create_task(self._keep(house, number)) for number, house in enumerate(houses)]
            try:
                await weather
                was_done = await talks.done(self.house, 1, 120)
                self.trial.claim("all is done", was_done)
            finally:
                for task in (weather, *ends):
                    task.cancel()
                await asyncio.gather(weather, *ends, return_exceptions=True)

    def _sending_to(self, server: MailServer) -> House:
        return replace(self.house, environment={**self.house.environment, "SCHEDULER_MAIL_URL": server.url})

    async def _keep(self, house: House, number: int) -> None:
        """Starts it again whenever it ended, as a supervisor would."""
        while True:
            async with house.launching() as service:
                self._running[number] = service
                await service.process.wait()
            self._running[number] = None
            await asyncio.sleep(0.2)

    async def _weather(self, storm: tuple[str, ...], every: float) -> None:
        end = monotonic() + self.seconds
        while monotonic() < end:
            await asyncio.sleep(every * (0.5 + self.trial.random.random()))
            if storm and monotonic() < end:
                await self._strike(self.trial.random.choice(storm))

    async def _strike(self, what: str) -> None:
        self.storm[what] = self.storm.get(what, 0) + 1
        postgres = self.trial.postgres()
        service = self._running[self.trial.random.randrange(2)]
        match what:
            case "restart of the database":
                await asyncio.to_thread(postgres.restart)
            case "kill -9 of the database":
                await asyncio.to_thread(postgres.crash)
            case "dropped connections":
                await asyncio.to_thread(postgres.drop_connections)
            case _ if service is None:
                return
            case "SIGSTOP":
                service.send(signal.SIGSTOP)
                await asyncio.sleep(1.5 * _LEASE)
                service.send(signal.SIGCONT)
            case _:
                service.send(signal.Signals[what])
