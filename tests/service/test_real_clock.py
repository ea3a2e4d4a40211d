"""The clock of a running service, with a tick of a twentieth of a second."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import monotonic

import pytest

from scheduler.service.common_time import Measurement
from scheduler.service.meters import Meters
from scheduler.service.real_clock import RealClock

TICK = timedelta(seconds=0.05)


@dataclass
class Machine:
    """The clock of a machine, which somebody may set."""

    ahead: timedelta = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@asynccontextmanager
async def running(clock: RealClock) -> AsyncIterator[RealClock]:
    clock.start()
    watchdog = asyncio.create_task(clock.watch())
    yield clock
    watchdog.cancel()
    clock.stop()


@pytest.fixture
async def clock() -> AsyncIterator[RealClock]:
    async with running(RealClock(Meters(), TICK)) as clock:
        yield clock


async def ticks(clock: RealClock, number: int) -> None:
    """Comes back after so many ticks: each rings every bell."""
    bell = clock.bell()
    async with asyncio.timeout(10):
        for _ in range(number):
            await clock.sleep_until(None, bell)


async def test_it_ticks_by_itself(clock: RealClock) -> None:
    await ticks(clock, 3)

    assert clock.is_alive


async def test_it_wakes_at_a_wanted_instant(clock: RealClock) -> None:
    bell = clock.bell()
    wanted = clock.now() + timedelta(seconds=0.01)
    clock.wake_at([wanted], bell)

    await clock.sleep_until(None, bell)

    assert timedelta(0) <= clock.now() - wanted < TICK


async def test_an_instant_that_is_not_wanted_any_more_wakes_nobody(clock: RealClock) -> None:
    bell = clock.bell()
    clock.wake_at([clock.now() + timedelta(days=1)], bell)
    clock.wake_at([], bell)

    assert [job.id for job in clock._scheduler.get_jobs()] == ["tick"]


async def test_a_bell_rung_before_the_sleep_ends_it_at_once(clock: RealClock) -> None:
    bell = clock.bell()
    bell.ring()

    await asyncio.wait_for(clock.sleep_until(clock.now() + timedelta(days=1), bell), 1)


async def test_a_timer_that_died_is_mended(clock: RealClock) -> None:
    await ticks(clock, 1)
    clock._scheduler._stop_timer()

    await ticks(clock, 3)

    assert clock.is_alive


async def test_a_tick_that_was_put_far_away_comes_back(clock: RealClock) -> None:
    """As it is after the clock of the machine was set back by an hour (A9)."""
    await ticks(clock, 1)
    clock._scheduler.modify_job("tick", next_run_time=clock.now() + timedelta(hours=1))

    await ticks(clock, 3)

    assert clock.is_alive


async def test_mending_does_not_put_the_tick_off(clock: RealClock) -> None:
    """A watchdog that mends more often than it ticks must not push each tick away."""
    await ticks(clock, 1)
    before = clock._ticked_at
    for _ in range(3):
        clock._mend("a test")
        await ticks(clock, 1)

    assert clock._ticked_at > before


def true_time(ahead: timedelta = timedelta(0)) -> Measurement:
    """What a database says whose clock is right, or so far ahead."""
    return Measurement(datetime.now(UTC) + ahead, monotonic(), monotonic())


async def test_the_clock_of_the_database_counts(clock: RealClock) -> None:
    """T06: a machine whose clock is ten minutes ahead sends nothing early, and takes no claim for dead."""
    ahead = RealClock(Meters(), TICK, Machine(timedelta(minutes=10)))

    ahead.hear(true_time())

    assert abs(ahead.now() - clock.now()) < timedelta(seconds=1)
    assert abs(ahead.astray - timedelta(minutes=10)) < timedelta(seconds=1)


async def test_it_wakes_by_the_clock_of_the_database(clock: RealClock) -> None:
    """APScheduler knows the clock of the machine only."""
    clock.hear(true_time(timedelta(hours=1)))
    bell, wanted = clock.bell(), clock.now() + timedelta(seconds=0.01)
    clock.wake_at([wanted], bell)

    await clock.sleep_until(None, bell)

    assert timedelta(0) <= clock.now() - wanted < timedelta(seconds=5)


async def test_a_wake_up_that_came_too_early_comes_again() -> None:
    """Between setting it and its ringing our time was put back a little."""
    async with running(RealClock(Meters(), timedelta(seconds=30))) as clock:
        clock.hear(true_time())
        bell, wanted = clock.bell(), clock.now() + timedelta(seconds=0.05)
        await clock.sleep_until(None, bell)  # the first tick
        clock.wake_at([wanted], bell)
        clock._common.learn(true_time(timedelta(seconds=-0.1)))

        await asyncio.wait_for(clock.sleep_until(None, bell), 5)

        assert clock.now() >= wanted


async def test_a_machine_whose_clock_is_set_does_not_move_the_time_of_the_database() -> None:
    """T01 to T03 with several replicas: an hour forward, an hour back."""
    machine = Machine()
    clock = RealClock(Meters(), TICK, machine)
    clock.hear(true_time())
    before = clock.now()

    machine.ahead = timedelta(hours=1)
    then = clock.now()
    machine.ahead = timedelta(hours=-1)

    assert before <= then <= clock.now() < before + timedelta(seconds=1)


async def test_what_became_due_by_a_step_wakes_at_once() -> None:
    """T01 on an SQLite file: whoever sleeps towards an instant hears that it has come."""
    machine = Machine()
    async with running(RealClock(Meters(), timedelta(seconds=0.3), machine)) as clock:
        bell, wanted = clock.bell(), clock.now() + timedelta(minutes=30)
        clock.wake_at([wanted], bell)
        await clock.sleep_until(None, bell)  # the first tick
        machine.ahead = timedelta(hours=1)

        async with asyncio.timeout(10):
            while clock.now() < wanted or clock._awaited:
                await clock.sleep_until(None, bell)


async def test_a_clock_that_flaps_makes_nobody_busy() -> None:
    """T03: a step is a look or two; between them everybody sleeps, also towards what is long past."""
    machine = Machine()
    async with running(RealClock(Meters(), timedelta(seconds=0.2), machine)) as clock:
        bell, looks, began = clock.bell(), 0, monotonic()
        while monotonic() - began < 0.8:
            machine.ahead = timedelta(hours=looks % 2)
            clock.wake_at([datetime.now(UTC) + timedelta(minutes=30)], bell)
            await clock.sleep_until(clock.now() + timedelta(minutes=20), bell)
            looks += 1

        assert 2 <= looks < 40
        assert clock.is_alive
