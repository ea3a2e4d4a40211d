"""The clock of a running service, with a tick of a twentieth of a second."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from scheduler.service.meters import Meters
from scheduler.service.real_clock import RealClock

TICK = timedelta(seconds=0.05)


@pytest.fixture
async def clock() -> AsyncIterator[RealClock]:
    clock = RealClock(Meters(), TICK)
    clock.start()
    watchdog = asyncio.create_task(clock.watch())
    yield clock
    watchdog.cancel()
    clock.stop()


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
