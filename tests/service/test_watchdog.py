"""D06: one error inside APScheduler, at the worst moment, stops neither the ticks nor a wake-up.

APScheduler 3.11 arms its timer at the end of a pass, so a store that raises once in the middle of one disarms
it for good, and says nowhere that it did.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from apscheduler.jobstores.memory import MemoryJobStore

from scheduler.service.meters import Meters
from scheduler.service.real_clock import RealClock
from scheduler.service.supervision import keep_running

TICK = timedelta(seconds=0.05)


class Faulty(MemoryJobStore):  # type: ignore[misc]
    """Raises once, at the call that it is told."""

    fault = ""
    has_failed = False

    def _fail_at(self, call: str) -> None:
        if call == self.fault:
            self.fault, self.has_failed = "", True
            raise ConnectionError("the store is away")

    def get_due_jobs(self, now: Any) -> Any:
        self._fail_at("get_due_jobs")
        return super().get_due_jobs(now)

    def update_job(self, job: Any) -> None:
        self._fail_at("update_job")
        super().update_job(job)

    def remove_job(self, job_id: Any) -> None:
        self._fail_at("remove_job")
        super().remove_job(job_id)

    def get_next_run_time(self) -> Any:
        self._fail_at("get_next_run_time")
        return super().get_next_run_time()

    def add_job(self, job: Any) -> None:
        self._fail_at("add_job")
        super().add_job(job)


@asynccontextmanager
async def running(meters: Meters, store: Faulty) -> AsyncIterator[RealClock]:
    """As the daemon runs it: the watchdog is supervised."""
    clock = RealClock(meters, TICK)
    clock._scheduler.remove_jobstore("default")
    clock._scheduler.add_jobstore(store)
    clock.start()
    watchdog = asyncio.create_task(keep_running("watchdog", clock.watch, meters))
    yield clock
    watchdog.cancel()
    clock.stop()


def let_a_job_end(clock: RealClock) -> None:
    clock.wake_at([clock.now() + timedelta(seconds=0.01)], clock.bell())


def let_it_be_mended(clock: RealClock) -> None:
    """The mending sets a job, and fails."""
    clock._scheduler._stop_timer()


#: What APScheduler asks of a store -> what makes it ask that, beside the tick.
CALLS: dict[str, Callable[[RealClock], None]] = {
    "get_due_jobs": lambda _: None,
    "update_job": lambda _: None,
    "get_next_run_time": lambda _: None,
    "remove_job": let_a_job_end,
    "add_job": let_it_be_mended,
}


@pytest.mark.parametrize("call", CALLS)
async def test_an_error_in_the_job_store_stops_no_tick(call: str) -> None:
    store = Faulty()
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)  # it is said, and only said
    async with running(Meters(), store) as clock, asyncio.timeout(10):
        bell = clock.bell()
        await clock.sleep_until(None, bell)
        store.fault = call
        CALLS[call](clock)
        while not store.has_failed:
            await clock.sleep_until(None, bell)
        for _ in range(3):
            await clock.sleep_until(None, bell)
        wanted = clock.now() + timedelta(seconds=0.02)
        clock.wake_at([wanted], bell)
        while clock.now() < wanted:
            await clock.sleep_until(None, bell)

        assert clock.is_alive
