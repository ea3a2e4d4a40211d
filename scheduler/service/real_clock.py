"""The clock of a running service, on APScheduler: it wakes, and does no work itself.

Its jobs ring bells and return, so none of the pitfalls of a job store can lose a mail: what is due is asked
of the tables by whoever wakes up (reliability rules, part 2).

What the time is, is one question, and when to wake another. The first one is answered by the database where
several replicas share one (`common_time.py`), else by this machine. APScheduler knows this machine's clock
only, so its jobs are set so far from that clock's present as the wanted instants are from ours, and set anew
when either clock was set.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from heapq import nsmallest
from time import monotonic

from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MAX_INSTANCES, EVENT_JOB_MISSED, JobEvent
from apscheduler.jobstores.base import JobLookupError
from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from scheduler import logs
from scheduler.service.clock import Bell
from scheduler.service.common_time import CommonTime, Measurement
from scheduler.service.meters import Meters

TICK = timedelta(seconds=30)
#: So many wake-ups are kept ready. Each is followed by a look, which asks for the next ones.
_MOST_WAKES = 20
#: A difference between the wall clock and a steady one that means that somebody has set the clock.
_STEP = timedelta(seconds=2)
#: When our time is corrected by so much, wake-ups are set anew.
_CORRECTION = timedelta(milliseconds=50)
#: So far apart the clocks of this machine and of the database are said to people.
_ASTRAY = timedelta(minutes=1)

_log = logs.get("clock")


def _of_this_machine() -> datetime:
    return datetime.now(UTC)


class RealClock:
    """Ticks every `tick`, and rings at the wanted instants; `watch` sees to it that it never stops.

    machine: the clock of this machine, which somebody may set.
    """

    def __init__(
        self, meters: Meters, tick: timedelta = TICK, machine: Callable[[], datetime] = _of_this_machine
    ) -> None:
        self.tick = tick
        self._meters = meters
        self._machine = machine
        self._common = CommonTime()
        self._scheduler = AsyncIOScheduler(
            jobstores={"default": MemoryJobStore()},
            timezone=UTC,
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        )
        self._scheduler.add_listener(
            self._missed, EVENT_JOB_ERROR | EVENT_JOB_MISSED | EVENT_JOB_MAX_INSTANCES
        )
        self._bells: list[Bell] = []
        self._sleepers: dict[Bell, asyncio.Future[None]] = {}
        self._wanted: dict[Bell, frozenset[datetime]] = {}
        #: instants that a job waits for
        self._awaited: set[datetime] = set()
        self._ticked_at = 0.0
        meters.tick_age.set_function(lambda: self.tick_age.total_seconds())

    def start(self) -> None:
        self._ticked_at = monotonic()
        self._scheduler.start()
        self._schedule_tick()

    def stop(self) -> None:
        self._scheduler.shutdown(wait=False)

    @property
    def tick_age(self) -> timedelta:
        """How long ago it ticked, by a clock that nobody can set."""
        return timedelta(seconds=monotonic() - self._ticked_at)

    @property
    def is_alive(self) -> bool:
        return self.tick_age < 3 * self.tick

    def now(self) -> datetime:
        return self._common.now() if self._common.is_known else self._machine()

    @property
    def astray(self) -> timedelta:
        """How far the clock of this machine is ahead of the time that counts; nothing where that is no
        matter."""
        ahead = self._machine() - self.now()
        return ahead if abs(ahead) > _ASTRAY else timedelta(0)

    def hear(self, measured: Measurement) -> None:
        """What the database's clock said. From the first time on it counts, and this machine's does not."""
        is_first, before = not self._common.is_known, self.now()
        self._common.learn(measured)
        moved = abs(self.now() - before)
        if is_first and moved > _ASTRAY:
            said = "the clock of this machine is wrong, or the database's; the database's counts"
            _log.warning(said, action="astray", seconds_ahead=round(self.astray.total_seconds(), 1))
        if is_first:
            self._await_anew()
        elif moved > _STEP:
            self._mend("the clock of the database was set")
        elif moved > _CORRECTION:
            self._await_anew()

    def bell(self) -> Bell:
        self._bells.append(Bell(self))
        return self._bells[-1]

    def ring_all(self) -> None:
        """Everybody looks."""
        for bell in self._bells:
            bell.ring()

    def wake_at(self, instants: Iterable[datetime], bell: Bell) -> None:
        self._wanted[bell] = frozenset(nsmallest(_MOST_WAKES, instants))
        wanted = frozenset[datetime]().union(*self._wanted.values())
        for instant in self._awaited - wanted:
            with suppress(JobLookupError):  # it is just ringing
                self._scheduler.remove_job(_name(instant))
        missing = wanted - self._awaited
        self._awaited = set(wanted)
        for instant in sorted(missing):
            self._await(instant)

    def _await(self, instant: datetime) -> None:
        self._scheduler.add_job(
            self._wake,
            "date",
            run_date=_of_this_machine() + (instant - self.now()),
            args=(instant,),
            id=_name(instant),
            replace_existing=True,
        )

    def _await_anew(self) -> None:
        for instant in sorted(self._awaited):
            self._await(instant)

    async def sleep_until(self, instant: datetime | None, bell: Bell) -> None:
        """Should the clock be set meanwhile: the next tick rings every bell."""
        if not bell.is_rung:
            loop = asyncio.get_running_loop()
            self._sleepers[bell] = loop.create_future()
            wait = max(0.0, (instant - self.now()).total_seconds()) if instant else None
            timer = loop.call_later(wait, bell.ring) if wait is not None else None
            try:
                await self._sleepers[bell]
            finally:
                self._sleepers.pop(bell, None)
                if timer:
                    timer.cancel()
        bell.is_rung = False

    def rung(self, bell: Bell) -> None:
        sleeper = self._sleepers.get(bell)
        if sleeper and not sleeper.done():
            sleeper.set_result(None)

    async def watch(self) -> None:
        """The watchdog, outside APScheduler: one error in its timer, or a clock set back, would stop it for
        good in silence (reliability rules A2, A9). For ever."""
        pause = self.tick / 6
        while True:
            wall, steady = self._machine(), monotonic()
            await asyncio.sleep(pause.total_seconds())
            passed = timedelta(seconds=monotonic() - steady)
            if abs(self._machine() - wall - passed) > _STEP:
                self._mend("the clock of this machine was set")
            elif self.tick_age > self.tick + 2 * pause:
                self._mend("the clock had stopped ticking")

    def _mend(self, why: str) -> None:
        """Ticks at once, and from then on; a tick put off to the next round would be put off for ever."""
        _log.warning(why, action="mend", tick_age=round(self.tick_age.total_seconds(), 1))
        self._meters.missed_a_job()
        self._schedule_tick()
        self._await_anew()
        self._scheduler.wakeup()

    def _schedule_tick(self) -> None:
        seconds = self.tick.total_seconds()
        self._scheduler.add_job(
            self._tick,
            "interval",
            seconds=seconds,
            id="tick",
            replace_existing=True,
            next_run_time=_of_this_machine(),
        )

    async def _tick(self) -> None:
        self._ticked_at = monotonic()
        self.ring_all()

    async def _wake(self, instant: datetime) -> None:
        if instant not in self._awaited:
            return
        if instant > self.now():  # our time was corrected by some milliseconds
            self._await(instant)
            return
        self._awaited.discard(instant)
        for bell, instants in self._wanted.items():
            if instant in instants:
                self._wanted[bell] = instants - {instant}
                bell.ring()

    def _missed(self, event: JobEvent) -> None:
        _log.error("a job of the clock failed or was missed", action="missed", job=event.job_id)
        self._meters.missed_a_job()


def _name(instant: datetime) -> str:
    return f"wake:{instant.isoformat()}"
