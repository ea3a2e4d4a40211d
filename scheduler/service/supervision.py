"""Keeps a task of ours running: whatever it fails of is said, counted, and it starts again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic

from scheduler import logs
from scheduler.errors import DatabaseAway, SchedulerError
from scheduler.service.meters import Meters

#: Seconds before the next start: doubled with each failure, short enough that a reminder that falls due
#: just after the database came back is still on time.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 1.0
#: Who has run so many seconds has recovered.
_RECOVERED = 10.0

_log = logs.get("supervision")


async def keep_running(name: str, work: Callable[[], Awaitable[None]], meters: Meters) -> None:
    """Until `work` returns by itself, or this is cancelled."""
    pause, failures = _FIRST_PAUSE, 0
    while True:
        began = monotonic()
        try:
            return await work()
        except Exception as error:
            if monotonic() - began > _RECOVERED:
                pause, failures = _FIRST_PAUSE, 0
            failures += 1
            if failures & (failures - 1) == 0:  # the first, second, fourth, eighth: an outage fills no disk
                _say(name, error, failures)
        meters.failed(name)
        await asyncio.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)


def _say(name: str, error: Exception, failures: int) -> None:
    said = {"action": "restart", "task": name, "failures": failures}
    if isinstance(error, DatabaseAway) and failures > 1:  # one error for each time it goes away (D04)
        _log.warning("a task starts again", why=str(error), **said)
    elif isinstance(error, SchedulerError):
        _log.error("a task starts again", why=str(error), **said)
    else:
        _log.error("a task starts again", exc_info=error, **said)
